"""Which file name suffix stands for which picture format."""

from __future__ import annotations

from pathlib import Path

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
"""Suffixes, in lower case, of the pictures that are read and written."""


def is_image(path: Path) -> bool:
    """Whether the name ends like that of a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES
