"""Frames of AVIF sequences of more than 8 bits a channel, which Pillow would round.

PyAV decodes the tracks of color and alpha side by side, and ffmpeg's scaler converts colors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame

from realesr.errors import UnreadableMediaError
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Plane
from realesr.media.animations.avif_boxes import read_sequence
from realesr.media.video.color import RGB, UNSPECIFIED, ColorTags
from realesr.media.video.probe import pixel_format_of
from realesr.media.video.reading import open_input

_FULL = 2
_UINT16 = np.dtype(np.uint16)


def is_deep(path: Path) -> bool:
    """Returns whether a sequence has more than 8 bits a channel."""
    return _bits(path) > 8


def read_frames(path: Path, count: int) -> Iterator[Image]:
    """Yields the frames, uint16 over the full range.

    Args:
        path: The file.
        count: Number of its frames.

    Raises:
        UnreadableMediaError: It has no track of so many frames.
        av.FFmpegError: It is damaged.
    """
    bits = _bits(path)
    with ExitStack() as stack:
        # One reader for each track: each runs through the file by itself.
        with open_input(path) as container:
            tracks = [each.index for each in container.streams.video if each.frames == count]
        if not tracks:
            raise UnreadableMediaError(f"{path}: damaged: its track of colors is missing")
        colors, *others = (
            _decode(stack.enter_context(open_input(path)), index) for index in tracks[:2]
        )
        alphas: Iterator[VideoFrame | None] = others[0] if others else repeat(None)
        scaler: Graph | None = None
        for color, alpha in zip(colors, alphas, strict=False):
            is_gray = pixel_format_of(color.format.name).is_gray
            scaler = scaler or _scaler(color)
            scaler.push(color)
            converted = scaler.pull()
            assert isinstance(converted, VideoFrame)  # noqa: S101 - for mypy
            yield Image(
                np.ascontiguousarray(converted.to_ndarray()),
                is_gray,
                alpha=None if alpha is None else _levels(alpha, bits),
            )


def _decode(container: InputContainer, index: int) -> Iterator[VideoFrame]:
    for packet in container.demux(container.streams[index]):
        for frame in packet.decode():
            if isinstance(frame, VideoFrame):
                yield frame


def _levels(frame: VideoFrame, bits: int) -> Plane:
    """Returns the first plane of a frame, which alpha is stored in over the full range."""
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint16).reshape(frame.height, -1)
    return convert_depth(np.ascontiguousarray(rows[:, : frame.width]), _UINT16, bits=bits)


def _scaler(frame: VideoFrame) -> Graph:
    """Returns a graph that converts frames like this one to 16-bit RGB."""
    pixel_format = pixel_format_of(frame.format.name)
    tags = ColorTags(
        matrix=int(frame.colorspace),
        is_full=int(frame.color_range) == _FULL,
    )
    is_rgb = pixel_format.is_rgb or tags.matrix == RGB
    if tags.matrix == UNSPECIFIED:
        tags = ColorTags(matrix=6, is_full=tags.is_full)  # as of other AVIF images
    scale, layout = tags.to_rgb("rgb48le", is_rgb=is_rgb).split(",")
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base,
    )
    steps = [source, *(graph.add(*step.split("=", 1)) for step in (scale, layout))]
    steps.append(graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    return graph


def _bits(path: Path) -> int:
    with path.open("rb") as file:
        sequence = read_sequence(file)
    return 8 if sequence is None else sequence.bits
