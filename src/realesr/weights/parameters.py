"""Parameters as NumPy arrays, for the native engine. PyTorch is imported only where it must be.

A ``.pth`` file is a pickle, which PyTorch's weights-only reader reads; importing PyTorch takes two
seconds. So such a file is converted once to a safetensors file in the user's cache, named by the
SHA-256 of the original.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realesr.weights.catalog import cache_folder
from realesr.weights.fetch import sha256_of

if TYPE_CHECKING:
    from realesr.weights.torch_checkpoint import Checkpoint

Arrays = dict[str, NDArray[np.float32]]

MAX_CONVERTED = 16
"""Converted files that are kept; the one that was used longest ago is deleted first."""
_MAX_HEADER = 100 * 2**20
"""Longest header of a safetensors file, bytes (the library's own limit)."""


class Parameters(NamedTuple):
    """What a file of weights holds.

    Attributes:
        arrays: float32, by the names of the parameters.
        metadata: What a safetensors file says of itself; empty for other files.
    """

    arrays: Arrays
    metadata: Mapping[str, str]


def read_parameters(path: Path) -> Parameters | None:
    """Reads the parameters of a network.

    Args:
        path: A ``.safetensors`` file, or a PyTorch file (``.pth``), as
            :func:`realesr.weights.torch_checkpoint.load_checkpoint` reads it.

    Returns:
        None where the values are no plain arrays even in PyTorch.

    Raises:
        MissingWeightsError, UnsupportedCheckpointError: As ``load_checkpoint``.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path) or _read_with_torch(path)
    try:
        converted = cache_folder() / "converted" / f"{sha256_of(path)}.safetensors"
    except OSError:
        return _read_with_torch(path)  # which raises, with the reason
    parameters = _read_safetensors(converted)
    if parameters is not None:
        with suppress(OSError):
            os.utime(converted)
        return parameters
    return _read_with_torch(path, converted)


def _read_safetensors(path: Path) -> Parameters | None:
    """Reads a file without PyTorch; None where that cannot be."""
    from safetensors.numpy import load_file

    try:
        arrays = {
            name: each.astype(np.float32, copy=False) for name, each in load_file(path).items()
        }
        return Parameters(arrays, read_metadata(path)) if arrays else None
    except Exception:  # the other reader may take it, and otherwise says what is wrong
        return None


def read_metadata(path: Path) -> Mapping[str, str]:
    """Reads what a safetensors file says of itself.

    Raises:
        OSError, ValueError, struct.error: It is no such file.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER:
            raise ValueError("no header")
        metadata = json.loads(file.read(length)).get("__metadata__", {})
    return {str(key): str(value) for key, value in metadata.items()}


def _read_with_torch(path: Path, converted: Path | None = None) -> Parameters | None:
    from realesr.weights.torch_checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    try:
        arrays = {name: tensor.numpy() for name, tensor in checkpoint.state_dict.items()}
    except (TypeError, RuntimeError):  # sparse, or without values
        return None
    if converted is not None:
        from safetensors import SafetensorError

        with suppress(
            OSError, SafetensorError
        ):  # without a cache the next start is slower, and nothing else
            _keep(checkpoint, converted)
    return Parameters(arrays, checkpoint.metadata)


def _keep(checkpoint: Checkpoint, converted: Path) -> None:
    from realesr.weights.torch_checkpoint import save_weights

    converted.parent.mkdir(parents=True, exist_ok=True)
    save_weights(checkpoint.state_dict, converted)
    by_age = sorted(converted.parent.glob("*.safetensors"), key=lambda each: each.stat().st_mtime)
    for old in by_age[:-MAX_CONVERTED]:
        old.unlink(missing_ok=True)
