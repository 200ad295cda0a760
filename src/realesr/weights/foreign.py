"""Networks in the files of other frameworks, as NumPy arrays with the names of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.errors import UnsupportedCheckpointError
from realesr.weights.content import Container, is_ncnn
from realesr.weights.limits import plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOREIGN = (Container.NCNN, Container.HDF5)
"""Kinds of files that :func:`read_foreign` reads."""


def read_foreign(
    path: Path, container: Container
) -> tuple[dict[str, NDArray[np.float32]], Mapping[str, str]]:
    """Reads a network of ncnn or Keras.

    Args:
        path: The file; either one of the two files of ncnn.
        container: What it is, one of :data:`FOREIGN`.

    Returns:
        float32 arrays by the names of the parameters in PyTorch, and what they do not tell, as the
        metadata of a safetensors file.

    Raises:
        MissingExtraError: A package is missing that reads such a file.
        MissingWeightsError: A file is missing, or cannot be read.
        UnsupportedCheckpointError: It is damaged, or holds a network that is not known here.
    """
    if container is Container.NCNN:
        from realesr.weights.ncnn.read import read_ncnn

        return read_ncnn(path).arrays, {}
    from realesr.weights.keras.hdf5 import read_layers
    from realesr.weights.keras.networks import assigned

    layers = read_layers(path)
    try:
        return assigned(layers)
    except (ValueError, IndexError, KeyError, StopIteration) as error:
        raise UnsupportedCheckpointError(
            f"{path} holds a network of Keras that realesr does not know: "
            f"{plain(str(error) or type(error).__name__)}. EDSR, WDSR and SRGAN of krasserm's "
            "super-resolution, and RDN and RRDN of ISR are known"
        ) from error


def files_of(path: Path) -> tuple[Path, ...]:
    """Returns all files that hold a network: two for ncnn, otherwise the file itself.

    Raises:
        MissingWeightsError: One of the two files is missing.
    """
    if not is_ncnn(path):
        return (path,)
    from realesr.weights.ncnn.read import pair_of

    return pair_of(path)
