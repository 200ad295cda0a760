"""Reads the packets of a video, without decoding them, for what no header tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.container import InputContainer

from realesr.geometry import Size
from realesr.media.video.reading import readable_packets
from realesr.media.video.tracks import Step, Track

_HAS_INDEX = frozenset({"mov", "matroska", "avi", "mxf", "gxf"})
"""Containers with an index, by the first of ffmpeg's names. Their times come from tables or are
monotonic by the format, so that it is enough to read the end of a file."""
_ANY_CLOCK = 0x0200
"""ffmpeg's ``AVFMT_TS_DISCONT``: a container whose clock may begin anywhere, and jump."""
_SIMILAR_S = 2
"""Largest difference between the steps of two streams at one jump, s."""
_NEAR = 1000
"""Number of packets of another stream within which it steps when the film does."""
_TAIL_S = 1
"""Length of the end of an indexed file that is read, s, and more back to a key frame."""
_STILLS = frozenset({"mjpeg", "png", "bmp", "webp", "tiff", "gif", "jpegxl", "jpeg2000"})


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
        container: The kind of file, by the first of ffmpeg's names.
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

    container: str
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
    name = container.format.name.split(",")[0]
    has_index = name in _HAS_INDEX
    has_any_clock = bool(int(container.format.flags) & _ANY_CLOCK)
    tracks = {
        stream.index: Track(
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
        container=name,
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


def _go_to_end(container: InputContainer) -> None:
    if container.duration is None:
        return
    time = container.duration - _TAIL_S * av.time_base + (container.start_time or 0)
    try:
        container.seek(max(time, 0))
    except av.FFmpegError:  # then everything is read
        return


def _repair(
    film: Track, tracks: list[Track]
) -> tuple[tuple[Jump, ...], dict[int, tuple[Shift, ...]]]:
    """Finds the shifts that make the times of all streams go on behind each jump of the film's.

    A shift is the same for all streams, so that they stay in step, and the smallest one with which
    no stream overlaps itself.
    """
    steps = [step for step in film.steps if _is_shared(step, tracks)]
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


def _is_shared(step: Step, tracks: list[Track]) -> bool:
    """Returns whether a step is one of the clock: all sound that goes on there steps as well."""
    return all(
        any(_are_similar(step, own) for own in track.steps)
        for track in tracks
        if track.kind == "audio"
        and track.packets > (step.others[track.index] if step.size < 0 else 0)
    )


def _are_similar(step: Step, other: Step) -> bool:
    return abs(step.size - other.size) < _SIMILAR_S


def _matched(steps: list[Step], film: Track, track: Track) -> list[Step | None]:
    """Returns the step of a track at each step of the film; None where its own times go on."""
    if track is film:
        return list(steps)
    own = iter(track.steps)
    found: list[Step | None] = []
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
