"""The header of a JPEG XL codestream (ISO/IEC 18181-1, annexes D and E), bit by bit.

imagecodecs returns pixels alone. Size, bits and colors must be known before they are decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height; the first is not used."""
_RGB, _GRAY = 0, 1
"""Values of ColorSpace."""
_D65, _SRGB_PRIMARIES, _LINEAR, _SRGB = 1, 1, 8, 13
"""Values of WhitePoint, Primaries and TransferFunction."""
_ALPHA, _SPOT, _CFA = 0, 2, 5
"""Values of ExtraChannelType."""
_MOST_BYTES = 2**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a codestream says about its pixels.

    Attributes:
        width, height: Size after turning, px.
        bits: Bits a channel.
        is_animated: Whether there are several images.
        is_gray: Whether there is one color channel.
        is_premultiplied: Whether colors are multiplied by alpha.
        is_srgb: Whether colors are sRGB's; False if that is not known.
        is_linear: Whether colors are sRGB's, of linear tone.
    """

    width: int
    height: int
    bits: int
    is_animated: bool = False
    is_gray: bool = False
    is_premultiplied: bool = False
    is_srgb: bool = True
    is_linear: bool = False


class _Bits:
    """Reads bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:_MOST_BYTES], "little")
        self._left = 8 * min(len(data), _MOST_BYTES)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("its header is cut short")
        self._left -= count
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def flag(self) -> bool:
        return bool(self.take(1))

    def choice(self, *options: tuple[int, int]) -> int:
        """Reads U32: one of four pairs of an offset and a number of bits."""
        offset, count = options[self.take(2)]
        return offset + self.take(count)

    def enumeration(self) -> int:
        return self.choice((0, 0), (1, 0), (2, 4), (18, 6))


def read_header(data: bytes) -> Header:
    """Reads the header of a codestream, without the ICC profile that may follow.

    Raises:
        ValueError: It is damaged or cut short.
    """
    if data[:2] != b"\xff\x0a":
        raise ValueError("it has no codestream")
    bits = _Bits(data[2:])
    height, width = _size(bits)
    if bits.flag():  # all default
        return Header(width=width, height=height, bits=8)
    orientation, is_animated = 1, False
    if bits.flag():
        orientation = 1 + bits.take(3)
        if bits.flag():
            _size(bits)  # how large it is meant to be shown
        if bits.flag():
            _preview(bits)
        is_animated = bits.flag()
        if is_animated:
            _animation(bits)
    depth = _depth(bits)
    bits.flag()  # whether 16 bits suffice for modular coding
    premultiplied = [_extra_channel(bits) for _ in range(_count(bits))]
    bits.flag()  # XYB
    is_gray, is_srgb, is_linear = _colors(bits)
    if orientation > 4:
        width, height = height, width
    return Header(
        width=width,
        height=height,
        bits=depth,
        is_animated=is_animated,
        is_gray=is_gray,
        is_premultiplied=any(premultiplied),
        is_srgb=is_srgb,
        is_linear=is_linear,
    )


def _size(bits: _Bits) -> tuple[int, int]:
    """Reads SizeHeader; returns height and width."""
    is_small = bits.flag()

    def side() -> int:
        if is_small:
            return 8 * (1 + bits.take(5))
        return bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return height, side()
    over, under = _RATIOS[ratio]
    return height, height * over // under


def _preview(bits: _Bits) -> None:
    options = ((1, 6), (65, 8), (321, 10), (1345, 12))
    if bits.flag():
        options = ((16, 0), (32, 0), (1, 5), (33, 9))
    bits.choice(*options)
    if not bits.take(3):
        bits.choice(*options)


def _animation(bits: _Bits) -> None:
    bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
    bits.flag()


def _depth(bits: _Bits) -> int:
    if bits.flag():  # floats
        depth = bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
        return depth
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6))


def _count(bits: _Bits) -> int:
    return bits.choice((0, 0), (1, 0), (2, 4), (1, 12))


def _extra_channel(bits: _Bits) -> bool:
    """Reads ExtraChannelInfo; returns whether it is an alpha that colors are multiplied by."""
    if bits.flag():
        return False
    kind = bits.enumeration()
    _depth(bits)
    bits.choice((0, 0), (3, 0), (4, 0), (1, 3))
    for _ in range(bits.choice((0, 0), (0, 4), (16, 5), (48, 10))):
        bits.take(8)
    if kind == _ALPHA:
        return bits.flag()
    if kind == _SPOT:
        bits.take(64)
    elif kind == _CFA:
        bits.choice((1, 0), (0, 2), (3, 4), (19, 8))
    return False


def _colors(bits: _Bits) -> tuple[bool, bool, bool]:
    """Reads ColorEncoding; returns whether it is gray, sRGB, and linear with sRGB's primaries."""
    if bits.flag():
        return False, True, False
    has_profile = bits.flag()
    space = bits.enumeration()
    is_gray = space == _GRAY
    if has_profile or space not in (_RGB, _GRAY):
        return is_gray, False, False
    is_usual = bits.enumeration() == _D65
    if not is_usual:
        return is_gray, False, False
    if not is_gray:
        is_usual = bits.enumeration() == _SRGB_PRIMARIES
    if not is_usual or bits.flag():  # custom primaries, or a gamma
        return is_gray, False, False
    tone = bits.enumeration()
    return is_gray, tone == _SRGB, tone == _LINEAR
