"""Parts of a video whose frames have one size."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from realesr.media.video.probe import probe
from realesr.options import VideoOptions


def parts_of_one_size(path: Path, options: VideoOptions) -> tuple[VideoOptions, ...]:
    """Cuts a video, or the part of it that is read, where the size of its frames changes.

    Changes are found in containers without a table of frames, such as transport streams and raw
    streams; other containers state one size.

    Args:
        path: The file.
        options: Which part is read, without a number of frames.

    Returns:
        Options that read one part each, in order: those that were given, if the size stays, or if
        the clock of the file jumps, so that no part can be cut out.

    Raises:
        MediaError: The file cannot be read.
    """
    info = probe(path, video_stream=options.video_stream)
    sizes = info.sizes(options)
    if info.scan.jumps or len(sizes) < 2:
        return (options,)
    changes = [time - info.start for time, _ in sizes[1:]]
    borders = [options.start, *changes, options.end]
    return tuple(replace(options, start=a, end=b) for a, b in pairwise(borders) if a is not None)
