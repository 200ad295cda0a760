"""Conversion of weights that people hold to safetensors files that say what they are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

import torch

from realesr.errors import InvalidOptionError, UnwritableMediaError
from realesr.models.loader import load_model
from realesr.models.networks.base import SRModel, SRNetwork
from realesr.models.networks.luma import LumaNetwork
from realesr.models.registry import describe
from realesr.overwriting import refuse_overwriting
from realesr.reasons import reason_of
from realesr.weights.fetch import sha256_of
from realesr.weights.foreign import files_of
from realesr.weights.metadata import LICENSE, ORIGIN, SCALE
from realesr.weights.torch_checkpoint import load_checkpoint, save_weights

SUFFIX = ".safetensors"
UNKNOWN = "unknown"
"""License of weights of which nobody has said one."""
_ARGUMENTS = frozenset({"state_dict", "path", "dtype"})
"""Metadata of strangers that would pass for an argument of :func:`save_weights`."""


class Converted(NamedTuple):
    """What was written.

    Attributes:
        path: The file.
        architecture: Name of the network.
        scale: Output px per input px, along each side.
        parameters: Number of values.
        metadata: Metadata of the file.
    """

    path: Path
    architecture: str
    scale: int
    parameters: int
    metadata: dict[str, str]


def convert(path: Path, output: Path, *, license_: str | None = None) -> Converted:
    """Converts weights to a safetensors file in float32, with this package's names of parameters.

    The network is built, so that what is written loads.

    Args:
        path: Weights file; see :func:`realesr.weights.torch_checkpoint.load_checkpoint`.
        output: The file to write, ``.safetensors``.
        license_: License of the weights; None takes what the file itself says, if it does.

    Raises:
        InvalidOptionError: ``output`` is no safetensors file, or is the file itself.
        MissingWeightsError, MissingExtraError: The file, or a package that reads it, is missing.
        UnsupportedCheckpointError: The file is damaged, unsafe, or of an unknown architecture.
        UnwritableMediaError: The file cannot be written.
    """
    if output.suffix.lower() != SUFFIX:
        raise InvalidOptionError(f"`output` {output}: must end with {SUFFIX}")
    sources = files_of(path)
    refuse_overwriting("`output`", output, sources)
    model = cast(SRModel, load_model(path))
    state, told = load_checkpoint(path)
    network = model.network if isinstance(model, LumaNetwork) else model
    metadata = {
        **{name: text for name, text in told.items() if name not in _ARGUMENTS},
        **_described(network),
        SCALE: str(model.scale),
        LICENSE: license_ or told.get(LICENSE, UNKNOWN),
        ORIGIN: "\n".join(f"{sha256_of(each)}  {each.name}" for each in sources),
    }
    try:
        save_weights(state, output, dtype=torch.float32, **metadata)
    except OSError as error:
        raise UnwritableMediaError(f"{output}: {reason_of(error)}") from error
    return Converted(
        path=output,
        architecture=getattr(model, "architecture", type(network).__name__),
        scale=model.scale,
        parameters=sum(tensor.numel() for tensor in state.values()),
        metadata=metadata,
    )


def _described(network: object) -> dict[str, str]:
    """Returns the metadata of a network of this package; none for one of spandrel."""
    return describe(network.config) if isinstance(network, SRNetwork) else {}
