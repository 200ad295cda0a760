"""Steady texture in upscaled videos: details that networks invent anew for every frame."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.geometry import Size
from realesr.imaging.flow import MIN_SIDE, Flow, warped
from realesr.imaging.image import Pixels
from realesr.imaging.motion import Gate, View, continued, gate, movement

WINDOW = 4
"""Number of frames before a frame whose details it may take."""
HELD = 2
"""Number of repetitions of a frame for which its result is held; as films on twos and threes need.
Later ones show what the network gives, so that results depend on a limited number of frames."""
PREROLL = WINDOW + HELD
"""Number of frames before a frame that its result depends on, repetitions included."""
BASE_SIGMA = 2.0
"""Standard deviation of the low-pass that tells brightness from detail, px of the source."""
_BAND_ROWS = 32
"""Rows of the source whose result is mixed at a time, at least."""
_LONGEST_SIDE = 2**15 - 2
"""Longest side of an image in OpenCV's ``remap``, px."""


@dataclass(slots=True)
class _Seen:
    """A frame that was upscaled.

    Attributes:
        view: The source.
        back: Movement to the frame that was seen before; None after a cut and for the first one.
        sr: (H, W, 3) the network's result.
        small: (h, w, 3) the result, reduced to the source's size.
        last: Number of the last frame that has shown this.
    """

    view: View
    back: Flow | None
    sr: Pixels
    small: NDArray[np.float32]
    last: int


@dataclass(frozen=True, slots=True)
class _Match:
    """An earlier frame, where its places are now, and its share there, (h, w), 0 to 1."""

    seen: _Seen
    flow: Flow
    share: NDArray[np.float32]


def can_be_steadied(lr: Size, sr: Size) -> bool:
    """Returns whether OpenCV can estimate the flow of sources, and fetch pixels of results."""
    return min(lr.width, lr.height) >= MIN_SIDE and max(sr.width, sr.height) <= _LONGEST_SIDE


class Steadier:
    """Averages the details of results over the frames of a video, along the movement.

    A result becomes the mean of itself and of those of the :data:`WINDOW` frames before it,
    weighted by whether the sources show the same thing at a place, and keeps its own low
    frequencies. So brightness leaves no trail. Where the sources differ by more than noise, nothing
    is averaged, and after a cut nothing is remembered.

    A mean over a fixed number of frames, and not a recursion: a run that begins :data:`PREROLL`
    frames earlier gives the same bits as one that begins with the video.
    """

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque()
        self._number = -1
        self._repeats = 0

    def __call__(self, lr: Pixels, sr: Pixels) -> Pixels:
        """Takes the next frame, which differs from the one before.

        Args:
            lr: (h, w, 3) RGB source, uint8 or uint16.
            sr: (H, W, 3) RGB result of any size, of the same dtype. It is kept, and not changed.

        Returns:
            The result with steady details, an array of its own, because a writer may change it
            while ``sr`` is still looked at; ``sr`` itself if :func:`can_be_steadied` says no.
        """
        self._number += 1
        self._repeats = 0
        if not can_be_steadied(*(Size(*each.shape[1::-1]) for each in (lr, sr))):
            self._seen.clear()
            return sr
        self._forget(lr, sr)
        view = View.of(lr)
        height, width = lr.shape[:2]
        small = cv2.resize(sr, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        back, matches = self._matches(view)
        result = _mixed(sr, small, matches) if matches else sr.copy()
        self._seen.appendleft(_Seen(view, back, sr, small, self._number))
        return result

    def repeat(self) -> Pixels | None:
        """Takes a frame that equals the one before; returns its result if that differs.

        Returns:
            The network's own result, when the one before has been held for long enough; None if
            the result is the one before.
        """
        self._number += 1
        self._repeats += 1
        if not self._seen:
            return None
        self._seen[0].last = self._number
        return self._seen[0].sr.copy() if self._repeats == HELD + 1 else None

    def _forget(self, lr: Pixels, sr: Pixels) -> None:
        """Forgets frames that are too old, or all if they are of another kind or size."""
        seen = self._seen
        if seen and (seen[0].view.colors.shape, seen[0].sr.shape, seen[0].sr.dtype) != (
            *(lr.shape, sr.shape, sr.dtype),
        ):
            seen.clear()
        while seen and seen[-1].last < self._number - WINDOW:
            seen.pop()

    def _matches(self, view: View) -> tuple[Flow | None, list[_Match]]:
        """Returns the movement to the frame before, and what frames of the memory fit."""
        if not self._seen:
            return None, []
        flow = back = movement(view, self._seen[0].view)
        found: list[tuple[_Seen, Flow, Gate]] = []
        for seen in self._seen:
            matching = gate(view, seen.view, flow)
            if matching is None:
                break
            found.append((seen, flow, matching))
            if seen.back is None:
                break
            flow = continued(flow, seen.back)
        if not found:
            self._seen.clear()
            return None, []
        total = 1 + np.sum([each for *_, each in found], axis=0, dtype=np.float32)
        return back, [_Match(seen, flow, each / total) for seen, flow, each in found]


def _mixed(sr: Pixels, small: NDArray[np.float32], matches: Sequence[_Match]) -> Pixels:
    """Returns an image whose details are a mean of its own, and of those of earlier ones."""
    grid = small.shape[:2]
    low = np.zeros_like(small)
    for match in matches:
        low += (warped(match.seen.small, match.flow) - small) * match.share[..., None]
    low = np.asarray(cv2.GaussianBlur(low, (0, 0), BASE_SIGMA))
    out = np.empty_like(sr)
    depth = cv2.CV_8U if sr.dtype == np.uint8 else cv2.CV_16U
    for band in _bands(sr.shape[:2], (grid[0], grid[1])):
        own = sr[band.rows].astype(np.float32)
        change = np.negative(band.upscaled(low[band.source]))
        for match in matches:
            if not match.share[band.source].any():
                continue
            there = match.seen.sr[band.rows]
            if match.flow[band.source].any():
                there = _fetched(match.seen.sr, band, match.flow)
            difference = cv2.subtract(there.astype(np.float32), own)
            share = band.upscaled(match.share[band.source])
            cv2.accumulateProduct(difference, cv2.merge((share, share, share)), change)
        cv2.add(sr[band.rows], change, dst=out[band.rows], dtype=depth)
    return out


def _fetched(sr: Pixels, band: _Band, flow: Flow) -> Pixels:
    """Returns the rows of a band of an earlier frame, moved along a flow."""
    height, width = sr.shape[:2]
    ratio = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    first = np.array([0, band.rows.start], np.float32)
    moved = band.upscaled(flow[band.source] * ratio + first)
    place = cv2.add(moved, _places(width, len(moved)))
    no_map: Any = None  # the first one holds both coordinates
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(sr, place, no_map, cv2.INTER_LINEAR, None, border), sr.dtype)


@lru_cache(maxsize=2)
def _places(width: int, height: int) -> NDArray[np.float32]:
    """Returns the coordinates of all pixels of an image, (H, W, 2): x and y."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.dstack((x, y)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Band:
    """Rows of a result that are mixed together.

    Attributes:
        rows: The rows of the result.
        source: Rows of the source below them, and those that interpolation needs around.
        enlarged_rows: The rows of the result in the upscaling of these.
        size: Width and height of that upscaling, px.
    """

    rows: slice
    source: slice
    enlarged_rows: slice
    size: tuple[int, int]

    def upscaled(self, field: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the rows ``source`` of a field, upscaled to the rows of the result."""
        large = cv2.resize(field, self.size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(large[self.enlarged_rows], np.float32)


def _bands(shape: tuple[int, int], grid: tuple[int, int]) -> Iterator[_Band]:
    """Cuts a result of (H, W) px, of a source of (h, w) px, where rows of both meet."""
    (height, width), small = shape, grid[0]
    common = math.gcd(height, small)
    unit, large_unit = small // common, height // common
    step = -(-_BAND_ROWS // unit)
    for top in range(0, common, step):
        bottom = min(top + step, common)
        first, last = max(0, top - 1), min(common, bottom + 1)
        yield _Band(
            rows=slice(top * large_unit, bottom * large_unit),
            source=slice(first * unit, last * unit),
            enlarged_rows=slice((top - first) * large_unit, (bottom - first) * large_unit),
            size=(width, (last - first) * large_unit),
        )
