"""Frames of animated GIF, WebP and AVIF files, decoded and laid over each other by Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.imaging.image import Image, Metadata
from realesr.media.animations.timeline import Kind
from realesr.media.gif_blocks import CLEARED, extent, restored_at
from realesr.media.images.metadata import read_exif, read_metadata, without_limit
from realesr.progress import Notify


def open_pillow(path: Path, kind: Kind) -> PillowImage.Image:
    """Reads the header of a file, without Pillow's own limit on sizes.

    Raises:
        Exception: As Pillow does for damaged files.
    """
    with without_limit():
        return PillowImage.open(_repaired(path) if kind == "GIF" else path, formats=(kind,))


def _repaired(path: Path) -> Path | io.BytesIO:
    """Returns a GIF that Pillow reads as others do: it leaves a first frame that is restored."""
    with path.open("rb") as file:
        at = restored_at(file)
    if at is None:
        return path
    data = bytearray(path.read_bytes())
    data[at] = data[at] & ~0b11100 | CLEARED << 2
    return io.BytesIO(bytes(data))


def read_frames(path: Path, kind: Kind) -> Iterator[Image]:
    """Yields whole frames, as stored, with alpha.

    Args:
        path: The file.
        kind: Its format.

    Raises:
        Exception: As Pillow does for damaged files.
    """
    with open_pillow(path, kind) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            values = np.asarray(image.convert("RGBA"))
            yield Image(
                np.ascontiguousarray(values[..., :3]), alpha=np.ascontiguousarray(values[..., 3])
            )


def read_header(path: Path, kind: Kind, notify: Notify) -> tuple[Metadata, int]:
    """Returns the metadata of an animation and its EXIF orientation, 1 to 8.

    Args:
        path: The file.
        kind: Its format.
        notify: Receives a sentence for every part that is damaged.
    """
    with open_pillow(path, kind) as image:
        data = path.read_bytes()
        exif = read_exif(image, data, notify)
        image.load()
        metadata = read_metadata(image, exif, notify, data)
        return metadata, exif.get(ExifTags.Base.Orientation, 1)


def canvas_size(path: Path, kind: Kind) -> tuple[int, int]:
    """Returns width and height that a file states, px; of a GIF those that its frames reach."""
    if kind == "GIF":
        with path.open("rb") as file:
            return extent(file)
    with open_pillow(path, kind) as image:
        return image.size
