"""Core ML, for Apple's devices. It is compared on macOS alone, where it can be run."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from realesr.errors import DeviceUnavailableError
from realesr.export.torchscript import trace
from realesr.models.networks.exchange import ExchangeNetwork

if TYPE_CHECKING:
    from realesr.export.formats import Runner, Values

_LARGEST_SIDE = 4096
"""Largest side of an image, px: Core ML wants a limit."""


def write(model: nn.Module, paths: tuple[Path, ...], is_half: bool, about: dict[str, str]) -> None:
    """Writes a network as an ML program.

    Raises:
        DeviceUnavailableError: This is not macOS.
    """
    if platform.system() != "Darwin":
        raise DeviceUnavailableError(
            "`format` coreml: Core ML runs on macOS alone, and nothing is written that has not "
            "been compared"
        )
    import coremltools

    side = coremltools.RangeDim(16, _LARGEST_SIDE, 256)
    program: Any = coremltools.convert(
        trace(ExchangeNetwork(model).eval()),
        inputs=[coremltools.TensorType(name="input", shape=(1, 3, side, side))],
        outputs=[coremltools.TensorType(name="output")],
        compute_precision=getattr(coremltools.precision, "FLOAT16" if is_half else "FLOAT32"),
        minimum_deployment_target=coremltools.target.macOS13,
    )
    for key, value in about.items():
        program.user_defined_metadata[f"realesr.{key}"] = value
    program.save(str(paths[0]))


def open_runner(paths: tuple[Path, ...], is_half: bool) -> Runner:
    """Loads a written network."""
    import coremltools

    program = coremltools.models.MLModel(str(paths[0]))

    def run(images: Values) -> Values:
        return np.asarray(program.predict({"input": images})["output"], np.float32)

    return run
