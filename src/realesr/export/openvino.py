"""OpenVINO's own format, made of ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from realesr.engine.onnx.writing import to_onnx

if TYPE_CHECKING:
    from realesr.export.formats import Runner, Values

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
"""Without this package OpenVINO does without telemetry, which keeps an id in the home folder."""


def write(model: nn.Module, paths: tuple[Path, ...], is_half: bool, about: dict[str, str]) -> None:
    """Writes a network; in fp16 the weights are halves, and the device chooses how it computes."""
    import openvino

    core = openvino.Core()
    network = core.read_model(to_onnx(model, metadata=about), b"")
    for key, value in about.items():
        network.set_rt_info(value, ["realesr", key])
    openvino.save_model(network, str(paths[0]), compress_to_fp16=is_half)


def open_runner(paths: tuple[Path, ...], is_half: bool) -> Runner:
    """Loads a written network on the CPU, in float32."""
    import openvino

    config = {"INFERENCE_PRECISION_HINT": "f32"}
    network = openvino.Core().compile_model(str(paths[0]), "CPU", config)

    def run(images: Values) -> Values:
        return np.array(network(images)[0])

    return run
