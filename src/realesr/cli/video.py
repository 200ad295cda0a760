"""``realesr video``: upscales videos, and keeps audio, subtitles and metadata."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from realesr.cli import upscaling
from realesr.cli.options.faces import add_face_options
from realesr.cli.options.files import (
    add_file_options,
    add_output_options,
    file_options,
    inputs_of,
)
from realesr.cli.options.model import (
    add_device_options,
    add_model_options,
    add_size_options,
    add_worker_options,
)
from realesr.cli.options.video import add_piece_options, add_video_options
from realesr.cli.wording import print_notice
from realesr.errors import InvalidOptionError, UnsupportedMediaError
from realesr.media.formats import STANDARD_STREAM, VIDEOS
from realesr.media.urls import is_url
from realesr.options import EncodingOptions, PieceOptions, VideoOptions
from realesr.progress import Notice
from realesr.weights.catalog import is_plain

if TYPE_CHECKING:
    from realesr.pipeline.units import MediaIO


EXAMPLES = """\
examples:
  realesr video clip.mp4
  realesr video clip.mp4 -o large.mkv --fit 3840x2160
  realesr video clip.mp4 --start 1:30 --frames 24 -o try
  realesr video old.avi -n realesr-anime-x4 --ext mp4
  realesr video loop.gif -o loop.webp
  realesr video frames/ --fps 24 -o film.mkv
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "video",
        help="make videos larger",
        description="Makes videos larger and sharper. Every frame keeps its time, and sound, "
        "subtitles, chapters and tags are carried along.",
        epilog=EXAMPLES,
    )
    add_file_options(parser, VIDEOS)
    add_face_options(parser)
    add_size_options(parser)
    add_model_options(parser)
    add_video_options(parser)
    add_piece_options(parser)
    add_device_options(parser, has_workers=True)
    add_worker_options(parser)
    add_output_options(parser, "lines of JSON on standard output: progress, and one for each file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code.

    Raises:
        RealesrError: The run could not start.
    """
    if STANDARD_STREAM in (args.output, *inputs_of(args)):
        raise UnsupportedMediaError("videos do not go through pipes: name files")
    if any(map(is_url, (args.output, *inputs_of(args)))):
        raise UnsupportedMediaError(
            "videos are read and written in a folder, also a shared one: copy the object first"
        )
    video = VideoOptions(
        codec=args.codec,
        crf=args.crf,
        preset=args.preset,
        pix_fmt=args.pix_fmt,
        encoder_args=tuple(args.encoder_args),
        ffmpeg=args.ffmpeg_bin,
        start=args.start,
        end=args.end,
        frames=args.frames,
        fps=args.fps,
        deinterlace=args.deinterlace,
        is_strict=args.strict,
        video_stream=args.video_stream,
        smooth_color=args.smooth_color and not is_plain(args.model_name, args.model_path),
    )
    if args.split and args.frames is not None:
        raise InvalidOptionError("`split` makes whole parts: give `end` instead of `frames`")
    encoding = EncodingOptions(quality=args.quality, lossless=args.lossless)
    files = file_options(args, encoding=encoding)
    if args.extract_frame_first:
        print_notice(
            Notice(
                "option-without-effect",
                "--extract-frame-first is not needed: frames come with their exact times",
            )
        )

    def make_medium() -> MediaIO:
        from realesr.media.moving import MovingFiles

        return MovingFiles.from_options(video, encoding, restart=args.restart)

    pieces = PieceOptions(
        piece_frames=args.piece_frames,
        restart=args.restart,
        keep_pieces=args.keep_pieces,
        finish=args.finish,
        preview=args.preview,
    )
    return upscaling.run(args, files, VIDEOS, make_medium, pieces, is_split=args.split)
