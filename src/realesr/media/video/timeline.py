"""The times of all frames of a video, read from its packets, and segments cut along them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from realesr.media.frames import Segment
from realesr.media.video.info import VideoInfo
from realesr.media.video.reading import open_input, readable_packets

_WINDOW = 4
"""A border may be moved by the length of a segment divided by this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """When the frames of a video are shown, according to its packets.

    Attributes:
        time_base: Length of a tick, s.
        times: Presentation times in increasing order, ticks.
        keys: Positions of key frames in ``times``, increasing.
    """

    time_base: Fraction
    times: Sequence[int]
    keys: Sequence[int]

    def seconds(self, position: int) -> Fraction:
        """Returns the time of the frame at a position, s."""
        return self.times[position] * self.time_base

    def part(self, start: Fraction | None, end: Fraction | None, most: int | None) -> range:
        """Returns the positions of an excerpt.

        Args:
            start: Time of the first frame or a time before it, s; None for the beginning.
            end: Time behind the last frame, s; None for the end.
            most: Largest number of frames; None for all.
        """
        first = 0 if start is None else self._first_from(start)
        last = len(self.times) if end is None else self._first_from(end)
        if most is not None:
            last = min(last, first + most)
        return range(first, max(first, last))

    def _first_from(self, time: Fraction) -> int:
        return bisect_left(self.times, time / self.time_base)


def read_timeline(info: VideoInfo) -> Timeline:
    """Reads the times of all packets, up to damage that cannot be read. Nothing is decoded.

    Raises:
        av.FFmpegError: The file cannot be opened.
    """
    found: dict[int, bool] = {}
    with open_input(info.path) as container:
        stream = container.streams[info.index]
        for packet in readable_packets(container, stream):
            if packet.pts is not None:
                found[packet.pts] = found.get(packet.pts, False) or packet.is_keyframe
    times = sorted(found)
    keys = [position for position, time in enumerate(times) if found[time]]
    return Timeline(time_base=info.time_base, times=times, keys=keys)


def cut(timeline: Timeline, part: range, *, frames: int, preroll: int = 0) -> tuple[Segment, ...]:
    """Cuts a part of a video into segments of about equal length.

    Borders are moved to key frames near them, and rather to one that an encoder has inserted
    before its time, because a scene begins there.

    Args:
        timeline: Times of all frames.
        part: Positions of the frames that are cut.
        frames: Number of frames in a segment.
        preroll: Number of frames before each segment that the upscaler must see.

    Returns:
        At least one segment. Together they hold each frame of the part once.
    """
    count = max(1, round(len(part) / frames))
    wanted = [part.start + round(len(part) * number / count) for number in range(1, count)]
    scenes = _scene_keys(timeline.keys)
    reach = frames // _WINDOW
    borders = [part.start]
    for border in wanted:
        near = _nearest(scenes, border, reach)
        near = _nearest(timeline.keys, border, reach) if near is None else near
        border = border if near is None else near
        if borders[-1] < border < part.stop:
            borders.append(border)
    ends = [*borders[1:], part.stop]
    return tuple(
        Segment(
            index=index,
            start=timeline.seconds(start) if start else None,
            end=timeline.seconds(end) if end < len(timeline.times) else None,
            seek=_seek(timeline, start - preroll),
            position=start - part.start,
            frames=end - start,
            preroll=min(preroll, start - part.start),
        )
        for index, (start, end) in enumerate(zip(borders, ends, strict=True))
    )


def _seek(timeline: Timeline, position: int) -> Fraction | None:
    """Returns the time of the last key frame before a position; None for the beginning.

    A key frame at the position itself is not enough: frames around it may refer to the frames
    before (open GOP), and deinterlacing looks at the neighbors of a frame.
    """
    number = bisect_left(timeline.keys, position) - 1
    if number < 0 or timeline.keys[number] == 0:
        return None
    return timeline.seconds(timeline.keys[number])


def _scene_keys(keys: Sequence[int]) -> list[int]:
    """Returns key frames that follow the one before sooner than encoders insert them by rule."""
    gaps = [after - before for before, after in pairwise(keys)]
    longest = max(gaps, default=0)
    return [after for gap, after in zip(gaps, keys[1:], strict=True) if gap < longest]


def _nearest(positions: Sequence[int], wanted: int, reach: int) -> int | None:
    first, last = bisect_left(positions, wanted - reach), bisect_right(positions, wanted + reach)
    return min(positions[first:last], key=lambda each: abs(each - wanted), default=None)
