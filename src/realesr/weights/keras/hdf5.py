"""Reading of the layers in an HDF5 file of Keras 2.

Such a file has a group for each layer; the attribute ``layer_names`` of the root has their order,
and ``weight_names`` of a group the names of its datasets (Keras 2, ``hdf5_format.py``). A file of
``model.save`` has all that in a group ``model_weights``. Long lists are split into several
attributes, numbered from 0.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realesr.errors import MissingExtraError, MissingWeightsError, UnsupportedCheckpointError
from realesr.reasons import reason_of
from realesr.weights.keras.texts import Texts
from realesr.weights.limits import MAX_AXES, MAX_INFLATION, MAX_NAME, SLACK_BYTES, plain

Layer = dict[str, NDArray[np.float32]]
"""Weights of a layer by the last part of their names, such as ``kernel`` or ``gamma``."""

_MAX_NAMES = 4096
"""Number of layers, and of weights of a layer."""
_GROUPS_OF_KERAS_3 = ("layers", "_layer_checkpoint_dependencies")
_KINDS = "biuf"
"""Kinds of numbers that are read: flags, whole numbers and floats."""


def read_layers(path: Path) -> list[Layer]:
    """Reads all layers that have weights, in their order in the network.

    Raises:
        MissingExtraError: h5py is not installed.
        MissingWeightsError: The file cannot be read.
        UnsupportedCheckpointError: The file is of another program, is damaged, refers to other
            files, or asks for far more memory than its size is worth.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(
            f"{path} is an HDF5 file of Keras, which takes the package h5py: pip install "
            "'realesr[keras]', or in a clone pip install -e '.[keras]'"
        ) from error

    try:
        with (
            path.open("rb") as bytes_,
            mmap.mmap(bytes_.fileno(), 0, access=mmap.ACCESS_READ) as data,
            h5py.File(path, "r", locking=False) as file,
        ):
            budget = MAX_INFLATION * len(data) + SLACK_BYTES
            return list(_layers_of(h5py, file, Texts(data), budget))
    except PermissionError as error:
        raise MissingWeightsError(f"{path}: {reason_of(error)}") from error
    except Exception as error:  # h5py raises many types, depending on where the file is damaged
        raise UnsupportedCheckpointError(
            f"{path} is an HDF5 file that realesr cannot read: {plain(_reason(error), 200)}"
        ) from error


def _reason(error: Exception) -> str:
    words = str(error.args[0] if error.args else type(error).__name__)
    return " ".join(words.split())


def _layers_of(h5py: Any, file: Any, texts: Texts, budget: int) -> Iterator[Layer]:
    root = file
    if _is_group(h5py, file, "model_weights"):
        root = file["model_weights"]
    names = _texts(h5py, root, "layer_names", texts)
    if names is None:
        is_new = any(_is_group(h5py, file, each) for each in _GROUPS_OF_KERAS_3)
        raise ValueError(
            "it is of Keras 3; load it there and save it as HDF5 of Keras 2 (.h5)"
            if is_new
            else "it holds no weights of Keras"
        )
    for layer_name in names:
        if not _is_group(h5py, root, layer_name):
            raise ValueError(f"layer {plain(layer_name)} is missing")
        group = root[layer_name]
        layer: Layer = {}
        for name in _texts(h5py, group, "weight_names", texts) or ():
            dataset = _dataset(h5py, group, name)
            budget -= 4 * dataset.size
            if budget < 0:
                raise ValueError("its weights are far larger than the file")
            kind = name.rpartition("/")[2].partition(":")[0]
            if kind in layer:
                raise ValueError(f"layer {plain(layer_name)} has {plain(kind)} twice")
            layer[kind] = np.asarray(dataset[()], dtype=np.float32)
        if layer:
            yield layer


def _is_group(h5py: Any, parent: Any, name: str) -> bool:
    """Returns whether a group lies in this file under a name; links to other files do not count."""
    return _is_here(h5py, parent, name) and parent.get(name, getclass=True) is h5py.Group


def _is_here(h5py: Any, parent: Any, name: str) -> bool:
    """Returns whether all parts of a path are plain links within the file."""
    for part in name.split("/"):
        if len(part) > MAX_NAME or part in ("", ".", ".."):
            return False
        if not isinstance(parent, h5py.Group) or part not in parent:
            return False
        if not isinstance(parent.get(part, getlink=True), h5py.HardLink):
            return False
        parent = parent[part]
    return True


def _dataset(h5py: Any, group: Any, name: str) -> Any:
    if not _is_here(h5py, group, name):
        raise ValueError(f"{plain(name)} is missing, or lies in another file")
    dataset = group[name]
    is_plain = (
        isinstance(dataset, h5py.Dataset)
        and dataset.shape is not None
        and len(dataset.shape) <= MAX_AXES
        and dataset.dtype.kind in _KINDS
        and not dataset.external
        and not dataset.is_virtual
    )
    if not is_plain:
        raise ValueError(f"{plain(name)} is no plain array of numbers")
    if dataset.chunks is not None:  # a piece may be far larger than the array, or inflate to that
        raise ValueError(
            f"{plain(name)} is stored in pieces; h5repack -l CONTI -f NONE writes it plainly"
        )
    return dataset


def _texts(h5py: Any, group: Any, name: str, heaps: Texts) -> list[str] | None:
    """Reads a list of texts from an attribute, or from several numbered ones; None without it."""
    parts = []
    if name in group.attrs:
        parts = [name]
    else:
        while f"{name}{len(parts)}" in group.attrs and len(parts) < _MAX_NAMES:
            parts.append(f"{name}{len(parts)}")
    if not parts:
        return None
    texts: list[str] = []
    for part in parts:
        attribute = group.attrs.get_id(part)
        length = math.prod(attribute.shape)
        if length > _MAX_NAMES:
            raise ValueError(f"it has {length} {name}")
        if not length:  # without texts their type is unknown, and it is that of numbers
            continue
        if h5py.check_string_dtype(attribute.dtype) is None:
            raise ValueError(f"its {part} are not the names that Keras 2 writes")
        if attribute.dtype.kind == "O":  # of any length, as h5py writes them since 3.0
            place = h5py.h5o.get_info(group.id).addr
            texts += heaps.of_attribute(place, part, length)
        elif attribute.dtype.itemsize > MAX_NAME:
            raise ValueError(f"its {part} have up to {attribute.dtype.itemsize} characters")
        else:
            texts += [text.decode("utf-8") for text in np.ravel(group.attrs[part])]
        if len(texts) > _MAX_NAMES:
            raise ValueError(f"it has more than {_MAX_NAMES} {name}")
    return texts
