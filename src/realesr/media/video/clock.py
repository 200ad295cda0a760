"""Arguments with which ffmpeg reads a file whose clock begins anywhere, or jumps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from realesr.media.video.scan import Jump, Scan, Shift
from realesr.media.video.tracks import AHEAD_S, BACK_S

NAMED = 5
"""Number of places that a notice names."""
_STEP = "(DTS-PREV_INDTS)*TB"
_COUNT = f"if((lt({_STEP},-{float(BACK_S):g})+gt({_STEP},{AHEAD_S}))*gt(N,0),st(0,ld(0)+1))*0"
"""Counts steps in register 0, which every expression has for itself."""


def shift_filter(shifts: Sequence[Shift]) -> str:
    """Returns the bitstream filter that makes the times of a stream go on behind each jump.

    Args:
        shifts: The shifts of the stream, in order; at least one.
    """
    before, terms = Fraction(0), []
    for shift in shifts:  # a sum, because ffmpeg's expressions are not nested deeply
        place = f"gte(N,{shift.packet})" if shift.rank is None else f"gte(ld(0),{shift.rank})"
        terms.append(f"{place}*{float(shift.seconds - before):.9f}")
        before = shift.seconds
    moved = f"{_COUNT}+round(({'+'.join(terms)})/TB)".replace(",", "\\,")
    return f"setts=pts={moved}+PTS:dts={moved}+DTS"


def shift_options(scan: Scan, indices: Iterable[int]) -> dict[str, str]:
    """Returns the input options, without dashes, that repair the clock of some streams."""
    return {
        f"bsf:{index}": shift_filter(scan.shifts[index])
        for index in indices
        if scan.shifts.get(index)
    }


def clock_text(seconds: Fraction) -> str:
    """Formats a time as hours, minutes and seconds: ``0:01:02.5``."""
    sign, tenths = "-" if seconds < 0 else "", round(abs(seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{sign}{minutes // 60}:{minutes % 60:02d}:{rest // 10:02d}.{rest % 10}"


def jumps_text(jumps: Sequence[Jump], origin: Fraction) -> str:
    """Formats the places of jumps on the repaired time line, and their lengths.

    Args:
        jumps: The jumps.
        origin: The time that becomes 0 in the output, s.
    """
    named = [
        f"{clock_text(jump.after + jump.shift - origin)} ({float(jump.after - jump.before):+.1f} s)"
        for jump in jumps[:NAMED]
    ]
    more = len(jumps) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
