"""Measures images and clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import JpegImagePlugin

from realesr.errors import UnreadableMediaError
from realesr.geometry import Region, Size
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.media.animations.content import read_timeline
from realesr.media.images.decode import read_image
from realesr.media.images.metadata import without_limit
from realesr.options import VideoOptions
from realesr.progress import no_notice
from realesr.tuning.blocks import blockiness, quality_of_table
from realesr.tuning.fields import comb_share
from realesr.tuning.flatness import flat_share
from realesr.tuning.native_size import native_scale
from realesr.tuning.noise import noise_deviation
from realesr.tuning.sharpness import blur_deviation

_LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of R, G and B, ITU-R BT.601."""
_MEASURED_SIDE = 1024
"""Of a larger image the middle is measured, px."""
_LEAST_SIDE = 32
"""A smaller image is not measured."""
_SAMPLES = (0.1, 0.5, 0.9)
"""Places in a clip where frames are taken, as shares of its length."""
COMBED = 0.02
"""Share of alternating rows from which on a frame of a clip consists of two fields."""
COMBED_IMAGE = 0.06
"""The same for an image: few are frames of a video, and some drawings have many thin lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What pixels tell. Of a clip, medians over frames; the defaults where nothing was measured.

    Attributes:
        noise: Deviation of the noise in luma, 0 to 255.
        blur: Deviation of the blur of sharp edges, px; None without edges.
        blockiness: Height of steps at the edges of blocks, against others; 1 without blocks.
        native_scale: Factor by which the input is larger than its detail.
        flat_share: Even areas, 0 to 1; high in drawings.
        comb: Share of pixels whose rows alternate; of a clip the largest.
    """

    noise: float = 0.0
    blur: float | None = None
    blockiness: float = 1.0
    native_scale: float = 1.0
    flat_share: float = 0.0
    comb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What was measured of an input.

    Attributes:
        size: Width and height, px.
        traits: What its pixels tell.
        frames: Number of frames; 1 for a still image, None if a clip does not say.
        fps: Frames per second; None for an image.
        jpeg_quality: Quality of the JPEG tables, 1 to 100; None for other formats.
        says_interlaced: Whether the file says that its frames consist of fields.
    """

    size: Size
    traits: Traits
    frames: int | None = 1
    fps: Fraction | None = None
    jpeg_quality: int | None = None
    says_interlaced: bool = False

    @property
    def is_clip(self) -> bool:
        """Whether the input is a clip."""
        return self.fps is not None

    @property
    def native_size(self) -> Size:
        """The size that would hold the detail, px."""
        return self.size.scaled(1 / self.traits.native_scale)

    @property
    def is_combed(self) -> bool:
        """Whether frames look as if they consisted of fields."""
        return self.traits.comb > (COMBED if self.is_clip else COMBED_IMAGE)


def measure_image(path: Path) -> tuple[Measurements, Image]:
    """Measures an image; of an animation, its first frame.

    Args:
        path: The file.

    Returns:
        The measurements, and the image.

    Raises:
        MediaError: The file cannot be read.
    """
    image = read_image(path)
    measured = Measurements(
        size=image.size,
        traits=measure_traits([image], woven=[image]),
        frames=_frames_of(path),
        jpeg_quality=_jpeg_quality(path),
    )
    return measured, image


def measure_clip(path: Path) -> tuple[Measurements, Image]:
    """Measures some frames of a clip.

    Args:
        path: The file.

    Returns:
        The measurements, and the frame in the middle of the clip.

    Raises:
        MediaError: The file cannot be read.
    """
    from realesr.media.video.probe import probe

    info = probe(path)
    fps = info.frame_rate or Fraction(25)
    length = (info.frames or 1) / fps
    starts = [Fraction(share).limit_denominator(10) * length for share in _SAMPLES]
    woven = [_frame(path, start, "off") for start in starts]
    whole = [_frame(path, start, "auto") for start in starts] if info.is_interlaced else woven
    middle = whole[len(whole) // 2]
    measurements = Measurements(
        size=middle.size,
        frames=info.frames,
        fps=fps,
        says_interlaced=info.is_interlaced,
        traits=measure_traits(whole, woven=woven),
    )
    return measurements, middle


def _frame(path: Path, start: Fraction, deinterlace: str) -> Image:
    """Returns the frame at a time, or the first one of a clip that ends before."""
    from realesr.media.video.files import VideoFiles

    for time in (start, Fraction(0)):
        options = VideoOptions(start=time, frames=1, deinterlace=deinterlace)
        with VideoFiles.from_options(options).source(path, no_notice) as source:
            try:
                return next(iter(source)).image
            except UnreadableMediaError:
                if not time:
                    raise
    raise ValueError("the last time is 0")


def measure_traits(images: Sequence[Image], woven: Sequence[Image]) -> Traits:
    """Measures images, or frames of a clip.

    Args:
        images: The images, of one size; of larger ones the middle is measured.
        woven: The same frames as they are stored, not deinterlaced.
    """
    lumas = [_middle_luma(image) for image in images]
    if min(lumas[0].shape) < _LEAST_SIDE:
        return Traits()
    noises = [noise_deviation(luma) for luma in lumas]
    scales = [native_scale(luma, noise) for luma, noise in zip(lumas, noises, strict=True)]
    blurs = [blur for blur in map(blur_deviation, lumas) if blur is not None]
    return Traits(
        noise=float(np.median(noises)),
        blur=float(np.median(blurs)) if blurs else None,
        blockiness=float(np.median([blockiness(luma)[0] for luma in lumas])),
        native_scale=float(np.median(scales)),
        flat_share=float(
            np.median(
                [
                    flat_share(luma, _visible(image))
                    for luma, image in zip(lumas, images, strict=True)
                ]
            )
        ),
        # A frame without motion has no comb.
        comb=max(comb_share(_middle_luma(image)) for image in woven),
    )


def _middle_luma(image: Image) -> NDArray[np.float64]:
    """Returns the luma of the middle of an image, (H, W), 0 to 255."""
    pixels = convert_depth(image.pixels[_middle(image.size).slices], np.dtype(np.uint8))
    return np.asarray(pixels @ _LUMA)


def _visible(image: Image) -> NDArray[np.bool_] | None:
    """Returns which pixels of the middle are mostly opaque, (H, W); None for an opaque image."""
    if image.alpha is None:
        return None
    return np.asarray(image.alpha[_middle(image.size).slices] > image.peak // 2)


def _middle(size: Size) -> Region:
    width, height = min(size.width, _MEASURED_SIDE), min(size.height, _MEASURED_SIDE)
    x, y = (size.width - width) // 2, (size.height - height) // 2
    return Region(x=x, y=y, size=Size(width, height))


def _frames_of(path: Path) -> int:
    """Returns the number of images in a file, all of which are upscaled: 1 but for animations."""
    timeline = read_timeline(path)
    return 1 if timeline is None else max(1, len(timeline.durations))


def _jpeg_quality(path: Path) -> int | None:
    with without_limit(), PillowImage.open(path) as file:
        if not isinstance(file, JpegImagePlugin.JpegImageFile) or not file.quantization:
            return None
        return quality_of_table(list(file.quantization[min(file.quantization)]))
