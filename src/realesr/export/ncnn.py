"""ncnn, through pnnx: what upscayl and realesrgan-ncnn-vulkan read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.export.torchscript import trace
from realesr.models.networks.exchange import ExchangeNetwork, keep_blocks_apart
from realesr.weights.limits import plain

if TYPE_CHECKING:
    from realesr.export.formats import Runner, Values

INPUT, OUTPUT = "data", "output"
"""Names of the two ends, as realesrgan-ncnn-vulkan expects them."""
_SIZES = ("[1,3,32,24]f32", "[1,3,24,32]f32")
"""Sizes of two trial images: from the difference pnnx learns that sides are free."""
_TIMEOUT_S = 1800


def write(model: nn.Module, paths: tuple[Path, ...], is_half: bool, about: dict[str, str]) -> None:
    """Writes a network. ncnn cannot pad to multiples of a number, so that the caller has to.

    Raises:
        UnsupportedCheckpointError: pnnx does not know an operation.
    """
    import copy

    from pnnx import EXEC_PATH

    network = ExchangeNetwork(copy.deepcopy(model), has_padding=False).eval()
    keep_blocks_apart(network)
    param, weights = paths
    traced = param.with_suffix(".pt")
    trace(network).save(str(traced))
    command = [EXEC_PATH, str(traced), f"fp16={int(is_half)}", f"ncnnparam={param}"]
    command += [f"ncnnbin={weights}", f"inputshape={_SIZES[0]}", f"inputshape2={_SIZES[1]}"]
    command += [f"{kind}={traced.with_suffix('')}.{kind}" for kind in ("pnnxparam", "pnnxbin")]
    command += [f"pnnxpy={traced.with_suffix('')}_pnnx.py", f"ncnnpy={traced.with_suffix('')}_n.py"]
    command += [f"pnnxonnx={traced.with_suffix('')}_pnnx.onnx"]
    done = subprocess.run(  # noqa: S603 -- a program of the package, and arguments of ours
        command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
    )
    if done.returncode or not param.is_file() or not weights.is_file():
        last = plain(" ".join(done.stderr.split()[-40:]), 300)
        raise UnsupportedCheckpointError(f"pnnx does not convert the network: {last}")
    text = param.read_text(encoding="utf-8")
    for own, usual in (("in0", INPUT), ("out0", OUTPUT)):
        text = re.sub(rf"(?<= ){own}(?=[ \n])", usual, text)
    param.write_text(text, encoding="utf-8")


def open_runner(paths: tuple[Path, ...], is_half: bool) -> Runner:
    """Loads a written network on the CPU.

    Raises:
        UnsupportedCheckpointError: ncnn does not know an operation.
    """
    import ncnn

    network = ncnn.Net()
    network.opt.use_vulkan_compute = False
    if network.load_param(str(paths[0])) or network.load_model(str(paths[1])):
        raise UnsupportedCheckpointError("ncnn does not load the network that pnnx has made")

    def run(images: Values) -> Values:
        extractor: Any = network.create_extractor()
        extractor.input(INPUT, ncnn.Mat(np.ascontiguousarray(images[0])))
        _, result = extractor.extract(OUTPUT)
        return np.array(result)[None]

    return run
