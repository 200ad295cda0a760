"""The formats that networks are written in, without anything large.

A writer is a module of its own, imported when its format is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from realesr.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    Values = NDArray[np.float32]
    Runner = Callable[[Values], Values]
    """Runs a written network on (N, 3, H, W) in [0, 1]."""

PRECISIONS = ("fp32", "fp16")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """A format of networks.

    Attributes:
        name: Value of the option ``format``.
        suffixes: Suffixes of its files, the one that users name first.
        module: Module with ``write(model, paths, is_half, metadata)`` and
            ``open_runner(paths, is_half)``.
        packages: Packages that both need, as they are imported.
        has_fp16: Whether it can be written in fp16.
        has_padding: Whether odd sides are padded inside, for networks with pixel-unshuffle.
        has_batches: Whether several images at a time can be computed.
        tolerance: Largest accepted difference to PyTorch in float32, in [0, 1], for fp32 and fp16.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    packages: tuple[str, ...] = ()
    has_fp16: bool = True
    has_padding: bool = True
    has_batches: bool = True
    tolerance: tuple[float, float] = (1e-3, 3e-2)

    def paths(self, output: Path) -> tuple[Path, ...]:
        """Returns all files of an output, of which users name the first."""
        return tuple(output.with_suffix(suffix) for suffix in self.suffixes)

    def writer(self) -> Callable[[nn.Module, tuple[Path, ...], bool, dict[str, str]], None]:
        """Imports the writer.

        Raises:
            MissingExtraError: A package is not installed.
        """
        self._require()
        return cast("Callable[..., None]", import_module(self.module).write)

    def runner(self, paths: tuple[Path, ...], *, is_half: bool) -> Runner:
        """Loads a written network.

        Raises:
            MissingExtraError: A package is not installed.
            RealesrError: The other program refuses the file.
        """
        self._require()
        return cast("Runner", import_module(self.module).open_runner(paths, is_half))

    def _require(self) -> None:
        missing = [package for package in self.packages if find_spec(package) is None]
        if missing:
            raise MissingExtraError(
                f"`format` {self.name} needs {' and '.join(missing)}: "
                f"`pip install {' '.join(missing)}`"
            )


FORMATS = {
    each.name: each
    for each in (
        ExportFormat(
            name="onnx",
            suffixes=(".onnx",),
            module="realesr.export.onnx",
            packages=("onnx", "onnxruntime"),
        ),
        ExportFormat(
            name="openvino",
            suffixes=(".xml", ".bin"),
            module="realesr.export.openvino",
            packages=("onnx", "openvino"),
        ),
        ExportFormat(
            name="ncnn",
            suffixes=(".param", ".bin"),
            module="realesr.export.ncnn",
            packages=("pnnx", "ncnn"),
            has_padding=False,
            has_batches=False,
            tolerance=(2e-3, 3e-2),
        ),
        ExportFormat(
            name="torchscript",
            suffixes=(".pt",),
            module="realesr.export.torchscript",
            has_fp16=False,
        ),
        ExportFormat(
            name="coreml",
            suffixes=(".mlpackage",),
            module="realesr.export.coreml",
            packages=("coremltools",),
        ),
    )
}
