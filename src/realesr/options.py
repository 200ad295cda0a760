"""What the user asks for, as values that check themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.geometry import Size

MAX_THREADS = 1024
"""More than any machine has cores; far more make the libraries that compute give up."""
DEFAULT_MODEL = "realesr-photo-x4"
DEFAULT_MAX_PIXELS = 200_000_000
"""A larger image is refused unless asked for: at x4 its result alone takes 9.6 GB."""

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "mixed")
ALPHA_UPSAMPLERS = ("realesrgan", "bicubic")
DEINTERLACING = ("auto", "off")

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOptionError(f"{option} {value}: must be one of {', '.join(choices)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How large results become. At most one way is given; none means the model's own scale.

    Attributes:
        outscale: Output px per input px along each side.
        width: Width, px; alone it keeps the proportions.
        height: Height, px; alone it keeps the proportions. With a width it need not.
        fit: A box; the result keeps its proportions and just fits into it.

    Raises:
        InvalidOptionError: A number is outside its range, or there is more than one way.
    """

    outscale: float | None = None
    width: int | None = None
    height: int | None = None
    fit: Size | None = None

    def __post_init__(self) -> None:
        if self.outscale is not None and not 0 < self.outscale <= 64:
            raise InvalidOptionError(
                f"`outscale` {self.outscale:g}: must be above 0 and at most 64"
            )
        for option, side in (("`width`", self.width), ("`height`", self.height)):
            if side is not None and side < 1:
                raise InvalidOptionError(f"{option} {side}: must be a positive number of pixels")
        ways = (
            self.outscale is not None,
            self.width is not None or self.height is not None,
            self.fit is not None,
        )
        if sum(ways) > 1:
            raise InvalidOptionError(
                "`outscale`, `width` with `height`, and `fit` are three ways to say one thing: "
                "choose one"
            )

    def size_of(self, source: Size, scale: float) -> Size:
        """The size of a result, px.

        Args:
            source: The size of the input.
            scale: What the model upscales by where nothing else is asked for.
        """
        if self.fit is not None:
            return source.fitted(self.fit.width, self.fit.height)
        if self.width is not None and self.height is not None:
            return Size(self.width, self.height)
        if self.width is not None or self.height is not None:
            return source.fitted(self.width, self.height)
        return source.scaled(self.outscale or scale)


FACE_MODELS = ("GFPGANv1.3", "GFPGANv1.4", "RestoreFormer")
FACE_DETECTORS = ("retinaface_resnet50", "retinaface_mobile0.25", "yunet")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceOptions:
    """How faces are restored.

    Attributes:
        model: Name of the network that restores.
        detector: Name of what finds them.
        weight: How much of a restored face is taken, 0 to 1; at 0 nothing is done.
        min_size: Faces whose longer side is shorter are left alone, px of the input.
        confidence: Less sure ones are left alone, 0 to 1; None for what suits the detector.
        only_center: Whether only the face next to the middle is restored.
        is_aligned: Whether images are faces that were cut out and aligned already.
        report: File that receives boxes, scores and landmarks, or None.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    model: str = "GFPGANv1.3"
    detector: str = "retinaface_resnet50"
    weight: float = 1.0
    min_size: int = 16
    confidence: float | None = None
    only_center: bool = False
    is_aligned: bool = False
    report: Path | None = None

    def __post_init__(self) -> None:
        _check_choice("`model`", self.model, FACE_MODELS)
        _check_choice("`detector`", self.detector, FACE_DETECTORS)
        for option, number in (
            ("`weight`", self.weight),
            ("`confidence`", self.confidence),
        ):
            if number is not None and not 0 <= number <= 1:
                raise InvalidOptionError(f"{option} {number:g}: must be between 0 and 1")
        if self.min_size < 0:
            raise InvalidOptionError(f"`min_size` {self.min_size}: must be 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleOptions:
    """How images are made larger.

    Attributes:
        model_name: A name of the catalog.
        model_path: A file of weights that takes the place of the catalog's, or None.
        target: How large results become.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``mixed``.
        tile: Side of a tile in input px; 0 takes the image whole; None fits it to the memory.
        memory_budget: How much memory tiles may take, bytes; None for a share of what is free.
        threads: How many threads of a CPU compute; None for one a core.
        tile_pad: Context around a tile in px; None for what the network needs.
        pre_pad: Mirrored px added right and below before the network, and cut off after it.
        is_compiled: Whether the network is compiled for a GPU by ``torch.compile``.
        denoise_strength: 1 takes noise away, 0 keeps it, for models that have a partner which
            keeps it; None for 0.5 with these, and for nothing with others.
        alpha_upsampler: ``realesrgan`` sends alpha through the network, ``bicubic`` does not.
        faces: How faces are restored; None for not at all.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    model_name: str = DEFAULT_MODEL
    model_path: Path | None = None
    target: Target = field(default_factory=Target)
    device: str = "auto"
    precision: str = "auto"
    tile: int | None = None
    memory_budget: int | None = None
    threads: int | None = None
    tile_pad: int | None = None
    pre_pad: int = 0
    is_compiled: bool = False
    denoise_strength: float | None = None
    alpha_upsampler: str = "realesrgan"
    faces: FaceOptions | None = None

    def __post_init__(self) -> None:
        if not _DEVICE.fullmatch(self.device):
            raise InvalidOptionError(
                f"`device` {self.device}: must be auto, cpu, cuda, cuda:N or mps"
            )
        if self.tile is not None and self.tile < 0:
            raise InvalidOptionError(
                f"`tile` {self.tile}: must be auto, 0 (no tiles) or a number of pixels"
            )
        for option, pixels in (("`tile_pad`", self.tile_pad), ("`pre_pad`", self.pre_pad)):
            if pixels is not None and pixels < 0:
                raise InvalidOptionError(f"{option} {pixels}: must be 0 or more")
        for option, number in (
            ("`memory_budget`", self.memory_budget),
            ("`threads`", self.threads),
        ):
            if number is not None and number < 1:
                raise InvalidOptionError(f"{option} {number}: must be 1 or more")
        if self.threads is not None and self.threads > MAX_THREADS:
            raise InvalidOptionError(f"`threads` {self.threads}: must be at most {MAX_THREADS}")
        strength = self.denoise_strength
        if strength is not None and not 0 <= strength <= 1:
            raise InvalidOptionError(f"`denoise_strength` {strength:g}: must be between 0 and 1")
        _check_choice("`precision`", self.precision, PRECISIONS)
        _check_choice("`alpha_upsampler`", self.alpha_upsampler, ALPHA_UPSAMPLERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """How images are written.

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
            raise InvalidOptionError(f"`quality` {self.quality}: must be between 1 and 100")
        if self.quality is not None and self.lossless:
            raise InvalidOptionError("`lossless` leaves nothing for `quality` to say: drop one")


DEFAULT_ENCODING = EncodingOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Where images come from and go to.

    Attributes:
        inputs: Files, folders, and patterns such as ``scans/*.png``.
        output: A folder; or a file, where the input is one and the name ends like an image's.
        recursive: Whether folders are searched to the bottom, and mirrored below the output.
        skip_existing: Whether outputs that exist are kept, and their inputs left alone.
        watch: Whether input folders are going to be filled, and may be empty now.
        suffix: Appended to the name with an underscore; empty keeps the name.
        ext: Suffix of the outputs without its dot; ``auto`` keeps each input's.
        encoding: How outputs are written.
        max_pixels: Larger inputs are refused, px.

    Raises:
        InvalidOptionError: The suffix would lead out of the output folder, or a number is not
            positive.
    """

    inputs: tuple[Path, ...]
    output: Path
    recursive: bool = False
    skip_existing: bool = False
    watch: bool = False
    suffix: str = "out"
    ext: str = "auto"
    encoding: EncodingOptions = DEFAULT_ENCODING
    max_pixels: int = DEFAULT_MAX_PIXELS

    def __post_init__(self) -> None:
        if "/" in self.suffix or "\\" in self.suffix or "\0" in self.suffix:
            raise InvalidOptionError(f"`suffix` {self.suffix!r} must not hold a path separator")
        if self.max_pixels < 1:
            raise InvalidOptionError(f"`max_pixels` {self.max_pixels}: must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """How videos are read and written.

    Attributes:
        codec: ffmpeg's name of an encoder; None for the usual one of the container.
        crf: Quality, less is better, in the encoder's own scale; None for one that hides the loss.
        preset: The encoder's word for its speed; None for its own.
        pix_fmt: ffmpeg's name of a pixel format; None for the source's chroma and depth.
        encoder_args: More arguments for ffmpeg's output.
        ffmpeg: The program; None for the one that is found.
        start: Where an excerpt begins, s from the beginning.
        end: Where it ends, s from the beginning; None for the end.
        frames: How many frames are read at most; None for all.
        fps: Frames per second that the result plays at, none left out and none added; None keeps
            every frame's time.
        deinterlace: ``auto`` makes whole frames of fields, ``off`` leaves them woven.
        is_strict: Whether frames that cannot be decoded fail the video.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    encoder_args: tuple[str, ...] = ()
    ffmpeg: Path | None = None
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    frames: int | None = None
    fps: Fraction | None = None
    deinterlace: str = "auto"
    is_strict: bool = False

    def __post_init__(self) -> None:
        if self.start < 0:
            raise InvalidOptionError(f"`start` {float(self.start):g}: must be 0 or more seconds")
        if self.end is not None and self.end <= self.start:
            raise InvalidOptionError(
                f"`end` {float(self.end):g}: must be after `start` {float(self.start):g}"
            )
        if self.frames is not None and self.frames < 1:
            raise InvalidOptionError(f"`frames` {self.frames}: must be 1 or more")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise InvalidOptionError(f"`fps` {float(self.fps):g}: must be above 0 and at most 1000")
        _check_choice("`deinterlace`", self.deinterlace, DEINTERLACING)

    @property
    def is_excerpt(self) -> bool:
        """Whether only a part of the video is asked for."""
        return self.start > 0 or self.end is not None or self.frames is not None


DEFAULT_VIDEO = VideoOptions()
