"""What can be said of a video and its result before a frame is decoded."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path

from realesr.errors import InvalidOptionError, TooLargeMediaError, UnsupportedMediaError
from realesr.geometry import Size
from realesr.media.formats import IMAGES, VIDEOS
from realesr.options import UpscaleOptions
from realesr.serving.engine import Engine
from realesr.serving.work import output_of

_ROUNDING_S = Fraction(1, 100_000)
"""Most that the start of a file is rounded by, s."""
_TURNED = range(5, 9)
"""Orientations of Exif that exchange width and height."""


def check_video(
    engine: Engine,
    path: Path,
    options: UpscaleOptions,
    *,
    ext: str | None,
    start: Fraction,
    max_pixels: int,
) -> None:
    """Checks a video and its result. What cannot be opened is left to the job, which says why.

    Args:
        engine: What upscales.
        path: The video, whose suffix is true.
        options: How it is upscaled.
        ext: Suffix of the output without its dot; None for that of the input.
        start: Where the excerpt begins, s from the beginning.
        max_pixels: Largest frame that is decoded, px.

    Raises:
        InvalidOptionError: A result cannot be an ``ext``, or no frame comes after ``start``.
        UnsupportedMediaError: It is a still image, or has nothing to see.
        TooLargeMediaError: Frames are larger than ``max_pixels``, or their results are too large.
    """
    from realesr.media.animations.content import is_animated

    output_of(VIDEOS, path, ext)
    is_film = path.suffix not in IMAGES.suffixes
    if not is_film and not is_animated(path):
        raise UnsupportedMediaError(
            "the body is a still image, no video or animation: send it to /v1/upscale"
        )
    sizes = _sizes_of_film(path, max_pixels) if is_film else _sizes_of_animation(path, max_pixels)
    reaches = _film_reaches if is_film else _animation_reaches
    if start and not reaches(path, start):
        raise InvalidOptionError(f"`start` {float(start):.9g}: no frame comes then or later")
    scale = engine.scale_of(options)
    results = [options.target.size_of(size, scale) for size in sizes]
    if results:
        engine.check_size(min(results, key=lambda size: size.area))


def _sizes_of_animation(path: Path, max_pixels: int) -> list[Size]:
    """Returns the size of an animation, px; nothing if it cannot be read.

    Raises:
        TooLargeMediaError: It is larger than ``max_pixels``.
    """
    from PIL import ExifTags, Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            width, height = image.size
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Image.DecompressionBombError as error:
        raise TooLargeMediaError(f"more than {max_pixels} px") from error
    except (OSError, ValueError):
        return []
    _check_frame(width, height, max_pixels)
    return [Size(height, width) if orientation in _TURNED else Size(width, height)]


def _sizes_of_film(path: Path, max_pixels: int) -> list[Size]:
    """Returns the sizes of what may be the film of a file, px; nothing if it cannot be told.

    Raises:
        UnsupportedMediaError: It has nothing to see.
        TooLargeMediaError: A size is larger than ``max_pixels``.
    """
    import av

    from realesr.media.video.reading import open_input

    cover = av.stream.Disposition.attached_pic
    try:
        with open_input(path) as container:
            streams = [
                (each.codec_context.width, each.codec_context.height, each.disposition & cover)
                for each in container.streams.video
            ]
    except (OSError, ValueError, av.FFmpegError):
        return []
    if not streams:
        raise UnsupportedMediaError("the body has no video stream")
    for width, height, _ in streams:
        _check_frame(width, height, max_pixels)
    films = [(width, height) for width, height, is_cover in streams if not is_cover]
    return [Size(*each) for each in films] if all(map(all, films)) else []


def _check_frame(width: int, height: int, max_pixels: int) -> None:
    """Checks the size of frames, px.

    Raises:
        TooLargeMediaError: It is larger than ``max_pixels``.
    """
    if width * height > max_pixels:
        raise TooLargeMediaError(
            f"the video says to have frames of {width}x{height} px, more than {max_pixels}"
        )


def _animation_reaches(path: Path, start: Fraction) -> bool:
    """Returns whether a frame begins at a time, s, or later; True if it cannot be told."""
    from realesr.media.animations.content import read_timeline

    try:
        timeline = read_timeline(path)
    except OSError:
        return True
    return timeline is None or not timeline.times or timeline.times[-1] >= start


def _film_reaches(path: Path, start: Fraction) -> bool:
    """Returns whether a frame begins at a time, s, or later; True if it cannot be told.

    The lengths that files state are wrong now and then. So packets are looked for from the key
    frame before on; nothing is decoded.
    """
    import av

    from realesr.media.video.reading import open_input, readable_packets, rewind

    try:
        with open_input(path) as container:
            earliest = Fraction(container.start_time or 0, av.time_base) + start - _ROUNDING_S
            rewind(container, int(earliest * av.time_base))
            cover = av.stream.Disposition.attached_pic
            films = [each for each in container.streams.video if not each.disposition & cover]
            return not films or any(
                packet.pts is None or packet.pts * packet.time_base >= earliest
                for packet in readable_packets(container, *films)
            )
    except (OSError, ValueError, av.FFmpegError):
        return True
