"""Finds the parameter sets in packets, which tell where the size of frames may change."""

from __future__ import annotations

from typing import Any

import av
from av.packet import Packet

from realesr.geometry import Size

_START_CODE = b"\0\0\1"
_SEARCHED_BYTES = 4096
"""Parameter sets come before the first slice of a frame; SEI before them is short."""
_UNITS = {
    # Codec: a mask of the byte behind a start code, and the values of parameter sets.
    "h264": (0x1F, (7,)),  # ITU-T H.264, table 7-1: sequence parameter set
    "hevc": (0x7E, (66,)),  # ITU-T H.265, table 7-1: type 33, which bits 1 to 6 hold
    "mpeg1video": (0xFF, (0xB3,)),  # ISO/IEC 11172-2, table 2-1: sequence header
    "mpeg2video": (0xFF, (0xB3,)),  # ISO/IEC 13818-2, table 6-1
    "mpeg4": (0xFF, tuple(range(0x20, 0x30))),  # ISO/IEC 14496-2, table 6-3: video object layer
}
_LENGTHS = {"mpeg1video": 5, "mpeg2video": 5}
"""Bytes that hold the size, where what follows them may change without it."""
_VP8_KEY = b"\x9d\x01\x2a"
"""RFC 6386, 9.1: the start code of a key frame; 2 x 2 bytes of size follow."""


def parameters_of(codec: str, packet: Packet[Any]) -> bytes:
    """Returns the bytes of a packet that determine the size of frames; empty if it has none.

    Args:
        codec: ffmpeg's name of the codec. Those that are unknown here have no such bytes.
        packet: A packet of a stream with start codes, as in MPEG-TS and MPEG-PS.
    """
    data = bytes(memoryview(packet)[:_SEARCHED_BYTES])
    if codec == "vp8":
        return data[6:10] if data[3:6] == _VP8_KEY else b""
    if codec not in _UNITS:
        return b""
    mask, kinds = _UNITS[codec]
    begin = data.find(_START_CODE)
    while begin >= 0 and begin + 3 < len(data):
        end = data.find(_START_CODE, begin + 3)
        if data[begin + 3] & mask in kinds:
            unit = data[begin + 3 : None if end < 0 else end]
            return unit[: _LENGTHS.get(codec)].rstrip(b"\0")
        begin = end
    return b""


def decoded_size(codec: str, packet: Packet[Any]) -> Size | None:
    """Decodes a packet by itself and returns the size of its frame, px; None if that fails."""
    try:
        decoder: Any = av.CodecContext.create(codec, "r")
        frames = [*decoder.decode(packet), *decoder.decode(None)]
    except (av.FFmpegError, ValueError):
        return None
    return Size(frames[0].width, frames[0].height) if frames else None
