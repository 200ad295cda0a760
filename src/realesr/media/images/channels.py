"""Channels as encoders take them: interleaved arrays, and the calls to OpenCV and Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from PIL import Image as PillowImage

from realesr.imaging.image import Metadata
from realesr.media.images.exif import EXIF_PREFIX

Channels = np.ndarray[Any, np.dtype[np.unsignedinteger]]
"""Gray (H, W), gray and alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4); uint8 or uint16."""
Buffer = bytes | memoryview
"""A part of an encoded file."""

_SWAPPED_BYTES = 16 * 2**20
"""Size of a band of rows whose red and blue are swapped at once, bytes."""


def join_channels(pixels: Channels, alpha: Channels | None, *, is_gray: bool) -> Channels:
    """Joins colors and alpha.

    Args:
        pixels: (H, W, 3) RGB, uint8 or uint16.
        alpha: (H, W) of the same dtype, or None.
        is_gray: Whether one of the three channels stands for all.

    Returns:
        The channels, C-contiguous if they had to be copied.
    """
    colors = pixels[..., :1] if is_gray else pixels
    if alpha is not None:
        return np.concatenate((colors, alpha[..., None]), axis=2)
    return np.ascontiguousarray(colors[..., 0]) if is_gray else colors


def is_gray_alpha(channels: Channels) -> bool:
    """Returns whether the channels are gray and alpha, which OpenCV cannot encode."""
    return channels.ndim == 3 and channels.shape[2] == 2


def gray_alpha_to_rgba(channels: Channels) -> Channels:
    """Repeats the gray of (H, W, 2) gray and alpha: (H, W, 4) RGBA. Others stay as they are."""
    return np.repeat(channels, (3, 1), axis=2) if is_gray_alpha(channels) else channels


def encode_with_opencv(
    suffix: str,
    channels: Channels,
    parameters: Sequence[int] = (),
    metadata: Metadata | None = None,
) -> memoryview:
    """Encodes a whole file with OpenCV.

    Args:
        suffix: Suffix of the format, with its dot.
        channels: Gray, RGB or RGBA. Red and blue are swapped in place while OpenCV encodes.
        parameters: OpenCV's ``IMWRITE_`` flags, each followed by its value.
        metadata: Embedded by OpenCV if it is not None.

    Raises:
        ValueError, cv2.error: OpenCV cannot encode the array.
    """
    with _red_and_blue_swapped(channels) as bgr:
        if metadata is None:
            is_done, data = cv2.imencode(suffix, bgr, parameters)
        else:
            blocks = {
                cv2.IMAGE_METADATA_ICCP: metadata.icc,
                cv2.IMAGE_METADATA_EXIF: metadata.exif,
                cv2.IMAGE_METADATA_XMP: metadata.xmp,
            }
            present = {kind: np.frombuffer(each, np.uint8) for kind, each in blocks.items() if each}
            is_done, data = cv2.imencodeWithMetadata(
                suffix, bgr, list(present), list(present.values()), parameters
            )
    if not is_done:
        raise ValueError("OpenCV refuses it without a reason")
    encoded: memoryview = data.reshape(-1).data
    return encoded


def encode_with_pillow(
    name: str, channels: Channels, metadata: Metadata | None = None, **options: Any
) -> memoryview:
    """Encodes a whole file with Pillow.

    Args:
        name: Pillow's name of the format.
        channels: Any channels of uint8.
        metadata: Embedded by Pillow if it is not None.
        **options: Pillow's options of the format.

    Raises:
        OSError, ValueError: Pillow cannot encode the array.
    """
    if metadata is not None:
        exif = EXIF_PREFIX + metadata.exif if metadata.exif else None
        blocks = {"icc_profile": metadata.icc, "exif": exif, "xmp": metadata.xmp}
        options |= {key: block for key, block in blocks.items() if block}
    buffer = io.BytesIO()
    PillowImage.fromarray(channels).save(buffer, name, **options)
    return buffer.getbuffer()


@contextmanager
def _red_and_blue_swapped(channels: Channels) -> Iterator[Channels]:
    """Swaps red and blue in place, and back on exit: a copy of a large image takes gigabytes."""
    if channels.ndim == 2:
        yield channels
        return
    swapped = np.require(channels, requirements=("C", "W"))
    _swap_red_and_blue(swapped)
    try:
        yield swapped
    finally:
        _swap_red_and_blue(swapped)


def _swap_red_and_blue(channels: Channels) -> None:
    """Swaps them band by band, because OpenCV copies an array that it changes in place."""
    code = cv2.COLOR_RGB2BGR if channels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    rows = max(1, _SWAPPED_BYTES // channels[0].nbytes)
    for top in range(0, len(channels), rows):
        band = channels[top : top + rows]
        cv2.cvtColor(band, code, dst=band)
