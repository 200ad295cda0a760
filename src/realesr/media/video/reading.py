"""Opens media files with PyAV, and reads their packets in spite of damage."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import av
from av.container import InputContainer
from av.packet import Packet

from realesr.media.video import access
from realesr.media.video.ffmpeg import url

_OPEN_OPTIONS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
"""Options of av.open for tags that are not UTF-8, which are an error before PyAV 19."""


def open_input(source: Path | IO[bytes], **options: Any) -> InputContainer:
    """Opens a file or a pipe for reading, whatever its tags are encoded in.

    Switches the log of PyAV off, which is its default. torchvision before 0.26 switches it on, and
    then a decoder thread that logs waits for the GIL, while the closing of its container holds
    the GIL and waits for the thread.

    Raises:
        av.FFmpegError: It is no media file.
    """
    av.logging.set_level(None)
    if isinstance(source, Path):
        options["container_options"] = access.options()
        options["timeout"] = (access.OPENING_S, None)
    file = url(source) if isinstance(source, Path) else source
    container: InputContainer = av.open(file, "r", **_OPEN_OPTIONS, **options)
    return container


def rewind(container: InputContainer, ticks: int = 0, *, stream: Any = None) -> None:
    """Goes back to the key frame before a time; stays where it is if the file cannot be sought.

    Args:
        container: The file. Where it stays matters only if packets were read before.
        ticks: Time, in ticks of the stream, or in microseconds without one.
        stream: The stream whose key frame is sought.
    """
    with contextlib.suppress(av.FFmpegError):  # a damaged or missing index
        container.seek(ticks, stream=stream)


def readable_packets(
    container: InputContainer, *streams: Any, on_late: Callable[[], None] | None = None
) -> Iterator[Packet[Any]]:
    """Yields packets until the end, or until the first place that cannot be read.

    Args:
        container: The file.
        streams: Those that are read; all by default.
        on_late: Is called for each packet of a stream that was not there when the file was opened.
    """
    while True:
        try:
            for packet in container.demux(*streams):
                if packet.size:
                    yield packet
        except IndexError:  # so PyAV answers to such a packet, and goes on behind it
            if on_late is not None:
                on_late()
        except av.FFmpegError:  # ffmpeg, which decodes, tells of it
            return
        else:
            return
