"""Small ONNX networks, made without PyTorch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def onnx_network(
    scale: int = 2,
    *,
    fixed: tuple[int, int] | None = None,
    multiple_of: int = 1,
    is_half: bool = False,
    gain: float = 1.0,
    blurs: bool = False,
    nodes: Sequence[Any] = (),
) -> onnx.ModelProto:
    """Nearest-neighbor upscaling, and perhaps a 3x3 mean before it.

    Args:
        scale: Output px per input px.
        fixed: Height and width of the only size; None for any.
        multiple_of: What sides must be multiples of.
        is_half: Whether it computes in float16.
        gain: Factor on all values.
        blurs: Whether there is a mean of 3x3 px.
        nodes: Further operations, which stand alone.
    """
    dtype = np.float16 if is_half else np.float32
    kind = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
    sides = fixed or ("height", "width")
    weights = np.zeros((3, 3, 3, 3), dtype)
    for color in range(3):
        weights[color, color] = 1 / 9 if blurs else 0
        weights[color, color, 1, 1] += 0 if blurs else 1
    constants = {
        "scales": np.array([1, 1, scale, scale], np.float32),
        "weights": weights * dtype(gain),
        "none": np.array([], np.float32),
    }
    body = [helper.make_node("Conv", ["x"], ["y"], pads=[1, 1, 1, 1])]
    body[0].input.append("weights")
    first = "input"
    if multiple_of > 1:
        body.insert(0, helper.make_node("SpaceToDepth", ["input"], ["s"], blocksize=multiple_of))
        body.insert(1, helper.make_node("DepthToSpace", ["s"], ["x"], blocksize=multiple_of))
    else:
        body[0].input[0] = first
    body.append(
        helper.make_node(
            "Resize", ["y", "none", "scales"], ["output"], mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )
    )  # fmt: skip
    graph = helper.make_graph(
        [*body, *nodes],
        "network",
        [helper.make_tensor_value_info("input", kind, ["n", 3, *sides])],
        [helper.make_tensor_value_info("output", kind, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def write_onnx(path: Path, **options: Any) -> Path:
    """Writes :func:`onnx_network`."""
    path.write_bytes(onnx_network(**options).SerializeToString())
    return path
