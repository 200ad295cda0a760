"""Tells what becomes of a source before its first frame is upscaled."""

from __future__ import annotations

from collections.abc import Iterator

from realesr.media.video import access
from realesr.media.video.clock import NAMED, clock_text, jumps_text
from realesr.media.video.info import VideoInfo
from realesr.options import VideoOptions
from realesr.progress import Notice


def notices_of(info: VideoInfo, options: VideoOptions) -> Iterator[Notice]:
    """Yields a notice for everything that is not read as it is stored."""
    if info.is_interlaced and options.deinterlace == "auto":
        yield Notice(
            "fields-merged",
            "is interlaced: whole frames are made of its fields (`deinterlace` off)",
        )
    yield from _about_time(info, options)
    yield from _about_frames(info, options)
    if info.scan.has_late_streams:
        yield Notice(
            "stream-dropped",
            "a stream is left out that no header names and that begins only after the first "
            f"{access.PROBED_US // 1_000_000} s",
        )
    others = [each for each in info.streams if each.is_film and each.index != info.index]
    if others and options.video_stream is None:
        numbers = ", ".join(str(each.index) for each in others)
        yield Notice(
            "films-left",
            f"holds {len(others) + 1} films: stream {info.index} is upscaled, and {numbers} copied "
            "as it is; `video_stream` chooses another",
        )


def _about_time(info: VideoInfo, options: VideoOptions) -> Iterator[Notice]:
    jumps = info.scan.jumps
    if jumps:
        yield Notice(
            "clock-repaired",
            "its clock jumps, as in files that were joined: all streams go on behind "
            f"{jumps_text(jumps, info.origin)}",
        )
    if info.origin and not options.start:
        yield Notice(
            "clock-shifted",
            f"its clock begins at {float(info.origin):.2f} s: all streams begin at 0 instead",
        )


def _about_frames(info: VideoInfo, options: VideoOptions) -> Iterator[Notice]:
    sizes = info.sizes(options)
    if len(sizes) > 1:
        changes = [
            f"{size} from {clock_text(time - info.origin)} on"
            for time, size in sizes[1 : NAMED + 1]
        ]
        more = len(sizes) - 1 - len(changes)
        yield Notice(
            "size-changed",
            f"the size of its frames changes, {', '.join(changes)}"
            f"{f' and {more} more times' if more else ''}: all become as large as the first, "
            f"{sizes[0][1]}",
        )
    notes = info.notes
    if notes.is_multiview:
        yield Notice("view-dropped", "holds several views (MV-HEVC): only the first is upscaled")
    if notes.is_unknown and info.color.is_hdr:
        yield Notice(
            "hdr-metadata-dropped",
            "its HDR mastering metadata cannot be read beside others, and are left out",
        )
    dynamic = [
        name
        for name, is_there in (
            ("Dolby Vision", notes.has_dolby_vision),
            ("HDR10+", notes.has_hdr10_plus),
        )
        if is_there
    ]
    if dynamic:
        yield Notice(
            "hdr-metadata-dropped",
            f"the metadata of {' and '.join(dynamic)} describe the frames of the source and are "
            "left out",
        )
