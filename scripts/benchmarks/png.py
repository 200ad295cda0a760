"""Measures the PNG encoder: with ISA-L, with zlib in its place, and OpenCV's with its defaults.

    cd scripts/benchmarks
    python png.py photo.png network-output-16-bit.png

The encoders take turns on each image, and the shortest of five times counts. Every result is
decoded by OpenCV and compared with the image. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np

from realesr.imaging.image import Image, Metadata
from realesr.media.images import png
from realesr.media.images.channels import Channels, encode_with_opencv, join_channels
from realesr.media.images.decode import read_image

ROUNDS = 5
ENCODERS = ("zlib", "ISA-L", "OpenCV")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", nargs="+", type=Path)
    arguments = parser.parse_args()
    if png.import_deflate() is zlib:
        print("isal is not installed", file=sys.stderr)
        return 1
    print(f"| Image | {' | '.join(f'{name}, MB and ms' for name in ENCODERS)} |")
    print("|---" * (1 + len(ENCODERS)) + "|")
    for path in arguments.images:
        image = read_image(path)
        cells = [f"{size / 1e6:.2f}, {1000 * seconds:.0f}" for size, seconds in measure(image)]
        height, width = image.pixels.shape[:2]
        bits = 8 * image.pixels.dtype.itemsize
        print(f"| {path.stem}, {width}x{height}, {bits} bits | {' | '.join(cells)} |")
    return 0


def measure(image: Image) -> list[tuple[int, float]]:
    """Size in bytes and shortest time in seconds of every encoder, in the order of ENCODERS."""
    channels = join_channels(image.pixels, image.alpha, is_gray=image.is_gray)
    sizes, times = [0] * len(ENCODERS), [float("inf")] * len(ENCODERS)
    for round_ in range(ROUNDS):
        for place, encoder in enumerate(ENCODERS):
            start = time.perf_counter()
            data = encode(channels, encoder)
            times[place] = min(times[place], time.perf_counter() - start)
            sizes[place] = len(data)
            if round_ == 0:
                check(data, channels)
    return list(zip(sizes, times, strict=True))


def encode(channels: Channels, encoder: str) -> bytes | memoryview:
    if encoder == "OpenCV":
        return encode_with_opencv(".png", channels)
    png._deflate = zlib if encoder == "zlib" else png.import_deflate()
    return b"".join(png.encode_png(channels, Metadata()))


def check(data: bytes | memoryview, channels: Channels) -> None:
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels.ndim == 3:
        levels = levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    if levels.dtype != channels.dtype or (levels != channels).any():
        raise RuntimeError("an encoder changed the image")


if __name__ == "__main__":
    sys.exit(main())
