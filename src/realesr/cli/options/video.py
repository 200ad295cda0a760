"""Command-line options of videos."""

from __future__ import annotations

import argparse
import shlex
from fractions import Fraction
from pathlib import Path

from realesr.cli.options.images import add_smooth_color
from realesr.cli.options.parsers import frame_rate, seconds
from realesr.options import DEINTERLACING


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Adds the groups ``excerpt`` and ``encoding`` to a parser."""
    part = parser.add_argument_group("excerpt")
    part.add_argument(
        "--video-stream",
        type=int,
        metavar="N",
        help="number of the stream to upscale, if there are several (default: the first film)",
    )
    part.add_argument(
        "--start",
        type=seconds,
        default=Fraction(0),
        metavar="TIME",
        help="start, in seconds or as 0:01:30",
    )
    part.add_argument("--end", type=seconds, metavar="TIME", help="end, in seconds or as 0:01:30")
    part.add_argument(
        "--split",
        action="store_true",
        help="make a file of each part where the size of frames changes (default: all frames "
        "become as large as the first)",
    )
    part.add_argument("--frames", type=int, metavar="N", help="process at most N frames")
    part.add_argument(
        "--deinterlace",
        choices=DEINTERLACING,
        default="auto",
        help="deinterlace before upscaling (default: %(default)s, for interlaced input)",
    )
    part.add_argument(
        "--fps",
        type=frame_rate,
        metavar="N",
        help="play the same frames at this constant rate; audio is unchanged "
        "(default: every frame keeps its time stamp)",
    )
    part.add_argument(
        "--strict", action="store_true", help="fail if any input frame cannot be decoded"
    )
    add_smooth_color(part, "numbered JPEG frames")
    part.add_argument(
        "--stabilize",
        action="store_true",
        help="average the details of frames along the movement, so that they do not flicker",
    )
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--codec",
        metavar="NAME",
        help="ffmpeg encoder, such as libx265, libsvtav1, prores_ks, h264_nvenc "
        "(default: libx264, libx265 above 8 bits, libvpx-vp9 for webm)",
    )
    group.add_argument(
        "--crf",
        type=float,
        metavar="N",
        help="quality; lower is better (default: visually lossless)",
    )
    group.add_argument("--preset", metavar="WORD", help="encoder speed preset")
    group.add_argument(
        "--pix-fmt",
        metavar="NAME",
        help="pixel format, such as yuv420p (default: chroma and bit depth of the input)",
    )
    group.add_argument(
        "--encoder-args",
        type=shlex.split,
        default=[],
        metavar="ARGS",
        help="further arguments for ffmpeg's output, such as --encoder-args='-tune video'",
    )
    group.add_argument(
        "--ffmpeg-bin",
        type=Path,
        metavar="FILE",
        help="ffmpeg to use (default: the bundled one)",
    )
    group.add_argument(
        "--preview",
        type=int,
        metavar="N",
        help="write every N-th result frame as JPEG, too, into a folder beside the output",
    )
    group = parser.add_argument_group(
        "animations", "Outputs named gif, webp, png or avif, and frames such as frames/%06d.png."
    )
    group.add_argument(
        "--quality",
        type=int,
        metavar="N",
        help="1 to 100, for webp and avif (default: 95; avif: 90)",
    )
    group.add_argument("--lossless", action="store_true", help="encode webp and avif losslessly")
    parser.add_argument("--extract-frame-first", action="store_true", help=argparse.SUPPRESS)


def add_piece_options(parser: argparse.ArgumentParser) -> None:
    """Adds the group ``interrupted runs`` to a parser."""
    group = parser.add_argument_group(
        "interrupted runs",
        "A long video is made in pieces, in a hidden folder beside the output. The same command "
        "goes on where a run was interrupted.",
    )
    group.add_argument(
        "--restart", action="store_true", help="throw the pieces of an earlier run away"
    )
    group.add_argument(
        "--finish",
        action="store_true",
        help="join the pieces that are there, and upscale nothing; the pieces stay",
    )
    group.add_argument(
        "--keep-pieces",
        "--keep-segments",
        action="store_true",
        help="keep the pieces when they have been joined",
    )
    group.add_argument(
        "--piece-frames",
        type=int,
        metavar="N",
        help="frames in a piece (default: what takes about two minutes; short videos are made in "
        "one pass)",
    )
