"""Export of a network: written, run and compared before it gets its name."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from realesr.errors import InvalidOptionError, UnsupportedCheckpointError, UnwritableMediaError
from realesr.export.formats import FORMATS, ExportFormat
from realesr.loading.resolve import NetworkFiles
from realesr.overwriting import refuse_overwriting
from realesr.partial import temporary_folder
from realesr.reasons import reason_of
from realesr.weights.catalog import all_specs
from realesr.weights.fetch import sha256_of

if TYPE_CHECKING:
    from torch import nn

    from realesr.export.formats import Runner
    from realesr.models.networks.base import SRModel

_COMPARED = ((32, 24, 1), (37, 29, 1), (48, 64, 2))
"""Height, width and number of the images that are compared, px: odd sides among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A written network.

    Attributes:
        paths: Its files.
        size_bytes: Size of all of them.
        difference: Largest difference to PyTorch in float32, in [0, 1].
        scale: Output px per input px.
        multiple_of: What sides have to be multiples of, px; 1 if anything goes.
        seconds: Time for writing and comparing, s.
    """

    paths: tuple[Path, ...]
    size_bytes: int
    difference: float
    scale: int
    multiple_of: int
    seconds: float


def export(
    files: NetworkFiles,
    output: Path,
    *,
    format_name: str = "onnx",
    precision: str = "fp32",
    version: str = "",
) -> Export:
    """Writes a network. Imports PyTorch.

    Args:
        files: Its weights.
        output: The file; formats with two files write the other one beside it.
        format_name: A key of :data:`realesr.export.formats.FORMATS`.
        precision: ``fp32`` or ``fp16``.
        version: Version of this program, which the file states.

    Raises:
        InvalidOptionError: The format has no fp16, or the name has another suffix.
        WeightsError: The weights cannot be loaded, or the format does not know an operation.
        UnsupportedCheckpointError: The other program computes something else than PyTorch.
        UnwritableMediaError: The files cannot be written.
        MissingExtraError: A package is not installed.
    """
    started = time.perf_counter()
    format_ = FORMATS[format_name]
    is_half = precision == "fp16"
    if is_half and not format_.has_fp16:
        raise InvalidOptionError(f"`precision` fp16: {format_name} is written in fp32 here")
    if output.suffix.lower() != format_.suffixes[0]:
        raise InvalidOptionError(
            f"`output` {output}: the name of a network as {format_name} ends with "
            f"{format_.suffixes[0]}"
        )
    for path in format_.paths(output):
        refuse_overwriting("`output`", path, (files.path, files.other))
    _refuse_parts_of_others(format_, output)
    write = format_.writer()
    from realesr.models.loader import load_model

    model = load_model(files.path, other=files.other, weight=files.weight)
    paths = format_.paths(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(output.parent) as folder:
            parts = format_.paths(folder / output.name)
            write(model, parts, is_half, _about(files, precision, version))
            difference = largest_difference(
                format_, format_.runner(parts, is_half=is_half), cast("SRModel", model)
            )
            _check(difference, format_.tolerance[is_half], format_name)
            size_bytes = sum(map(_size_of, parts))
            for part, path in reversed(list(zip(parts, paths, strict=True))):
                part.replace(path)  # the one that users name comes last
    except OSError as error:
        raise UnwritableMediaError(f"{output}: cannot be written: {reason_of(error)}") from error
    properties = cast("SRModel", model)
    return Export(
        paths=paths,
        size_bytes=size_bytes,
        difference=difference,
        scale=properties.scale,
        multiple_of=1 if format_.has_padding else properties.multiple_of,
        seconds=time.perf_counter() - started,
    )


def _refuse_parts_of_others(format_: ExportFormat, output: Path) -> None:
    """Refuses to replace a file that lies beside the output and is no part of an earlier export.

    Several formats have a second file of the same name, such as ncnn and OpenVINO their ``.bin``.

    Raises:
        InvalidOptionError: Another network owns such a file, or may own it.
    """
    named, *rest = format_.paths(output)
    taken = [path for path in rest if path.exists()]
    rivals = [
        rival
        for other in FORMATS.values()
        if other is not format_ and set(other.suffixes) & {path.suffix for path in taken}
        for rival in other.paths(output)[:1]
        if rival.exists()
    ]
    for path in taken:
        if rivals or not named.exists():
            owner = f"belongs to {rivals[0].name}" if rivals else "may belong to another network"
            raise InvalidOptionError(
                f"`output` {output}: {path.name} would be replaced, which exists and {owner}: "
                "choose another name"
            )


def largest_difference(format_: ExportFormat, run: Runner, model: SRModel) -> float:
    """Returns the largest difference of a written network to PyTorch in float32, in [0, 1]."""
    import numpy as np
    import torch

    from realesr.models.networks.exchange import ExchangeNetwork, sample

    reference = ExchangeNetwork(cast("nn.Module", model)).eval()
    largest = 0.0
    for height, width, count in _COMPARED:
        if not format_.has_padding:
            height -= height % model.multiple_of
            width -= width % model.multiple_of
        images = sample(height, width, count=count if format_.has_batches else 1)
        with torch.inference_mode():
            expected = reference(images).numpy()
        result = run(images.numpy())
        if result.shape != expected.shape:
            raise UnsupportedCheckpointError(
                f"the written network makes {result.shape} of {width}x{height} px, and PyTorch "
                f"{expected.shape}: nothing was written"
            )
        difference = float(np.abs(result.astype(np.float32) - expected).max())
        largest = max(largest, difference if difference == difference else float("inf"))
    return largest


def _about(files: NetworkFiles, precision: str, version: str) -> dict[str, str]:
    """Returns what a file says about itself, beside the numbers of its network."""
    digest = sha256_of(files.path)
    specs = [spec for spec in all_specs() if spec.weights.sha256 == digest]
    about = {
        "version": version,
        "model": specs[0].name if specs else files.path.name,
        "sha256": digest,
        "license": specs[0].license if specs else "unknown",
        "color_order": "RGB",
        "value_range": "0..1",
        "precision": precision,
    }
    if files.other is not None:
        about |= {"partner_sha256": sha256_of(files.other), "share": f"{files.weight:g}"}
    return about


def _check(difference: float, tolerance: float, name: str) -> None:
    if not difference <= tolerance:
        raise UnsupportedCheckpointError(
            f"as {name} the network gives values that differ by {difference:.2g} from PyTorch's, "
            f"more than {tolerance:g}: nothing was written"
        )


def _size_of(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(Path(folder, name).stat().st_size for folder, _, names in os.walk(path)
               for name in names)  # fmt: skip
