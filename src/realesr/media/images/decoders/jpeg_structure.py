"""The markers of a JPEG (ITU-T T.81, annex B): its precision, and whether all scans are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

END = b"\xff\xd9"
_SOS = 0xDA
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length."""
_NO_FRAME = frozenset((0xC4, 0xC8, 0xCC))
"""Markers between SOF0 and SOF15 that begin no frame."""
_PROGRESSIVE = (0xC2, 0xCA)
_LAST_COEFFICIENT = 63


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """A frame header.

    Attributes:
        marker: Second byte of its marker, SOF0 to SOF15.
        offset: Place of its precision in the file.
        precision: Bits a sample.
        width, height: Size, px.
        components: Their identifiers.
        sampling: Of each component: samples across and down for a unit of the image, and the
            number of its quantization table.
    """

    marker: int
    offset: int
    precision: int
    width: int
    height: int
    components: bytes
    sampling: tuple[tuple[int, int, int], ...]

    @property
    def is_arithmetic(self) -> bool:
        """Whether the entropy coding is the arithmetic one."""
        return self.marker >= 0xC9


def frame_header(data: bytes) -> FrameHeader | None:
    """Returns the first frame header; None if there is none."""
    for marker, start, end in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            body = data[start:end]
            if len(body) < 6 or len(body) < 6 + 3 * body[5]:
                return None
            return FrameHeader(
                marker=marker,
                offset=start,
                precision=body[0],
                height=int.from_bytes(body[1:3], "big"),
                width=int.from_bytes(body[3:5], "big"),
                components=bytes(body[6 : 6 + 3 * body[5] : 3]),
                sampling=tuple(
                    (body[at] >> 4, body[at] & 15, body[at + 1])
                    for at in range(7, 7 + 3 * body[5], 3)
                ),
            )
    return None


def has_end(data: bytes) -> bool:
    """Returns whether the end marker follows the first scan."""
    if data.endswith(END):
        return True
    start = next((end for marker, _, end in _segments(data) if marker == _SOS), len(data))
    return data.find(END, start) >= 0


def has_all_scans(data: bytes, frame: FrameHeader) -> bool:
    """Returns whether the scans that have begun cover all bits of all coefficients.

    A progressive file shows a picture after any of its scans (annex G).
    """
    if frame.marker not in _PROGRESSIVE:
        covered: set[int] = set()
        for body in _scan_headers(data):
            covered.update(body[1 : 1 + 2 * body[0] : 2])
        return covered >= set(frame.components)
    missing = {(each, k) for each in frame.components for k in range(_LAST_COEFFICIENT + 1)}
    for body in _scan_headers(data):
        first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
        if bits & 15 == 0:
            for component in body[1 : 1 + 2 * body[0] : 2]:
                missing -= {(component, k) for k in range(first, last + 1)}
    return not missing


def _scan_headers(data: bytes) -> Iterator[bytes]:
    for marker, start, end in _segments(data):
        if marker == _SOS and end - start >= 4 + 2 * data[start]:
            yield data[start:end]


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yields each marker with the start and end of its parameters."""
    position = 2
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 4 > len(data):
            return
        marker = data[position + 1]
        if marker in (0x00, 0xFF):  # a stuffed byte of entropy-coded data, or padding
            position += 2 - (marker == 0xFF)
            continue
        if marker == END[1]:
            return
        if marker in _STANDALONE:
            position += 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, position + 4, end
        position = end
