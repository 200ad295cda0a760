"""Writes GIF files, animated or not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from realesr.media.animations.piped_sink import KEEP_TIMES, PipedSink
from realesr.media.animations.timeline import FOREVER
from realesr.media.gif_blocks import TICK
from realesr.progress import Notice

_OPAQUE = 128
"""Alpha, 0 to 255, from which on a pixel is opaque: GIF has nothing between."""
_STILL_DITHER = "dither=sierra2_4a"
_MOVING_DITHER = "dither=bayer:bayer_scale=3"
"""A fixed pattern: errors that are passed on to neighbors crawl from frame to frame."""
_MOST_LOOPS = 65_535


class GifSink(PipedSink):
    """Writes a GIF whose frames share one palette, made for all of them.

    Frames wait in a lossless file for it, so that memory stays flat.
    """

    tick = TICK
    least_ticks = 2

    def _arguments(self) -> list[str]:
        self._notify(
            Notice(
                "colors-reduced",
                "GIF holds 256 colors, opaque or clear: other colors are made of dots of these, "
                "and other alpha is rounded",
            )
        )
        return [
            *("-filter_complex", "[0:0]split[frames][colors];[colors]palettegen[palette]"),
            *("-map", "[frames]", "-c", "ffv1", *KEEP_TIMES, "-f", "nut", self._place("frames")),
            *("-map", "[palette]", "-frames:v", "1", "-update", "1", "-c", "png"),
            *("-f", "image2", self._place("palette.png")),
        ]

    def _finish(self, duration: Fraction, last: Fraction) -> Path:
        self._end_pipe()
        plays = self._playback.plays
        loop = {FOREVER: 0, 1: -1}.get(plays, min(plays - 1, _MOST_LOOPS))
        dither = _STILL_DITHER if self.frames == 1 else _MOVING_DITHER
        self._run(
            [
                *("-copyts", "-f", "nut", "-i", "pipe:0", "-i"),
                *(self._place("palette.png"), "-filter_complex"),
                f"[0:0][1:0]paletteuse={dither}:alpha_threshold={_OPAQUE}",
                *(*KEEP_TIMES, "-loop", str(loop), "-final_delay", str(round(last / TICK))),
                *("-f", "gif", self._place("result.gif")),
            ],
            source=self._folder / "frames",
        )
        return self._check(self._folder / "result.gif", duration)
