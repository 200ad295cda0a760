"""Reads what decoders attach to frames: HDR metadata, captions, time codes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame

from realesr.media.video.info import FrameNotes, HdrMetadata

_MASTERING = struct.Struct("=20i2i")
_LIGHT = struct.Struct("=2I")
_VIEWS = ("29", "30")
"""ffmpeg's ``AV_FRAME_DATA_VIEW_ID`` and ``AV_FRAME_DATA_3D_REFERENCE_DISPLAYS``."""
_TIMECODE = struct.Struct("=q")
_DOLBY_VISION = (SideData.DOVI_METADATA, SideData.DOVI_RPU_BUFFER)


def notes_of(frame: VideoFrame) -> FrameNotes:
    """Reads what is attached to a frame."""
    try:
        side_data: Mapping[Any, Any] = frame.side_data
    except ValueError as error:  # PyAV 18 stops at the first kind that it does not know
        number = str(error).partition(" ")[0]
        return FrameNotes(is_multiview=number in _VIEWS, is_unknown=True)
    display = side_data.get(SideData.MASTERING_DISPLAY_METADATA)
    content = side_data.get(SideData.CONTENT_LIGHT_LEVEL)
    timecode = side_data.get(SideData.GOP_TIMECODE)
    return FrameNotes(
        hdr=HdrMetadata(
            display=None if display is None else _mastering_display(bytes(display)),
            content=None if content is None else _LIGHT.unpack_from(bytes(content)),
        ),
        has_dolby_vision=any(kind in side_data for kind in _DOLBY_VISION),
        has_hdr10_plus=SideData.DYNAMIC_HDR_PLUS in side_data,
        has_captions=SideData.A53_CC in side_data,
        timecode=None if timecode is None else _timecode(*_TIMECODE.unpack_from(bytes(timecode))),
    )


def _timecode(bits: int) -> str | None:
    """Formats the 25 bits of a time code (ISO/IEC 13818-2, 6.3.8)."""
    hours, minutes = bits >> 19 & 0x1F, bits >> 13 & 0x3F
    seconds, frames = bits >> 6 & 0x3F, bits & 0x3F
    if not any((hours, minutes, seconds, frames)):
        return None
    separator = ";" if bits >> 24 & 1 else ":"
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{frames:02d}"


def _mastering_display(data: bytes) -> str | None:
    """Formats ``AVMasteringDisplayMetadata``: ten rationals (R, G, B, white; least, most light)."""
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    if not (has_primaries and has_luminance):
        return None
    values = [Fraction(a, b or 1) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white = (
        f"({round(values[i] * 50000)},{round(values[i + 1] * 50000)})" for i in (0, 2, 4, 6)
    )
    least, most = (round(value * 10000) for value in values[8:])
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"
