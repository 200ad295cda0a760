"""What the user asks for, as values that check themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError

DEFAULT_MODEL = "realesr-photo-x4"
DEFAULT_TILE = 512
"""Side of a tile in px. A default of 0 would take as much memory as the picture asks for."""

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleOptions:
    """How pictures are made larger.

    Attributes:
        model_name: A name of the catalogue.
        model_path: A file of weights that takes the place of the catalogue's, or None.
        outscale: Output pixels per input pixel along each side; None for the model's own scale.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        fp32: Whether the network works in single precision where it would otherwise not.
        tile: Side of a tile in input px; 0 takes the picture whole.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    model_name: str = DEFAULT_MODEL
    model_path: Path | None = None
    outscale: float | None = None
    device: str = "auto"
    fp32: bool = False
    tile: int = DEFAULT_TILE

    def __post_init__(self) -> None:
        if self.outscale is not None and not 0 < self.outscale <= 64:
            raise InvalidOptionError(f"--outscale {self.outscale:g}: take a number up to 64")
        if not _DEVICE.fullmatch(self.device):
            raise InvalidOptionError(f"--device {self.device}: take auto, cpu, cuda, cuda:N or mps")
        if self.tile < 0:
            raise InvalidOptionError(f"--tile {self.tile}: take 0 (the whole picture) or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """Where pictures go.

    Attributes:
        input: A file or a folder.
        output: A folder; or a file, where the input is one and the name ends like a picture's.
        suffix: Appended to the name with an underscore; empty keeps the name.

    Raises:
        InvalidOptionError: The suffix would lead out of the output folder.
    """

    input: Path
    output: Path
    suffix: str = "out"

    def __post_init__(self) -> None:
        if "/" in self.suffix or "\\" in self.suffix or "\0" in self.suffix:
            raise InvalidOptionError(f"--suffix {self.suffix!r} must not hold a path separator")
