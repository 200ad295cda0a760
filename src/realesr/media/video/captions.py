"""Closed captions inside frames (ATSC A/53, CTA-608), which become a text track of the output.

Frames lose them on their way through a pipe. ffmpeg's filter ``movie`` reads them from the source,
for which it decodes the film a second time.
"""

from __future__ import annotations

import re

from realesr.media.formats import VideoFormat
from realesr.media.video.ffmpeg import succeeds, url
from realesr.media.video.info import VideoInfo
from realesr.options import VideoOptions
from realesr.partial import temporary_folder
from realesr.progress import Notice, Notify

_TRIAL_S = "1"


def caption_input(info: VideoInfo) -> list[str]:
    """Returns ffmpeg's arguments for an input whose only subtitle stream are the captions."""
    # The kind of file is named, so that ffmpeg does not choose one that opens others.
    options = (
        ("filename", url(info.path)),
        ("format_name", info.scan.container),
        ("streams", str(info.index)),
    )
    text = ":".join(f"{name}={_escaped(value)}" for name, value in options)
    return ["-f", "lavfi", "-i", f"movie={text}[out0+subcc]"]


def caption_arguments(number: int, target: VideoFormat) -> list[str]:
    """Returns the arguments of the output stream with this number, which holds the captions."""
    return [
        *(f"-c:{number}", target.text_codec, f"-disposition:{number}", "captions"),
        *(f"-metadata:s:{number}", "title=Closed captions"),
    ]


def keeps_captions(
    info: VideoInfo, target: VideoFormat, options: VideoOptions, *, binary: str, notify: Notify
) -> bool:
    """Returns whether the output gets a track of the captions, and tells what becomes of them.

    Args:
        info: The source.
        target: The container of the output.
        options: Which part is written. Only whole films get a track.
        binary: The ffmpeg.
        notify: Receives a sentence about captions, if there are any.
    """
    if not info.notes.has_captions:
        return False
    is_kept = (
        not options.is_excerpt and not info.scan.jumps and _can_read(info, target, binary=binary)
    )
    if is_kept:
        said = f"the closed captions inside its frames become a text track ({target.text_codec})"
        notify(Notice("stream-converted", said))
    else:
        notify(Notice("captions-dropped", "the closed captions inside its frames are left out"))
    return is_kept


def _can_read(info: VideoInfo, target: VideoFormat, *, binary: str) -> bool:
    with temporary_folder() as folder:
        trial = [*caption_input(info), "-map", "0:s", *caption_arguments(0, target)]
        trial += ["-t", _TRIAL_S, "-f", target.muxer, "-y", url(folder / "trial")]
        return succeeds(binary, trial)


def _escaped(value: str) -> str:
    """Escapes a value of an option of a filter in a graph of filters.

    The manual of ffmpeg-filters names both levels in "Notes on filtergraph escaping".
    """
    in_filter = re.sub(r"([\\':])", r"\\\1", value)
    return re.sub(r"([\\'\[\],;])", r"\\\1", in_filter)
