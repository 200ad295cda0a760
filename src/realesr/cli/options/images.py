"""Command-line options of image files."""

from __future__ import annotations

import argparse

from realesr.options import DEFAULT_MAX_PIXELS, STRIPPABLE


def add_image_options(
    parser: argparse.ArgumentParser, *, has_networks: bool = True, has_animations: bool = True
) -> None:
    """Adds the group ``images`` to a parser.

    Args:
        parser: The parser of a command.
        has_networks: Whether the command gives images to networks.
        has_animations: Whether the command takes all images of an animation.
    """
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
        "--strict", action="store_true", help="fail if the pixels of an input are damaged"
    )
    group.add_argument(
        "--quality",
        type=int,
        metavar="N",
        help="1 to 100, for jpg, webp and avif (default: 95; avif: 90)",
    )
    if has_animations:
        group.add_argument(
            "--first-frame",
            action="store_true",
            help="take only the first image of an animation (default: all, where the output can be "
            "animated: png, webp, gif, avif)",
        )
    group.add_argument("--lossless", action="store_true", help="encode webp and avif losslessly")
    group.add_argument(
        "--strip-metadata",
        action="store_true",
        help="leave out all metadata but the description of color, which the pixels need",
    )
    group.add_argument(
        "--strip",
        action="append",
        choices=STRIPPABLE,
        default=[],
        metavar="PART",
        help="leave out location (GPS, and places in XMP and IPTC), or maker-notes, the camera "
        "maker's own block, in which some cameras repeat places; may be repeated",
    )
    if has_networks:
        add_smooth_color(group, "JPEG")


def add_smooth_color(group: argparse._ArgumentGroup, files: str) -> None:
    """Adds the option that concerns the color of JPEG, with the words for the files."""
    group.add_argument(
        "--no-smooth-color",
        action="store_false",
        dest="smooth_color",
        help=f"leave the color blocks of {files} as they are (default: networks get them smoothed, "
        "as far as the file leaves color open)",
    )
