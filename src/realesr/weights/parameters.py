"""Parameters as NumPy arrays, for the native engine. PyTorch is imported only if necessary.

A ``.pth`` file is a pickle, which PyTorch's weights-only reader reads; importing PyTorch takes two
seconds. Such a file is therefore converted once to a safetensors file in the user's cache, named by
the SHA-256 of the original.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realesr.weights.archive import examine
from realesr.weights.catalog import cache_folder
from realesr.weights.content import Container
from realesr.weights.fetch import sha256_of
from realesr.weights.foreign import FOREIGN, read_foreign
from realesr.weights.layouts import renamed
from realesr.weights.limits import check_parameters
from realesr.weights.state_dict import without_prefixes

if TYPE_CHECKING:
    from realesr.weights.torch_checkpoint import Checkpoint

Arrays = dict[str, NDArray[np.float32]]

MAX_CONVERTED = 16
"""Number of converted files that are kept; the least recently used one is deleted first."""


class Parameters(NamedTuple):
    """Content of a weights file.

    Attributes:
        arrays: float32 arrays, by the names of the parameters.
        metadata: Metadata of a safetensors file, or what other files tell beside their parameters.
    """

    arrays: Arrays
    metadata: Mapping[str, str]


def read_parameters(path: Path) -> Parameters:
    """Reads the parameters of a network.

    Args:
        path: A file as :func:`realesr.weights.torch_checkpoint.load_checkpoint` reads it.

    Returns:
        The parameters.

    Raises:
        MissingWeightsError, UnsupportedCheckpointError, MissingExtraError: See ``load_checkpoint``.
    """
    container = examine(path)
    if container is Container.SAFETENSORS:
        return _read_safetensors(path) or _read_with_torch(path)
    if container in FOREIGN:
        return _read_foreign(path, container)
    try:
        converted = cache_folder() / "converted" / f"{sha256_of(path)}.safetensors"
    except OSError:
        return _read_with_torch(path)  # raises with the reason
    parameters = _read_safetensors(converted)
    if parameters is not None:
        with suppress(OSError):
            os.utime(converted)
        return parameters
    return _read_with_torch(path, converted)


def _read_foreign(path: Path, container: Container) -> Parameters:
    arrays, metadata = read_foreign(path, container)
    check_parameters(path, {name: values.shape for name, values in arrays.items()})
    return Parameters(arrays, metadata)


def _read_safetensors(path: Path) -> Parameters | None:
    """Reads a file without PyTorch; None if that fails."""
    from safetensors import safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {
                name: file.get_tensor(name).astype(np.float32, copy=False)
                for name in file.keys()  # noqa: SIM118
            }
            metadata = file.metadata() or {}
    except Exception:  # the other reader may accept it, and otherwise says what is wrong
        return None
    arrays = without_prefixes(arrays)
    check_parameters(path, {name: values.shape for name, values in arrays.items()})
    return Parameters(renamed(arrays), metadata) if arrays else None


def _read_with_torch(path: Path, converted: Path | None = None) -> Parameters:
    from realesr.weights.torch_checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    arrays = {name: tensor.numpy() for name, tensor in checkpoint.state_dict.items()}
    if converted is not None:
        from safetensors import SafetensorError

        with suppress(OSError, SafetensorError):  # without a cache only the next start is slower
            _keep(checkpoint, converted)
    return Parameters(arrays, checkpoint.metadata)


def _keep(checkpoint: Checkpoint, converted: Path) -> None:
    from realesr.weights.torch_checkpoint import save_weights

    converted.parent.mkdir(parents=True, exist_ok=True)
    save_weights(checkpoint.state_dict, converted)
    by_age = sorted(converted.parent.glob("*.safetensors"), key=lambda each: each.stat().st_mtime)
    for old in by_age[:-MAX_CONVERTED]:
        old.unlink(missing_ok=True)
