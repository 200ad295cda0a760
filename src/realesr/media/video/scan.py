"""Reads the packets of a video, without decoding them, for what no header tells."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from realesr.geometry import Size
from realesr.media.video import parameters

_HAS_INDEX = frozenset({"mov", "matroska", "avi", "mxf", "gxf"})
"""Containers with an index, by the first of ffmpeg's names. Their times come from tables or are
monotonic by the format, so that it is enough to read the end of a file."""
_ANY_CLOCK = 0x0200
"""ffmpeg's ``AVFMT_TS_DISCONT``: a container whose clock may begin anywhere, and jump."""
BACK_S = Fraction(1, 2)
"""Step back of decoding times that is a jump, s. Rounding and damage cause smaller ones."""
AHEAD_S = 10
"""Step ahead of all streams that is a jump, s: ffmpeg's own limit (``-dts_delta_threshold``)."""
_SIMILAR_S = 2
"""Largest difference between the steps of two streams at one jump, s."""
_REORDERED = 32
"""Frames among which two of the same time are looked for; no codec reorders more than 16."""
_OUTLIERS = 3
"""Number of packets with wrong times that make no jump, if the times are as before behind them."""
_MAX_STEPS = 300
"""Number of jumps of a clock that can be repaired; one with more is refused."""
_NEAR = 1000
"""Number of packets of another stream within which it steps when the film does."""
_TAIL_S = 1
"""Length of the end of an indexed file that is read, s, and more back to a key frame."""
_STILLS = frozenset({"mjpeg", "png", "bmp", "webp", "tiff", "gif", "jpegxl", "jpeg2000"})


@dataclass(slots=True)
class _Step:
    """A step of the times of a stream.

    Attributes:
        before: Time before it, ticks.
        after: Time behind it, ticks.
        time_base: Length of a tick, s.
        packet: Number of the packet behind it.
        rank: Number of steps between two packets of the stream up to this one, from 1; wrong times
            of single packets count, too.
        others: Numbers of packets that the other streams had then, by index.
    """

    before: int
    after: int
    time_base: Fraction
    packet: int
    rank: int
    others: dict[int, int] = field(default_factory=dict)

    @property
    def size(self) -> Fraction:
        """How far the times step, s."""
        return (self.after - self.before) * self.time_base


@dataclass(slots=True)
class _Track:
    """What the packets of a stream have told so far; times in ticks."""

    index: int
    kind: str
    codec: str
    time_base: Fraction
    packets: int = 0
    latest: int | None = None
    ranks: int = 0
    is_wild: bool = False
    limits: tuple[int, int] = (0, 0)
    last: tuple[int, int] | None = None
    has_equal_times: bool = False
    sizes: list[tuple[int, Fraction, Size]] = field(default_factory=list)
    parameters: bytes = b""
    steps: list[_Step] = field(default_factory=list)
    spans: list[tuple[int, int] | None] = field(default_factory=lambda: [None])
    window: deque[int] = field(default_factory=lambda: deque(maxlen=_REORDERED))

    def __post_init__(self) -> None:
        self.limits = (-int(BACK_S / self.time_base), int(AHEAD_S / self.time_base))

    def is_step(self, before: int, after: int) -> bool:
        """Returns whether decoding times step between two packets; times in ticks."""
        return not self.limits[0] <= after - before <= self.limits[1]

    def add(self, packet: Packet[Any], *, may_jump: bool) -> None:
        decoded_at = packet.pts if packet.dts is None else packet.dts
        shown_at = packet.dts if packet.pts is None else packet.pts
        if self.kind == "video" and may_jump and shown_at is not None and packet.is_keyframe:
            self._size(packet, shown_at)
        if decoded_at is not None and shown_at is not None and not packet.is_discard:
            self._step(decoded_at, may_jump=may_jump)
            self._show(shown_at, packet.duration or 0)
        self.packets += 1

    def _step(self, time: int, *, may_jump: bool) -> None:
        before, self.latest = self.latest, time
        if before is None or not may_jump:
            return
        steps = self.is_step(before, time)
        self.ranks += steps
        if self._is_back_from_outlier(time):
            self.steps.pop()
            self.spans.pop()
        elif steps and not self.is_wild:
            self.is_wild = len(self.steps) >= _MAX_STEPS
            self.steps.append(_Step(before, time, self.time_base, self.packets, self.ranks))
            self.spans.append(None)
            self.last = None
            self.window.clear()

    def _is_back_from_outlier(self, time: int) -> bool:
        """Returns whether the last step was one wrong time, as in damaged files."""
        if not self.steps or self.packets - self.steps[-1].packet > _OUTLIERS:
            return False
        before = self.steps[-1].before
        return before < time and not self.is_step(before, time)

    def _size(self, packet: Packet[Any], time: int) -> None:
        found = parameters.parameters_of(self.codec, packet)
        if not found or found == self.parameters:
            return
        self.parameters = found
        size = parameters.decoded_size(self.codec, packet)
        if size is not None and (not self.sizes or size != self.sizes[-1][2]):
            self.sizes.append((len(self.steps), time * self.time_base, size))

    def _show(self, time: int, duration: int) -> None:
        self.has_equal_times = self.has_equal_times or time in self.window
        self.window.append(time)
        if self.last is None or time >= self.last[0]:
            self.last = time, duration
        span = self.spans[-1]
        if span is None:
            self.spans[-1] = (time, time + duration)
        elif time < span[0] or time + duration > span[1]:
            self.spans[-1] = (min(span[0], time), max(span[1], time + duration))


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A place where the clock of a file jumps.

    Attributes:
        before: Decoding time of the film's last packet before it, s.
        after: When the first frame behind it is shown, s.
        shift: What is added to all times behind it, s, so that they go on.
    """

    before: Fraction
    after: Fraction
    shift: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From where on the times of a stream are shifted.

    Attributes:
        packet: Number of the first packet that is shifted, from 0.
        rank: Number of :func:`is_step` that the stream's own times make there, from 1; None if they
            make none, so that only the number of the packet tells the place.
        seconds: What is added, s, in all; it replaces the shift before.
    """

    packet: int
    rank: int | None
    seconds: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the packets of a file tell.

    Attributes:
        has_any_clock: Whether the container is one whose clock may begin anywhere.
        stills: Indices of video streams that hold a single picture in a codec for pictures.
        packets: Number of packets of each stream, by its index; None if only the end was read.
        jumps: Jumps of the clock.
        shifts: Shifts of each stream, by its index, in order; none without jumps.
        last: Time and duration of each video stream's last frame, s, by its index.
        equal_times: Indices of video streams with frames of the same time.
        sizes: Sizes of each video stream's frames, px, in order, with the times, s, from which they
            apply; by its index, and only where the size changes.
        has_late_streams: Whether there are packets of streams that no header names, and that begin
            behind what is read to find streams.
    """

    has_any_clock: bool
    stills: frozenset[int]
    packets: dict[int, int] | None
    jumps: tuple[Jump, ...] = ()
    shifts: dict[int, tuple[Shift, ...]] = field(default_factory=dict)
    last: dict[int, tuple[Fraction, Fraction]] = field(default_factory=dict)
    equal_times: frozenset[int] = frozenset()
    sizes: dict[int, tuple[tuple[Fraction, Size], ...]] = field(default_factory=dict)
    has_late_streams: bool = False


def scan(container: InputContainer) -> Scan:
    """Reads all packets of a file, or those of its end if it has an index.

    Args:
        container: The file, just opened.
    """
    has_index = container.format.name.split(",")[0] in _HAS_INDEX
    has_any_clock = bool(int(container.format.flags) & _ANY_CLOCK)
    tracks = {
        stream.index: _Track(
            stream.index,
            stream.type,
            stream.codec_context.name if stream.codec_context is not None else "",
            stream.time_base or Fraction(1, av.time_base),
        )
        for stream in container.streams
    }
    if has_index:
        _go_to_end(container)
    late: list[None] = []
    for packet in readable_packets(container, on_late=lambda: late.append(None)):
        track = tracks.get(packet.stream.index)
        if track is None:
            continue
        steps = len(track.steps)
        track.add(packet, may_jump=not has_index)
        if len(track.steps) > steps:
            track.steps[-1].others = {index: each.packets for index, each in tracks.items()}
    videos = [track for track in tracks.values() if track.kind == "video"]
    film = next((track for track in videos if track.packets > 1), None)
    jumps, shifts = ((), {}) if film is None else _repair(film, list(tracks.values()))
    shifted = [Fraction(0), *(jump.shift for jump in jumps)]
    return Scan(
        has_any_clock=has_any_clock,
        stills=frozenset(
            track.index for track in videos if track.codec in _STILLS and track.packets <= 1
        ),
        packets=None if has_index else {index: each.packets for index, each in tracks.items()},
        jumps=jumps,
        shifts=shifts,
        last={
            track.index: (
                track.last[0] * track.time_base + shifted[-1],
                track.last[1] * track.time_base,
            )
            for track in videos
            if track.last is not None
        },
        equal_times=frozenset(track.index for track in videos if track.has_equal_times),
        sizes={
            track.index: tuple(
                (time + shifted[min(part, len(jumps))], size) for part, time, size in track.sizes
            )
            for track in videos
            if len(track.sizes) > 1
        },
        has_late_streams=bool(late),
    )


def readable_packets(
    container: InputContainer, *streams: Any, on_late: Callable[[], None] | None = None
) -> Iterator[Packet[Any]]:
    """Yields packets until the end, or until the first place that cannot be read.

    Args:
        container: The file.
        streams: Those that are read; all by default.
        on_late: Is called for each packet of a stream that was not there when the file was opened.
    """
    while True:
        try:
            for packet in container.demux(*streams):
                if packet.size:
                    yield packet
        except IndexError:  # so PyAV answers to such a packet, and goes on behind it
            if on_late is not None:
                on_late()
        except av.FFmpegError:  # ffmpeg, which decodes, tells of it
            return
        else:
            return


def _go_to_end(container: InputContainer) -> None:
    if container.duration is None:
        return
    time = container.duration - _TAIL_S * av.time_base + (container.start_time or 0)
    try:
        container.seek(max(time, 0))
    except av.FFmpegError:  # then everything is read
        return


def _repair(
    film: _Track, tracks: list[_Track]
) -> tuple[tuple[Jump, ...], dict[int, tuple[Shift, ...]]]:
    """Finds the shifts that make the times of all streams go on behind each jump of the film's.

    A shift is the same for all streams, so that they stay in step, and the smallest one with which
    no stream overlaps itself.
    """
    steps = [step for step in film.steps if _is_shared(step, film, tracks)]
    if not steps or film.is_wild:
        return (), {}
    ways = {track.index: _matched(steps, film, track) for track in tracks}
    jumps: list[Jump] = []
    shift = Fraction(0)
    for number, step in enumerate(steps):
        needed = []
        for track in tracks:
            own = ways[track.index][number]
            if track.kind not in ("video", "audio") or own is None:
                continue
            position = track.steps.index(own)
            before, after = track.spans[position], track.spans[position + 1]
            if before is not None and after is not None:
                needed.append((before[1] - after[0]) * track.time_base)
        shift += max(needed, default=-step.size)
        behind = film.spans[film.steps.index(step) + 1]
        shown_at = step.after if behind is None else behind[0]
        before_s, after_s = step.before * film.time_base, shown_at * film.time_base
        jumps.append(Jump(before=before_s, after=after_s, shift=shift))
    shifts = {}
    for track in tracks:
        shifts[track.index] = tuple(
            Shift(
                packet=step.others.get(track.index, 0) if own is None else own.packet,
                rank=None if own is None else own.rank,
                seconds=jumps[number].shift,
            )
            for number, (step, own) in enumerate(zip(steps, ways[track.index], strict=True))
        )
    return tuple(jumps), shifts


def _is_shared(step: _Step, film: _Track, tracks: list[_Track]) -> bool:
    """Returns whether a step is one of the clock: a gap of one stream alone is none."""
    if step.size < 0:
        return True
    others = [each for each in tracks if each.kind == "audio" and each.packets]
    return all(any(_are_similar(step, own) for own in each.steps) for each in others)


def _are_similar(step: _Step, other: _Step) -> bool:
    return abs(step.size - other.size) < _SIMILAR_S


def _matched(steps: list[_Step], film: _Track, track: _Track) -> list[_Step | None]:
    """Returns the step of a track at each step of the film; None where its own times go on."""
    if track is film:
        return list(steps)
    own = iter(track.steps)
    found: list[_Step | None] = []
    following = next(own, None)
    for step in steps:
        while following is not None and not _are_similar(step, following):
            if following.packet > step.others.get(track.index, 0) + _NEAR:
                break
            following = next(own, None)
        if following is not None and _are_similar(step, following):
            found.append(following)
            following = next(own, None)
        else:
            found.append(None)
    return found
