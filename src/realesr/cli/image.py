"""``realesr image``: upscales images."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from realesr.cli import upscaling
from realesr.cli.options.faces import add_face_options
from realesr.cli.options.files import add_file_options, add_output_options, file_options
from realesr.cli.options.images import add_image_options
from realesr.cli.options.model import (
    add_device_options,
    add_model_options,
    add_size_options,
    add_worker_options,
)
from realesr.media.formats import IMAGES
from realesr.media.urls import is_url
from realesr.options import EncodingOptions
from realesr.weights.catalog import is_plain

if TYPE_CHECKING:
    from realesr.pipeline.units import MediaIO


EXAMPLES = """\
examples:
  realesr image photo.jpg
  realesr image photo.jpg -o large.png -s 2
  realesr image scans/ -r -o large/ --skip-existing
  realesr image photo.jpg --strip location
  realesr image logo.png --fit 3840x2160 -n RealESRGAN_x4plus
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "image",
        help="make images larger",
        description="Makes images larger and sharper.",
        epilog=EXAMPLES,
    )
    add_file_options(parser, IMAGES)
    add_face_options(parser)
    add_size_options(parser)
    add_model_options(parser)
    add_image_options(parser)
    add_device_options(parser, has_workers=True)
    add_worker_options(parser)
    add_output_options(parser, "a line of JSON for each file on standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code.

    Raises:
        RealesrError: The run could not start.
    """
    encoding = EncodingOptions(
        quality=args.quality,
        lossless=args.lossless,
        strip_metadata=args.strip_metadata,
        strip=tuple(args.strip),
    )
    files = file_options(args, encoding=encoding, max_pixels=args.max_pixels)

    def make_medium() -> MediaIO:
        from realesr.media.pictures import PictureFiles

        pictures = PictureFiles(
            encoding=encoding,
            max_pixels=args.max_pixels,
            is_strict=args.strict,
            # plain filters are compared with, and get what is in the file
            smooth_color=args.smooth_color and not is_plain(args.model_name, args.model_path),
            first_frame=args.first_frame,
        )
        if not any(map(is_url, (files.output, *files.inputs))):
            return pictures
        from realesr.media.remote_files import RemoteFiles

        return RemoteFiles(pictures)

    return upscaling.run(args, files, IMAGES, make_medium)
