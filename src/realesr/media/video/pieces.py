"""How pieces of a video are encoded: as the output is, or without loss and once more at the end."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from realesr.media.formats import VideoFormat
from realesr.media.video.encoder import EncodeSpec
from realesr.media.video.info import VideoInfo
from realesr.options import VideoOptions
from realesr.progress import Notify, no_notice

_RATE = re.compile(r"-(b|vb|maxrate|minrate|bufsize|pass|2pass)(:v(:0)?|:0)?|-.*-params")
"""Options of encoders that plan a whole video; those with parameters of their own may do so."""
_RATE_PARAMETER = re.compile(r"(^|:)(bitrate|vbv-maxrate|pass|rc=[12]|tbr)", re.IGNORECASE)
_PASS = re.compile(r"-pass(:v(:0)?|:0)?")
LOSSLESS = VideoFormat(
    name="NUT",
    suffixes=(".nut",),
    muxer="nut",
    text_codec="",
    audio_codec="",
    video_codec=("ffv1", "ffv1"),
    alpha_codec="ffv1",
)
"""The container of pieces that are encoded once more: it keeps every time."""
_LOSSLESS_FORMATS = {
    (False, False): "bgr0",
    (False, True): "bgra",
    (True, False): "gbrp16le",
    (True, True): "gbrap16le",
}
"""Pixel formats of such pieces, by depth above 8 bits and alpha."""


def plans_whole_video(options: VideoOptions) -> bool:
    """Returns whether the encoder spreads bits over the whole video, as with a bitrate.

    Pieces that are encoded one by one would then get other shares than in the whole video.
    """
    arguments = options.encoder_args
    return any(
        _RATE.fullmatch(option)
        and (not option.endswith("-params") or _RATE_PARAMETER.search(value) is not None)
        for option, value in pairwise((*arguments, ""))
    )


def passes(options: VideoOptions) -> int:
    """Returns how often the encoder sees the whole video: twice with ffmpeg's ``-pass``."""
    return 2 if any(_PASS.fullmatch(option) for option in options.encoder_args) else 1


def with_pass(options: VideoOptions, number: int, log: Path) -> VideoOptions:
    """Returns the options of one of two passes.

    Args:
        options: Options with ``-pass``, whatever its number.
        number: 1 or 2.
        log: What the names of the files begin with that the first one leaves to the second.
    """
    arguments = list(options.encoder_args)
    for index, option in enumerate(arguments[:-1]):
        if _PASS.fullmatch(option):
            arguments[index + 1] = str(number)
    return replace(options, encoder_args=(*arguments, "-passlogfile", str(log)))


def piece_spec(
    info: VideoInfo,
    target: VideoFormat,
    options: VideoOptions,
    *,
    binary: str,
    notify: Notify = no_notice,
) -> EncodeSpec:
    """Chooses how pieces are encoded: as the output is, or without loss.

    Args:
        info: The source.
        target: The container of the output.
        options: How the output is written.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that the encoder does not keep.

    Raises:
        InvalidOptionError: There is no such encoder or pixel format.
    """
    if not plans_whole_video(options):
        return EncodeSpec.choose(info, target, options, binary=binary, notify=notify)
    wanted = info.pixel_format
    lossless = replace(
        options,
        codec="ffv1",
        crf=None,
        preset=None,
        pix_fmt=_LOSSLESS_FORMATS[wanted.depth > 8, wanted.has_alpha],
        encoder_args=(),
    )
    return EncodeSpec.choose(info, LOSSLESS, lossless, binary=binary)
