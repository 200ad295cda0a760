"""Small animations made for a test, and what is in them."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from realesr.media.animations.source import AnimationSource

DURATIONS_MS = [50, 70, 120, 40, 330]
COLORS = [(200, 0, 30), (0, 200, 30), (30, 60, 220), (220, 220, 20), (120, 20, 140)]


def drawn_frames(count=5, size=(48, 32), *, is_transparent=True):
    """A disk that moves over a bar: few colors, so that every format can hold them exactly."""
    frames = []
    for number in range(count):
        background = (0, 0, 0, 0) if is_transparent else (250, 250, 250, 255)
        frame = Image.new("RGBA", size, background)
        draw = ImageDraw.Draw(frame)
        left = 3 + 7 * (number % 5)
        draw.ellipse((left, 4, left + 14, 22), fill=(*COLORS[number % 5], 255))
        draw.rectangle((0, 26, size[0], size[1]), fill=(10, 100, 200, 255))
        frames.append(frame)
    return frames


def save_animation(path: Path, frames=None, durations=None, **options) -> Path:
    """Writes an animation with Pillow."""
    frames = drawn_frames() if frames is None else frames
    durations = durations or (DURATIONS_MS * len(frames))[: len(frames)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, **options)
    return path


def frames_of(path: Path):
    """The frames of an animation as RGBA arrays; colors of invisible pixels are 0."""
    with AnimationSource(path) as source:
        return [rgba(frame.image) for frame in source]


def rgba(image):
    alpha = image.alpha
    if alpha is None:
        alpha = np.full(image.pixels.shape[:2], image.peak, image.pixels.dtype)
    values = np.dstack((image.pixels, alpha))
    values[alpha == 0] = 0
    return values


def visible(frame):
    """A frame of Pillow as such an array."""
    values = np.array(frame.convert("RGBA"))
    values[values[..., 3] == 0] = 0
    return values


def save_gif_with_far_frame(path, number):
    """Saves two frames of 1 px, one of which says that it is 60,000 px wide and high."""
    sides = [60_000 if number == index else 1 for index in range(2)]
    frames = (b"\x2c" + struct.pack("<4H", 0, 0, n, n) + b"\0\2\2\x44\1\0" for n in sides)
    path.write_bytes(b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b"".join(frames) + b"\x3b")
