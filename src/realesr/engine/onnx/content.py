"""Examination of ONNX files before a runtime gets them: they may come from anywhere.

A file is read once, into memory, and only these bytes are used afterwards. So nothing that it names
can be opened: tensors in other files are refused, and so are operations that read files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from realesr.errors import MissingExtraError, MissingWeightsError, UnsupportedCheckpointError
from realesr.models.architecture import COLORS
from realesr.reasons import reason_of
from realesr.weights.limits import plain

MAX_BYTES = 2**29
"""Largest file, bytes: 8 times RealESRGAN_x4plus in float32."""
MAX_NODES = 100_000
"""Largest number of operations; RealESRGAN_x4plus has 1,100."""
MAX_VALUES = 2**28
"""Largest number of values of any array while a small image passes through: 1 GiB in float32."""
MAX_DEPTH = 16
"""Largest number of graphs inside one another."""
STANDARD_DOMAINS = ("", "ai.onnx")
"""Operations of the ONNX standard, which read and write nothing but arrays. Runtimes have further
ones; onnxruntime's ``EPContext``, for example, opens a file that it names."""

_FLOAT, _FLOAT16 = 1, 10
"""``TensorProto.DataType`` (onnx.proto)."""
_SMALL = 64
"""Side of the image that stands for a free side while sizes are inferred, px."""


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """An examined file.

    Attributes:
        data: Its bytes, which name no other file.
        input_name: Name of the only input, (N, 3, H, W).
        output_name: Name of the first output.
        is_half: Whether both are float16; otherwise they are float32.
        fixed: Height and width that the network takes alone, px; None for a free side.
        metadata: Keys and values that the file says about itself.
    """

    data: bytes
    input_name: str
    output_name: str
    is_half: bool
    fixed: tuple[int | None, int | None]
    metadata: Mapping[str, str]


def required(package: str, purpose: str) -> Any:
    """Imports an optional package.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the package {package}: `pip install 'realesr[onnx]'`"
        ) from error


def read_onnx(path: Path) -> OnnxFile:
    """Reads and examines a file. Imports onnx.

    Raises:
        MissingWeightsError: It does not exist, or there is no permission to read it.
        UnsupportedCheckpointError: It is damaged, too large, refers to something outside of itself,
            or holds no network that maps one RGB image to another.
        MissingExtraError: onnx is not installed.
    """
    required("onnx", "an ONNX file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MissingWeightsError(f"{path}: {reason_of(error)}") from error
    if len(data) > MAX_BYTES:
        raise UnsupportedCheckpointError(
            f"{path} is larger than {MAX_BYTES >> 20} MiB, and no network for images is"
        )
    try:
        return examine(data)
    except ValueError as error:
        raise UnsupportedCheckpointError(f"{path}: {error}") from error


def examine(data: bytes) -> OnnxFile:
    """Examines the bytes of a file.

    Raises:
        ValueError: They are damaged, or not what can be taken; the message says why.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)  # does not look for other files
    except (DecodeError, ValueError, RecursionError) as error:
        raise ValueError("is damaged, or no ONNX network") from error
    if not model.graph.node:
        raise ValueError("is damaged, or no ONNX network: it computes nothing")
    _check_operations(model)
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    if len(inputs) != 1 or not model.graph.output:
        raise ValueError(f"has {len(inputs)} inputs, and not one image")
    kind = inputs[0].type.tensor_type
    sides = _sides(kind)
    fixed = (sides[2], sides[3])
    _check_sizes(model, [each or free for each, free in zip(sides, (1, COLORS, 0, 0), strict=True)])
    return OnnxFile(
        data=data,
        input_name=inputs[0].name,
        output_name=model.graph.output[0].name,
        is_half=kind.elem_type == _FLOAT16,
        fixed=fixed,
        metadata={each.key: each.value for each in model.metadata_props},
    )


def _sides(kind: Any) -> list[int | None]:
    """Returns batch, channels, height and width of the input; None for those that are free.

    Raises:
        ValueError: It is no image.
    """
    sides = [each.dim_value if each.WhichOneof("value") == "dim_value" else None
             for each in kind.shape.dim]  # fmt: skip
    if kind.elem_type not in (_FLOAT, _FLOAT16) or len(sides) != 4:
        raise ValueError("its input is not (N, 3, H, W) in float32 or float16")
    if sides[0] not in (None, 1) or sides[1] not in (None, COLORS):
        raise ValueError(f"takes {sides[0] or 'any'} images of {sides[1]} channels, not 1 of RGB")
    if any(side is not None and not 1 <= side <= 2**14 for side in sides[2:]):
        raise ValueError(f"takes images of {sides[3]}x{sides[2]} px only")
    return sides


def _check_operations(model: Any) -> None:
    """Refuses what reads files, and numbers beyond reason.

    Raises:
        ValueError: There is such a thing.
    """
    own = {(each.domain, each.name) for each in model.functions}
    for count, (node, depth) in enumerate(_nodes(model)):
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise ValueError("has more operations than any network for images")
        is_known = node.domain in STANDARD_DOMAINS or (node.domain, node.op_type) in own
        if not is_known:
            name = plain(f"{node.domain}.{node.op_type}", 80)
            raise ValueError(f"holds {name}, which is no operation of the ONNX standard: refused")
    for tensor in _tensors(model):
        if tensor.data_location or tensor.external_data:
            raise ValueError(
                "keeps values in other files, which are not opened: store it as one file "
                "(onnx.save_model without `save_as_external_data`)"
            )
        if math.prod(tensor.dims) > MAX_VALUES or any(side < 0 for side in tensor.dims):
            raise ValueError("holds an array of a size beyond reason")


def _nodes(model: Any) -> Iterator[tuple[Any, int]]:
    """Yields each operation, also those of inner graphs and functions, with its depth."""
    waiting = [(node, 0) for graph in (model.graph, *model.functions) for node in graph.node]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                waiting += [(inner, depth + 1) for inner in graph.node]


def _tensors(model: Any) -> Iterator[Any]:
    """Yields each array with values."""
    graphs = [model.graph]
    for node, _ in _nodes(model):
        for attribute in node.attribute:
            yield from attribute.tensors
            sparse = list(attribute.sparse_tensors)
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("sparse_tensor"):
                sparse.append(attribute.sparse_tensor)
            for each in sparse:
                yield from (each.values, each.indices)
            graphs += attribute.graphs
            if attribute.HasField("g"):
                graphs.append(attribute.g)
    graphs += [each.algorithm for each in model.training_info]
    graphs += [each.initialization for each in model.training_info]
    for graph in graphs:
        yield from graph.initializer
        for each in graph.sparse_initializer:
            yield from (each.values, each.indices)


def _check_sizes(model: Any, sides: list[int]) -> None:
    """Infers the size of every array for a small image, and refuses large ones.

    Sizes that follow from values only are not inferred; the trial run meets them.

    Raises:
        ValueError: An array is larger than :data:`MAX_VALUES`, or sizes do not fit.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constants = {each.name for each in copy.graph.initializer}
    (image,) = (each for each in copy.graph.input if each.name not in constants)
    for dim, side in zip(image.type.tensor_type.shape.dim, sides, strict=True):
        dim.dim_value = side or _SMALL
    try:
        inferred = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    except Exception as error:
        raise ValueError(f"does not fit together: {plain(str(error), 200)}") from error
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        dims = [max(1, each.dim_value) for each in value.type.tensor_type.shape.dim]
        if math.prod(dims) > MAX_VALUES:
            raise ValueError("would compute an array of a size beyond reason: refused")
