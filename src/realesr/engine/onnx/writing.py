"""Writing of networks as ONNX. Imports PyTorch."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from realesr.engine.onnx.content import required
from realesr.engine.onnx.network import PREFIX
from realesr.errors import UnsupportedCheckpointError
from realesr.models.architecture import NetworkProperties
from realesr.models.networks.exchange import ExchangeNetwork, sample
from realesr.weights.limits import plain

OPSET = 20
"""Version of the operations (ONNX 1.15); TensorRT 10, DirectML and OpenVINO read it."""
INPUT, OUTPUT = "input", "output"
_FREE = {0: "batch", 2: "height", 3: "width"}
_TRACED = 32, 24
"""Height and width of the image that is traced, px: any will do."""


def to_onnx(
    model: nn.Module, *, is_half: bool = False, metadata: Mapping[str, str] | None = None
) -> bytes:
    """Returns a network as an ONNX file: (N, 3, H, W) RGB in [0, 1], of any size.

    PyTorch's older exporter is used: it takes half a second where the newer one takes twenty, and
    TensorRT's users trust it. Constants become initializers; nothing is optimized.

    Args:
        model: A :class:`~realesr.models.networks.base.SRModel` in float32 on the CPU.
        is_half: Whether the file computes in float16 throughout, its input and output included.
            The model is not changed.
        metadata: Further keys and values, without their prefix.

    Raises:
        UnsupportedCheckpointError: The network has parts that ONNX does not know.
        MissingExtraError: onnx is not installed.
    """
    onnx = required("onnx", "an ONNX file")
    dtype = torch.float16 if is_half else torch.float32
    network = ExchangeNetwork(model).eval()
    if is_half:
        import copy

        network = copy.deepcopy(network).to(dtype)
    data: Any = io.BytesIO()  # which the exporter takes, and does not state
    try:
        with warnings.catch_warnings(action="ignore"):  # about the newer exporter, and tracing
            torch.onnx.export(
                network,
                (sample(*_TRACED).to(dtype),),
                data,
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamic_axes={name: dict(_FREE) for name in (INPUT, OUTPUT)},
                dynamo=False,
            )
    except Exception as error:  # of many kinds
        raise UnsupportedCheckpointError(
            f"the network cannot be written as ONNX: {plain(' '.join(str(error).split()), 300)}"
        ) from error
    proto = onnx.load_model_from_string(data.getvalue())
    proto.producer_name = "realesr"
    scale = network.scale
    for dim, (side, name) in zip(
        proto.graph.output[0].type.tensor_type.shape.dim[2:],
        ((scale, "height"), (scale, "width")),
        strict=True,
    ):
        dim.dim_param = name if side == 1 else f"{side}*{name}"
    for key, value in {**_numbers(model), **(metadata or {})}.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = PREFIX + key, value
    return cast(bytes, proto.SerializeToString())


def _numbers(model: nn.Module) -> dict[str, str]:
    """Returns what an engine has to know about a network, as metadata."""
    properties: Any = cast(NetworkProperties, model)
    names = ("scale", "multiple_of", "min_size", "receptive_radius", "peak_activations_per_pixel")
    return {name: str(getattr(properties, name)) for name in names}
