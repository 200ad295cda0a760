"""Reading of an ncnn network as the parameters of a PyTorch network, as NumPy arrays.

The order of layers in the text is that of their numbers in the ``.bin`` file. The numbers of a
convolution begin with four bytes that tell their format; bias and slopes are plain float32 (ncnn,
``modelbin.cpp``).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.reasons import reason_of
from realesr.weights.content import NCNN_HALF
from realesr.weights.limits import plain
from realesr.weights.ncnn.graph import Graph, Terms, shape_of
from realesr.weights.ncnn.networks import Found, recognize
from realesr.weights.ncnn.param import MAX_BYTES, Layer, parse

Arrays = dict[str, NDArray[np.float32]]

_SINGLE = (b"\0\0\0\0", b"\x56\xc0\x02\x00")
"""Tags of float32; the second one announces scales for 8 bits, which the text must have, too."""
_INT8 = b"\x38\x4b\x0d\x00"
_DAMAGE = (ValueError, IndexError, KeyError, OverflowError, TypeError)


class NcnnNetwork(NamedTuple):
    """An ncnn network.

    Attributes:
        arrays: Parameters by their names in PyTorch.
        resized: Factor by which the graph resizes what the network gives; 1 for none.
    """

    arrays: Arrays
    resized: float


def pair_of(path: Path) -> tuple[Path, Path]:
    """Returns the two files of a network, the ``.param`` and the ``.bin``.

    Args:
        path: Either of them. The other one lies beside it under the same name.

    Raises:
        MissingWeightsError: The other one is not there.
    """
    is_text = path.suffix.lower() != ".bin"
    other = path.with_suffix(".bin" if is_text else ".param")
    if not other.is_file():
        raise MissingWeightsError(
            f"{path} is half of an ncnn network: put {other.name} beside it, which holds its "
            f"{'weights' if is_text else 'graph'}"
        )
    return (path, other) if is_text else (other, path)


def resized_by(path: Path) -> float:
    """Returns the factor by which a graph resizes what its network gives; 1 for none.

    Args:
        path: Either of the two files.

    Raises:
        MissingWeightsError, UnsupportedCheckpointError: See :func:`read_ncnn`.
    """
    param, _ = pair_of(path)
    return _read_graph(param)[1].resized


def read_ncnn(path: Path) -> NcnnNetwork:
    """Reads a network.

    Args:
        path: Its ``.param`` or its ``.bin``; the other one lies beside it.

    Raises:
        MissingWeightsError: A file is missing, or cannot be read.
        UnsupportedCheckpointError: The network is another one than RRDBNet and SRVGGNetCompact, is
            quantized, or is damaged.
    """
    param, weights = pair_of(path)
    graph, found = _read_graph(param)
    arrays: Arrays = {}
    try:
        with weights.open("rb") as file:
            left = file.seek(0, os.SEEK_END)
            file.seek(0)
            least = sum(_least_bytes(layer) for layer in graph.weights)
            if least > left:
                raise ValueError(
                    f"it is cut off: {param.name} announces at least {least} bytes, and it has "
                    f"{left}"
                )
            for name, layer in zip(found.names, graph.weights, strict=True):
                arrays |= _read_layer(file, name, layer)
            if file.read(1):
                raise ValueError(f"it holds more numbers than {param.name} announces")
    except OSError as error:
        raise MissingWeightsError(f"{weights}: {reason_of(error)}") from error
    except _DAMAGE as error:
        raise UnsupportedCheckpointError(
            f"{weights} does not belong to {param.name}, or cannot be read: {plain(str(error))}"
        ) from error
    return NcnnNetwork(_with_all_slopes(arrays), found.resized)


def _read_graph(param: Path) -> tuple[Graph, Found]:
    try:
        with param.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MissingWeightsError(f"{param}: {reason_of(error)}") from error
    terms = Terms()
    try:
        graph = Graph(parse(text), terms)
        return graph, recognize(graph, terms)
    except _DAMAGE as error:
        raise UnsupportedCheckpointError(
            f"{param} describes an ncnn network that realesr cannot read: "
            f"{plain(str(error))}. RRDBNet and SRVGGNetCompact in float32 and float16 can be read; "
            "for others look for the file of PyTorch"
        ) from error


def _least_bytes(layer: Layer) -> int:
    """Returns the least number of bytes that the numbers of a layer take."""
    shape = shape_of(layer)
    return 4 * shape[0] + (2 * math.prod(shape) if len(shape) > 1 else 0)


def _read_layer(file: BinaryIO, name: str, layer: Layer) -> Arrays:
    shape = shape_of(layer)
    if len(shape) == 1:
        return {f"{name}.weight": _read_numbers(file, np.dtype("<f4"), shape[0])}
    tag, size = file.read(4), math.prod(shape)
    if tag == NCNN_HALF:
        values = _read_numbers(file, np.dtype("<f2"), size)
        file.seek(-2 * size % 4, os.SEEK_CUR)
    elif tag in _SINGLE:
        values = _read_numbers(file, np.dtype("<f4"), size)
    elif tag == _INT8:
        raise ValueError("its weights are quantized to 8 bits, which realesr does not compute")
    else:
        raise ValueError("its weights are quantized with a table, or it is damaged")
    bias = _read_numbers(file, np.dtype("<f4"), shape[0])
    return {f"{name}.weight": values.reshape(shape), f"{name}.bias": bias}


def _read_numbers(file: BinaryIO, dtype: np.dtype[np.floating], size: int) -> NDArray[np.float32]:
    data = file.read(size * dtype.itemsize)
    if len(data) != size * dtype.itemsize:
        raise ValueError("it is cut off")
    return np.frombuffer(data, dtype).astype(np.float32)


def _with_all_slopes(arrays: Arrays) -> Arrays:
    """Repeats slopes that all channels share; the networks have one for each channel."""
    previous = 0
    for name, values in arrays.items():
        if values.ndim == 4:
            previous = values.shape[0]
        elif name.endswith(".weight") and values.size == 1:
            arrays[name] = np.repeat(values, previous)
    return arrays
