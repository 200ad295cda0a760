"""Reading published weights without PyTorch, whose import takes longer than most networks run.

Only what is common: a file that is anything else is left to :mod:`realesr.models.checkpoint`, which
also says what is wrong with it.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realesr.models.state import unwrapped

Arrays = dict[str, NDArray[np.float32]]

_STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
}


def read_arrays(path: Path) -> Arrays | None:
    """Reads the parameters of a network as :func:`realesr.models.checkpoint.load_state_dict` does.

    Args:
        path: A ``.safetensors`` file, or a PyTorch file in the format of version 1.6 (2020) or
            later. No code from the file is run.

    Returns:
        float32, or None where the file holds anything but plain arrays of common types, or cannot
        be read at all.
    """
    try:
        content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_zip(path)
    except Exception:  # whatever is wrong, the other reader finds it, too, and has the words
        return None
    content = unwrapped(content)
    if not isinstance(content, Mapping) or not content:
        return None
    if not all(isinstance(value, np.ndarray) for value in content.values()):
        return None
    return {name: np.ascontiguousarray(value, np.float32) for name, value in content.items()}


def _read_safetensors(path: Path) -> Any:
    from safetensors.numpy import load_file

    return load_file(path)


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        return _Unpickler(archive, pickled).load()


class _Unpickler(pickle.Unpickler):
    """Makes arrays of what ``torch.save`` wrote, and refuses everything else.

    Args:
        archive: The file.
        pickled: The name in it of the pickle; the values lie beside, in ``data``.
    """

    def __init__(self, archive: zipfile.ZipFile, pickled: str) -> None:
        super().__init__(io.BytesIO(archive.read(pickled)))
        self._archive = archive
        self._folder = PurePosixPath(pickled).parent
        order = f"{self._folder}/byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise pickle.UnpicklingError("numbers of the other byte order")

    def find_class(self, module: str, name: str) -> Any:
        """Gives the few harmless names that a state dict consists of."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _data_of
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not for weights")

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        """The values of a storage: (kind, dtype, name, device, count)."""
        kind, dtype, name, _device, count = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("not a storage")
        values = np.frombuffer(self._archive.read(f"{self._folder}/data/{name}"), dtype)
        return values[: int(count)]


def _rebuild(
    storage: NDArray[Any], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    count = int(np.prod(shape, dtype=np.int64))
    array = storage[offset : offset + count].reshape(shape)
    if array.size and array.strides != tuple(array.itemsize * step for step in stride):
        raise pickle.UnpicklingError("not in the usual order of memory")
    return array


def _data_of(array: NDArray[Any], *_: Any) -> NDArray[Any]:
    return array
