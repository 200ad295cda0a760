"""ONNX, compared in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from realesr.engine.onnx.content import read_onnx
from realesr.engine.onnx.network import load_network
from realesr.engine.onnx.session import open_session
from realesr.engine.onnx.writing import to_onnx

if TYPE_CHECKING:
    from realesr.export.formats import Runner


def write(model: nn.Module, paths: tuple[Path, ...], is_half: bool, about: dict[str, str]) -> None:
    """Writes a network; see :class:`realesr.export.formats.ExportFormat`."""
    paths[0].write_bytes(to_onnx(model, is_half=is_half, metadata=about))


def open_runner(paths: tuple[Path, ...], is_half: bool) -> Runner:
    """Loads a written network as a user of the file would: with the checks for any file."""
    file = read_onnx(paths[0])
    return load_network(file, open_session("onnxruntime", file, device="cpu", threads=None))
