"""What the user asks for, as values that check themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError

DEFAULT_MODEL = "realesr-photo-x4"
DEFAULT_MAX_PIXELS = 200_000_000
"""A larger picture is refused unless asked for: at x4 its result alone takes 9.6 GB."""

PRECISIONS = ("auto", "fp32", "fp16", "bf16")
ALPHA_UPSAMPLERS = ("realesrgan", "bicubic")

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleOptions:
    """How pictures are made larger.

    Attributes:
        model_name: A name of the catalogue.
        model_path: A file of weights that takes the place of the catalogue's, or None.
        outscale: Output pixels per input pixel along each side; None for the model's own scale.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``fp16`` or ``bf16``.
        tile: Side of a tile in input px; 0 takes the picture whole; None fits it to the memory.
        denoise_strength: 1 takes noise away, 0 keeps it, for models that have a partner which
            keeps it; None for 0.5 with these, and for nothing with others.
        alpha_upsampler: ``realesrgan`` sends opacity through the network, ``bicubic`` does not.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    model_name: str = DEFAULT_MODEL
    model_path: Path | None = None
    outscale: float | None = None
    device: str = "auto"
    precision: str = "auto"
    tile: int | None = None
    denoise_strength: float | None = None
    alpha_upsampler: str = "realesrgan"

    def __post_init__(self) -> None:
        if self.outscale is not None and not 0 < self.outscale <= 64:
            raise InvalidOptionError(f"--outscale {self.outscale:g}: take a number up to 64")
        if not _DEVICE.fullmatch(self.device):
            raise InvalidOptionError(f"--device {self.device}: take auto, cpu, cuda, cuda:N or mps")
        if self.tile is not None and self.tile < 0:
            raise InvalidOptionError(
                f"--tile {self.tile}: take auto, 0 (the whole picture) or a number of pixels"
            )
        strength = self.denoise_strength
        if strength is not None and not 0 <= strength <= 1:
            raise InvalidOptionError(f"--denoise-strength {strength:g}: take 0 to 1")
        _check_choice("--precision", self.precision, PRECISIONS)
        _check_choice("--alpha-upsampler", self.alpha_upsampler, ALPHA_UPSAMPLERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """How pictures are written.

    Attributes:
        quality: 1 to 100, for lossy formats; None for a value that hides the loss.
        lossless: Whether a format that can be either keeps the pixels exactly.

    Raises:
        InvalidOptionError: A value is outside its range, or both are given.
    """

    quality: int | None = None
    lossless: bool = False

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise InvalidOptionError(f"--quality {self.quality}: take 1 to 100")
        if self.quality is not None and self.lossless:
            raise InvalidOptionError("--lossless leaves nothing for --quality to say: drop one")


DEFAULT_ENCODING = EncodingOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Where pictures come from and go to.

    Attributes:
        input: A file or a folder.
        output: A folder; or a file, where the input is one and the name ends like a picture's.
        suffix: Appended to the name with an underscore; empty keeps the name.
        ext: Suffix of the outputs without its dot; ``auto`` keeps each input's.
        encoding: How outputs are written.
        max_pixels: Larger inputs are refused, px.

    Raises:
        InvalidOptionError: The suffix would lead out of the output folder, or a number is not
            positive.
    """

    input: Path
    output: Path
    suffix: str = "out"
    ext: str = "auto"
    encoding: EncodingOptions = DEFAULT_ENCODING
    max_pixels: int = DEFAULT_MAX_PIXELS

    def __post_init__(self) -> None:
        if "/" in self.suffix or "\\" in self.suffix or "\0" in self.suffix:
            raise InvalidOptionError(f"--suffix {self.suffix!r} must not hold a path separator")
        if self.max_pixels < 1:
            raise InvalidOptionError(f"--max-pixels {self.max_pixels}: take a positive number")


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOptionError(f"{option} {value}: take one of {', '.join(choices)}")
