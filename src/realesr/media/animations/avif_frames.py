"""Frames of AVIF sequences of more than 8 bits a channel, which Pillow would round."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from realesr.errors import UnsupportedMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image
from realesr.media.animations.avif_boxes import read_sequence


def is_deep(path: Path) -> bool:
    """Returns whether a sequence has more than 8 bits a channel."""
    return _bits(path) > 8


def read_frames(path: Path, count: int) -> Iterator[Image]:
    """Yields the frames, uint16 over the full range.

    Args:
        path: The file.
        count: Number of its frames.

    Raises:
        UnsupportedMediaError: imagecodecs is not installed.
        RuntimeError, ValueError: The file is damaged.
    """
    try:
        import imagecodecs
    except ImportError as error:
        raise UnsupportedMediaError(
            f"{path}: an animated AVIF of more than 8 bits a channel is not read without the "
            "package imagecodecs"
        ) from error
    data, bits = path.read_bytes(), _bits(path)
    for index in range(count):
        levels = imagecodecs.avif_decode(data, index=index)
        values = convert_depth(np.ascontiguousarray(levels), np.dtype(np.uint16), bits=bits)
        if values.ndim == 2:
            yield Image(np.repeat(values[..., None], 3, axis=2), is_gray=True)
        else:
            alpha = np.ascontiguousarray(values[..., 3]) if values.shape[2] == 4 else None
            yield Image(np.ascontiguousarray(values[..., :3]), alpha=alpha)


def _bits(path: Path) -> int:
    with path.open("rb") as file:
        sequence = read_sequence(file)
    return 8 if sequence is None else sequence.bits
