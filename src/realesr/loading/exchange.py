"""ONNX networks: files of the user, and those that are made of weights and kept."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.errors import InvalidOptionError, UnsupportedPrecisionError
from realesr.loading.resolve import NetworkFiles
from realesr.options import UpscaleOptions
from realesr.partial import write_whole
from realesr.progress import Notice, Notify
from realesr.weights.catalog import cache_folder
from realesr.weights.content import is_onnx
from realesr.weights.fetch import sha256_of

if TYPE_CHECKING:
    from realesr.engine.onnx.backend import OnnxBackend
    from realesr.engine.onnx.content import OnnxFile

_CONVERSION = "1"
"""Changes when the same weights are written in another way."""


def runtime_for(options: UpscaleOptions, path: Path) -> str | None:
    """Returns what is to compute a network as ONNX; None for an engine of realesr.

    Raises:
        InvalidOptionError: The file is ONNX, and the engine does not read that.
    """
    from realesr.engine.onnx.session import RUNTIMES

    if options.engine in RUNTIMES:
        return options.engine
    if not is_onnx(path):
        return None
    if options.engine != "auto":
        raise InvalidOptionError(
            f"`engine` {options.engine} does not compute {path}, an ONNX network: use auto, "
            f"{' or '.join(RUNTIMES)}"
        )
    return RUNTIMES[0]


def make_onnx_backend(
    runtime: str, options: UpscaleOptions, files: NetworkFiles, notify: Notify
) -> OnnxBackend:
    """Makes a back end from an ONNX file, or from weights, which are converted once.

    Raises:
        WeightsError: The network cannot be loaded.
        DeviceError: The device does not exist, or does not support the precision.
        MissingExtraError: A package is not installed.
    """
    from realesr.engine.onnx.backend import OnnxBackend
    from realesr.engine.onnx.content import read_onnx
    from realesr.engine.onnx.network import load_network
    from realesr.engine.onnx.session import open_session

    is_own = is_onnx(files.path)
    if options.precision in ("bf16", "mixed"):
        raise UnsupportedPrecisionError(
            f"`precision` {options.precision}: {runtime} computes in fp32 or fp16 here"
        )
    is_half = options.precision == "fp16"
    file = read_onnx(files.path) if is_own else _converted(files, is_half=is_half)
    if options.is_compiled:
        notify(Notice("option-without-effect", f"`is_compiled` does nothing with {runtime}"))
    if options.precision != "auto" and is_half != file.is_half:
        notify(
            Notice(
                "option-without-effect",
                f"`precision` {options.precision} does nothing: the file computes in "
                f"{'fp16' if file.is_half else 'fp32'}",
            )
        )
    session = open_session(runtime, file, device=options.device, threads=options.threads)
    network = load_network(file, session)
    if network.fixed_tile is not None and options.tile is not None:
        notify(
            Notice(
                "option-without-effect",
                f"`tile` {options.tile} does nothing: the network takes "
                f"{network.fixed_tile} px alone",
            )
        )
    return OnnxBackend(network, runtime)


def _converted(files: NetworkFiles, *, is_half: bool) -> OnnxFile:
    """Returns weights as ONNX, from the user's cache if they are there.

    Raises:
        WeightsError: The weights cannot be loaded, or written as ONNX.
    """
    from realesr.engine.onnx.content import examine, read_onnx
    from realesr.errors import WeightsError

    kept = cache_folder() / "converted" / f"{_identity(files, is_half)}.onnx"
    if kept.is_file():
        try:
            file = read_onnx(kept)
        except WeightsError:
            pass  # damaged: made anew
        else:
            with suppress(OSError):
                os.utime(kept)
            return file
    from realesr.engine.onnx.writing import to_onnx
    from realesr.models.loader import load_model
    from realesr.weights.parameters import MAX_CONVERTED

    model = load_model(files.path, other=files.other, weight=files.weight)
    data = to_onnx(model, is_half=is_half)
    with suppress(OSError):  # without a cache only the next start is slower
        write_whole(kept, data)
        by_age = sorted(kept.parent.glob("*.onnx"), key=lambda each: each.stat().st_mtime)
        for old in by_age[:-MAX_CONVERTED]:
            old.unlink(missing_ok=True)
    return examine(data)


def _identity(files: NetworkFiles, is_half: bool) -> str:
    """Returns the name of a converted file: a hash of all that it depends on, hexadecimal.

    Raises:
        MissingWeightsError: A file cannot be read.
    """
    from realesr.errors import MissingWeightsError
    from realesr.reasons import reason_of

    parts = [_CONVERSION, str(is_half), str(files.weight)]
    try:
        parts += [sha256_of(path) for path in (files.path, files.other) if path is not None]
    except OSError as error:
        raise MissingWeightsError(f"{files.path}: {reason_of(error)}") from error
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
