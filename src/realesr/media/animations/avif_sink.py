"""Writes animated AVIF files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from realesr.media.animations.piped_sink import KEEP_TIMES, PipedSink
from realesr.media.video.color import ColorTags

_COLOR = ColorTags(matrix=1, primaries=1, transfer=13, is_full=True)
"""sRGB as full-range Y'CbCr of BT.709."""
_FASTEST_GOOD = 6
"""libaom's speed. Slower ones gain a few percent and take several times as long."""
_QUALITY_90_CRF = 12
"""libaom's CRF for the default quality: the loss cannot be seen at 100 %."""
_WORST_CRF = 63


class AvifSink(PipedSink):
    """Writes an animated AVIF: AV1 in full chroma resolution, and alpha as a stream of its own."""

    def _arguments(self) -> list[str]:
        bits = "10le" if self._is_deep else ""
        pixel_format, is_rgb = f"yuv444p{bits}", False
        if self._encoding.lossless:
            pixel_format, is_rgb = f"gbrp{bits}", True
        color = _COLOR.from_rgb(pixel_format, is_rgb=is_rgb)
        maps = ["-map", "[color]"]
        if self._has_alpha:
            gray = f"alphaextract,format=gray{bits},setparams=range=pc:colorspace=bt709"
            graph = f"[0:0]split[a][b];[a]{color}[color];[b]{gray}[alpha]"
            maps += ["-map", "[alpha]"]
        else:
            graph = f"[0:0]{color}[color]"
        return [
            *("-filter_complex", graph, *maps, "-c", "libaom-av1", *KEEP_TIMES),
            *("-cpu-used", str(_FASTEST_GOOD), "-row-mt", "1", "-b:v", "0"),
            *("-crf", str(self._crf)),
            *(("-aom-params", "lossless=1") if self._encoding.lossless else ()),
            *("-f", "mp4", self._place("encoded.mp4")),
        ]

    @property
    def _crf(self) -> int:
        quality = self._encoding.quality
        if self._encoding.lossless:
            return 0
        if quality is None:
            return _QUALITY_90_CRF
        return round((100 - quality) * _WORST_CRF / 100)

    def _finish(self, duration: Fraction, last: Fraction) -> Path:
        self._end_pipe()
        length = f"if(eq(N\\,{self.frames - 1})\\,{float(last):.9f}/TB\\,DURATION)"
        self._run(
            [
                *("-i", self._place("encoded.mp4"), "-map", "0", "-c", "copy", "-copyts"),
                *("-bsf", f"setts=pts=PTS:dts=DTS:duration={length}"),
                *("-loop", str(self._playback.plays), "-f", "avif", self._place("result.avif")),
            ]
        )
        return self._check(self._folder / "result.avif", duration)
