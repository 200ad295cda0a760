"""Netpbm: Pillow reads up to 8 bits a channel; here are 16 bits, and the floats of PFM."""

from __future__ import annotations

import re

import numpy as np

from realesr.imaging.image import Image, Metadata
from realesr.media.images.decoders.levels import PEAK, Samples, float_levels
from realesr.media.images.decoders.pillow import decode_pillow
from realesr.media.images.decoders.source import EncodedImage, finish, gray_to_rgb

_TOKEN = rb"(?:\s+|#[^\n\r]*[\n\r])+([^\s#]+)"
_HEADER = re.compile(rb"P([1-6])" + 2 * _TOKEN + rb"(?:" + _TOKEN + rb")?")
_FLOAT_HEADER = re.compile(rb"P([Ff])\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s")
_CHANNELS = {b"2": 1, b"3": 3, b"5": 1, b"6": 3}


def decode_netpbm(source: EncodedImage) -> Image:
    """Decodes PBM, PGM, PPM or PFM.

    Raises:
        UnidentifiedImageError, OSError, ValueError: It is damaged.
        UnsupportedMediaError: It is too large.
    """
    if match := _FLOAT_HEADER.match(source.data):
        return _decode_floats(source, match)
    match = _HEADER.match(source.data)
    if match and match[1] in _CHANNELS and match[4] and int(match[4]) > 255:
        return _decode_16_bits(source, match)
    return decode_pillow(source, "PPM")


def _decode_16_bits(source: EncodedImage, match: re.Match[bytes]) -> Image:
    """Decodes levels above 255: two bytes, the high one first, or plain decimal numbers."""
    width, height, most = int(match[2]), int(match[3]), int(match[4])
    if most > PEAK or not width or not height:
        raise ValueError("its header is invalid")
    source.check_size(width, height)
    channels = _CHANNELS[match[1]]
    count = width * height * channels
    start = match.end(4)
    if match[1] in (b"5", b"6"):
        levels: Samples = np.frombuffer(source.data, ">u2", count, start + 1)
    else:
        levels = np.array(source.data[start:].split()[:count], np.uint16)
    if levels.size < count:
        raise ValueError("pixels are missing at its end")
    full = np.minimum(np.rint(levels * (PEAK / most)), PEAK).astype(np.uint16)
    return _image(full.reshape(height, width, channels))


def _decode_floats(source: EncodedImage, match: re.Match[bytes]) -> Image:
    """Decodes PFM: rows from the bottom; a negative scale means little-endian."""
    channels = 3 if match[1] == b"F" else 1
    width, height = int(match[2]), int(match[3])
    source.check_size(width, height)
    dtype = "<f4" if float(match[4]) < 0 else ">f4"
    count = width * height * channels
    if not count or match.end() + 4 * count > len(source.data):
        raise ValueError("pixels are missing at its end")
    values = np.frombuffer(source.data, dtype, count, match.end())
    values = values.reshape(height, width, channels)[::-1]
    return _image(float_levels(values, source.notify))


def _image(levels: Samples) -> Image:
    is_gray = levels.shape[2] == 1
    pixels = gray_to_rgb(levels[..., 0]) if is_gray else np.ascontiguousarray(levels)
    return finish(Image(pixels, is_gray=is_gray), Metadata())
