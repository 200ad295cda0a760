"""AVIF: Pillow decodes 8 bits a channel, OpenCV or imagecodecs more."""

from __future__ import annotations

import io

import av
import numpy as np

from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.media.images.aperture import cropped
from realesr.media.images.decoders.opencv import Levels, decode_with_opencv
from realesr.media.images.decoders.pillow import convert, finish_pillow, open_pillow
from realesr.media.images.decoders.source import EncodedImage, gray_to_rgb
from realesr.media.images.metadata import read_exif


def decode_avif(source: EncodedImage) -> Image:
    """Decodes the first image of an AVIF file.

    Raises:
        UnidentifiedImageError, OSError, ValueError, RuntimeError: It is damaged.
        UnsupportedMediaError: It is too large.
    """
    image = open_pillow(source, ("AVIF",))
    exif = read_exif(image, source.data, source.notify)
    source.notify_pages(getattr(image, "n_frames", 1))
    image.load()
    if words := _damage(source.data):
        source.notify_damage(words)
    bits = _bits(source.data)
    decoded = convert(source, image) if bits <= 8 else _decode_deep(source.data, bits, image.mode)
    return finish_pillow(source, image, exif, cropped(decoded, source.data))


def _bits(data: bytes) -> int:
    """Returns the bits a channel (AV1 codec configuration, section 2.3).

    The third byte holds high_bitdepth and twelve_bit.
    """
    flags = data[data.index(b"av1C") + 6]
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _damage(data: bytes) -> str | None:
    """Returns why a strict decoder refuses the AV1 data; dav1d in Pillow fills gaps silently."""
    options = {"strict": "strict", "err_detect": "explode"}
    try:
        with av.open(io.BytesIO(data), "r") as container:
            for stream in container.streams.video:  # several if the image is a grid
                stream.codec_context.options = options
                stream.codec_context.thread_count = 1
                container.seek(0, stream=stream)
                next(container.decode(stream), None)
    except av.InvalidDataError as error:
        return f"dav1d: {error.strerror}"
    except (av.FFmpegError, ValueError):  # what this FFmpeg does not know is not damaged
        return None
    return None


def _decode_deep(data: bytes, bits: int, mode: str) -> Image:
    """Decodes 10 or 12 bits a channel to uint16 over the full range."""
    levels, _ = decode_with_opencv(data)
    if levels is None or levels.dtype != np.uint16:
        levels = _decode_with_imagecodecs(data)
    elif levels.ndim == 3:
        levels = levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    levels = convert_depth(np.ascontiguousarray(levels), np.dtype(np.uint16), bits=bits)
    if levels.ndim == 2:
        return Image(gray_to_rgb(levels), is_gray=True)
    has_alpha = levels.shape[2] == 4 and mode in ("RGBA", "LA")
    return Image(
        np.ascontiguousarray(levels[..., :3]),
        alpha=np.ascontiguousarray(levels[..., 3]) if has_alpha else None,
    )


def _decode_with_imagecodecs(data: bytes) -> Levels:
    """Decodes what OpenCV refuses, such as a cropped image; RGB order."""
    import imagecodecs

    levels: Levels = imagecodecs.avif_decode(data)
    return levels[0] if levels.ndim == 4 else levels
