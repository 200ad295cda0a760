"""Command-line options of image files."""

from __future__ import annotations

import argparse

from realesr.options import DEFAULT_MAX_PIXELS


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Adds the group ``images`` to a parser."""
    group = parser.add_argument_group("images")
    group.add_argument(
        "--max-pixels",
        type=int,
        metavar="N",
        default=DEFAULT_MAX_PIXELS,
        help="refuse larger inputs, because a small file can decode to a huge image "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--quality",
        type=int,
        metavar="N",
        help="1 to 100, for jpg, webp and avif (default: 95; avif: 90)",
    )
    group.add_argument(
        "--first-frame",
        action="store_true",
        help="take only the first image of an animation (default: all, where the output can be "
        "animated: png, webp, gif, avif)",
    )
    group.add_argument("--lossless", action="store_true", help="encode webp and avif losslessly")
