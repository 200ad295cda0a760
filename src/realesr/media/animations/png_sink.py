"""Writes animated PNG files, at 8 and 16 bits (PNG, third edition, section 11.3.6)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from realesr.imaging.image import Image, Metadata
from realesr.media.animations.png_chunks import SIGNATURE
from realesr.media.animations.sink import AnimationSink
from realesr.media.images.channels import Channels, join_channels
from realesr.media.images.fitting import fit_metadata
from realesr.media.images.png import encode_png

_MAX_TERM = 65_535
"""Largest term of a duration, which is a fraction of two 16-bit numbers."""
_STAYS, _REPLACES = 0, 0
"""Every frame stays, and replaces its area: so each one is whole for every reader."""


class PngSink(AnimationSink):
    """Writes an animated PNG. Of each frame the rectangle is stored that differs from before."""

    def _begin(self, image: Image) -> None:
        self._file: BinaryIO = self._stack.enter_context((self._folder / "result.png").open("w+b"))
        self._sequence = 0
        self._before: Channels | None = None
        self._is_gray = image.is_gray
        self._has_alpha = image.alpha is not None
        self._metadata = fit_metadata(
            image.metadata, self._target, image.size, is_gray=image.is_gray, notify=self._notify
        )

    def _put(self, image: Image, start: Fraction, duration: Fraction) -> None:
        channels = self._channels(image)
        if self._before is None:
            left = top = 0
            part = channels
            for number, (kind, body) in enumerate(_chunks(part, self._metadata)):
                if number == 0:
                    self._file.write(SIGNATURE + _chunk(kind, body))
                    self._control_at = self._file.tell()
                    self._file.write(_chunk(b"acTL", bytes(8)))
                elif kind == b"IDAT":
                    if not self._sequence:
                        self._write_control(part, left, top, duration)
                    self._file.write(_chunk(kind, body))
                elif kind != b"IEND":
                    self._file.write(_chunk(kind, body))
        else:
            left, top, part = _changed(channels, self._before)
            self._write_control(part, left, top, duration)
            for kind, body in _chunks(part, Metadata()):
                if kind == b"IDAT":
                    self._file.write(_chunk(b"fdAT", self._next() + body))
        self._before = channels

    def _finish(self, duration: Fraction, last: Fraction) -> Path:
        self._file.write(_chunk(b"IEND", b""))
        self._file.seek(self._control_at)
        self._file.write(_chunk(b"acTL", struct.pack(">II", self.frames, self._playback.plays)))
        self._file.close()
        return self._folder / "result.png"

    def _channels(self, image: Image) -> Channels:
        if self._has_alpha and image.alpha is None:
            opaque = np.full(image.pixels.shape[:2], image.peak, image.pixels.dtype)
            image = replace(image, alpha=opaque)
        alpha = image.alpha if self._has_alpha else None
        return join_channels(image.pixels, alpha, is_gray=self._is_gray)

    def _write_control(self, part: Channels, left: int, top: int, duration: Fraction) -> None:
        height, width = part.shape[:2]
        fraction = duration.limit_denominator(_MAX_TERM)
        if fraction.numerator > _MAX_TERM:  # above 65535 s, or a fine fraction of a long time
            whole = min(duration, Fraction(_MAX_TERM))
            fraction = whole.limit_denominator(max(1, int(_MAX_TERM / (whole + 1))))
        body = struct.pack(
            ">IIIIHHBB",
            *(width, height, left, top, fraction.numerator, fraction.denominator),
            *(_STAYS, _REPLACES),
        )
        self._file.write(_chunk(b"fcTL", self._next() + body))

    def _next(self) -> bytes:
        self._sequence += 1
        return struct.pack(">I", self._sequence - 1)


def _changed(channels: Channels, before: Channels) -> tuple[int, int, Channels]:
    """Returns the rectangle that differs, at least one pixel: left, top and its content."""
    differs = channels != before
    if differs.ndim == 3:
        differs = differs.any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return 0, 0, channels[:1, :1]
    part = channels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return int(columns[0]), int(rows[0]), np.ascontiguousarray(part)


def _chunks(channels: Channels, metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """Yields type and content of the chunks of a PNG."""
    for part in encode_png(channels, metadata):
        data = part.removeprefix(SIGNATURE)
        yield data[4:8], data[8:-4]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
