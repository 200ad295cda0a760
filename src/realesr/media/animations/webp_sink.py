"""Writes animated WebP files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from realesr.media.animations.piped_sink import KEEP_TIMES, PipedSink
from realesr.media.animations.webp_chunks import DURATION_AT, TICK, read_chunks
from realesr.media.images.webp import DEFAULT_QUALITY

_MOST_PLAYS = 65_535
_LONGEST = 2**24 - 1


class WebpSink(PipedSink):
    """Writes an animated WebP; libwebp stores what changes, and keeps the encoded frames."""

    tick = TICK

    def _arguments(self) -> list[str]:
        encoding = self._encoding
        return [
            *("-map", "0:0", "-c", "libwebp_anim", "-pix_fmt", "bgra", *KEEP_TIMES),
            *("-lossless", str(int(encoding.lossless))),
            *("-quality", str(encoding.quality or DEFAULT_QUALITY)),
            *("-loop", str(min(self._playback.plays, _MOST_PLAYS))),
            *("-f", "webp", self._place("result.webp")),
        ]

    def _finish(self, duration: Fraction, last: Fraction) -> Path:
        self._end_pipe()
        result = self._folder / "result.webp"
        _set_end(result, duration)
        return self._check(result, duration)


def _set_end(path: Path, end: Fraction) -> None:
    """Corrects the duration of the last frame, which ffmpeg guesses.

    Frames that equal the one before have become part of it.
    """
    with path.open("r+b") as file:
        last: int | None = None
        before = known = 0
        for kind, at, _ in read_chunks(file):
            if kind == b"ANMF":
                file.seek(at + DURATION_AT)
                last, before = at + DURATION_AT, before + known
                known = int.from_bytes(file.read(3), "little")
        if last is not None:
            file.seek(last)
            file.write(min(round(end / TICK) - before, _LONGEST).to_bytes(3, "little"))
