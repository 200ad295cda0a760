"""Collects what the packets of a stream tell: steps of its times, sizes, the last frame."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.packet import Packet

from realesr.geometry import Size
from realesr.media.video import parameters

BACK_S = Fraction(1, 2)
"""Step back of decoding times that is a jump, s. Rounding and damage cause smaller ones."""
AHEAD_S = 10
"""Step ahead of all streams that is a jump, s: ffmpeg's own limit (``-dts_delta_threshold``)."""
_REORDERED = 32
"""Frames among which two of the same time are looked for; no codec reorders more than 16."""
_OUTLIERS = 3
"""Number of packets with wrong times that make no jump, if the times are as before behind them."""
_MAX_STEPS = 300
"""Number of jumps of a clock that can be repaired; one with more is refused."""


@dataclass(slots=True)
class Step:
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
class Track:
    """What the packets of a stream have told so far; times in ticks.

    Attributes:
        index: Number of the stream.
        kind: ``video``, ``audio`` and so on.
        codec: ffmpeg's name of the codec.
        time_base: Length of a tick, s.
        packets: Number of packets.
        latest: Decoding time of the last packet.
        ranks: Number of steps between two packets, those of single wrong times included.
        is_wild: Whether there are too many steps.
        limits: Steps of decoding times that are none: back, below 0, and ahead.
        last: Time and duration of the frame that is shown last, behind the last step.
        has_equal_times: Whether two frames have the same time.
        sizes: Number of steps before it, time in s, and size in px, of each new size.
        parameters: The last parameter sets.
        steps: Steps that may be jumps of the clock.
        spans: Earliest time and latest end before the first step, between steps, and behind.
        window: Times of the last frames.
    """

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
    steps: list[Step] = field(default_factory=list)
    spans: list[tuple[int, int] | None] = field(default_factory=lambda: [None])
    window: deque[int] = field(default_factory=lambda: deque(maxlen=_REORDERED))

    def __post_init__(self) -> None:
        self.limits = (-int(BACK_S / self.time_base), int(AHEAD_S / self.time_base))

    def is_step(self, before: int, after: int) -> bool:
        """Returns whether decoding times step between two packets; times in ticks."""
        return not self.limits[0] <= after - before <= self.limits[1]

    def add(self, packet: Packet[Any], *, may_jump: bool) -> None:
        """Takes the next packet of the stream.

        Args:
            packet: The packet.
            may_jump: Whether steps of its times and new sizes are looked for.
        """
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
            self.steps.append(Step(before, time, self.time_base, self.packets, self.ranks))
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
