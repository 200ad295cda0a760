"""Reading published weights without PyTorch, whose import takes longer than most networks run.

Only what is common: a file that is anything else is left to
:mod:`realesr.weights.torch_checkpoint`, which also says what is wrong with it.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realesr.weights.state_dict import unwrap

Arrays = dict[str, NDArray[np.float32]]

MAX_INT = 2**40
"""Larger than any offset, size or stride in a checkpoint."""
MAX_TENSOR_FIELDS = 1 + 2 * 5
"""Offset, then size and stride of up to five dimensions."""
_STORAGES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8"}


def read_arrays(path: Path) -> Arrays | None:
    """Reads the parameters of a network.

    The result is that of :func:`realesr.weights.torch_checkpoint.load_state_dict`.

    Args:
        path: A ``.safetensors`` file, or a PyTorch file in the format of version 1.6 (2020) or
            later. No code from the file is run.

    Returns:
        float32, or None where the file holds anything but plain arrays of common types, or cannot
        be read at all.
    """
    if not path.is_file():
        return None
    try:
        return _read_safetensors(path) if path.suffix == ".safetensors" else _read_zip(path)
    except Exception:  # the other reader may take it, and otherwise has the words
        return None


def _read_safetensors(path: Path) -> Arrays:
    from safetensors.numpy import load_file

    return {name: values.astype(np.float32) for name, values in unwrap(load_file(path)).items()}


class _StorageType(NamedTuple):
    """Of the values of a storage: what NumPy calls it."""

    dtype: str


class _Storage(NamedTuple):
    """Values in a file of the archive."""

    dtype: str
    name: str


class _Tensor(NamedTuple):
    """A part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _TensorRebuild:
    """What a pickle calls to make a tensor."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> _Tensor:
        numbers = (offset, *shape, *stride)
        if len(numbers) > MAX_TENSOR_FIELDS or not all(map(_is_small, numbers)):
            raise pickle.UnpicklingError("not a tensor of a network")
        if not isinstance(storage, _Storage):
            raise pickle.UnpicklingError("not a storage")
        return _Tensor(storage, offset, shape, stride)


def _is_small(number: Any) -> bool:
    """Whether it is a number that can be multiplied and added up without surprises."""
    return type(number) is int and 0 <= number <= MAX_INT


class _ParameterRebuild:
    """What a pickle calls to make a parameter of a tensor."""

    __slots__ = ()

    def __call__(self, tensor: Any, *_: Any) -> Any:
        return tensor


class _Unpickler(pickle.Unpickler):
    """Notes what ``torch.save`` wrote, and refuses everything else.

    A pickle may call what it is given, and may set attributes and state of it. So it only gets what
    has none: arrays are made when it is done.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Gives the few harmless names that a state dict consists of."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _TensorRebuild()
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _ParameterRebuild()
        if module == "torch" and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        raise pickle.UnpicklingError(f"{module}.{name} is not for weights")

    def persistent_load(self, pid: Any) -> _Storage:
        """Notes a storage: (what it is, kind, name, device, count)."""
        what, kind, name, _device, _count = pid
        if what != "storage" or not isinstance(kind, _StorageType) or not isinstance(name, str):
            raise pickle.UnpicklingError("not a storage")
        return _Storage(kind.dtype, name)


def _load_pickle(pickled: bytes) -> Any:
    # The C code makes room for as many notes as a pickle numbers, be there only one.
    for opcode, number, _ in pickletools.genops(pickled):
        if "PUT" in opcode.name and isinstance(number, int) and number > len(pickled):
            raise pickle.UnpicklingError("a note too far")
    return _Unpickler(io.BytesIO(pickled)).load()


def _read_zip(path: Path) -> Arrays:
    """Raises anything where the file is not what ``torch.save`` writes."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("compressed")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("parts that share their bytes")
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = PurePosixPath(pickled).parent
        order = f"{folder}/byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise ValueError("numbers of the other byte order")
        state = unwrap(_load_pickle(archive.read(pickled)))
        if not isinstance(state, Mapping) or not state:
            raise ValueError("no state dict")
        tensors: dict[str, _Tensor] = dict(state)
        for name, tensor in tensors.items():
            if not isinstance(name, str) or not isinstance(tensor, _Tensor):
                raise TypeError(f"{name} is no tensor")
        # Many tensors may share a storage, and would take more memory than the file.
        values = sum(math.prod(each.shape) for each in tensors.values())
        if values * 4 > 2 * path.stat().st_size:  # floats are made of halves
            raise ValueError("more values than the file holds")
        storages = {
            storage: np.frombuffer(archive.read(f"{folder}/data/{storage.name}"), storage.dtype)
            for storage in {each.storage for each in tensors.values()}
        }
    return {name: _array(each, storages[each.storage]) for name, each in tensors.items()}


def _array(tensor: _Tensor, values: NDArray[Any]) -> NDArray[np.float32]:
    count = math.prod(tensor.shape)
    array = values[tensor.offset : tensor.offset + count].reshape(tensor.shape)
    if array.size and array.strides != tuple(array.itemsize * step for step in tensor.stride):
        raise ValueError("not in the usual order of memory")
    return array.astype(np.float32)
