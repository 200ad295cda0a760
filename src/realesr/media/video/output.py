"""Writes a file through ffmpeg: packets go into its standard input, the file gets its name last."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import OutputContainer
from av.stream import Stream

from realesr.errors import FFmpegError, UnwritableMediaError
from realesr.media.video.process import PIPE_BYTES, Process
from realesr.partial import Partial
from realesr.reasons import reason_of

_WRITTEN = re.compile(r"Output stream #0:(\d+) \(\w+\): .*?(\d+) packets muxed")


class PipedFile:
    """A file that one ffmpeg writes from video packets that it reads as a container from a pipe.

    The file is written under a temporary name in the folder of its destination. Leaving the context
    without an exception waits for ffmpeg, compares the number of packets and renames the file.
    Leaving it with an exception ends ffmpeg and removes the file.

    Args:
        path: The destination. A missing folder is created.
        binary: The ffmpeg.
        is_durable: Whether the file must have reached the disk before it gets its name, so that a
            file of this name is whole even after a power cut.
        complete: Is called with the temporary name of the whole file, and with the number of
            packets of each of its streams, before the file gets its name.
    """

    def __init__(
        self,
        path: Path,
        *,
        binary: str,
        is_durable: bool = False,
        complete: Callable[[Path, Mapping[int, int]], None] | None = None,
    ) -> None:
        self.packets = 0
        """Number of packets that have been handed to ffmpeg."""
        self._complete = complete
        self._path = path
        self._binary = binary
        self._is_durable = is_durable
        self._partial: Partial | None = None
        self._stack = ExitStack()
        self._process: Process | None = None
        self._container: OutputContainer | None = None

    @property
    def is_started(self) -> bool:
        """Whether ffmpeg has been started."""
        return self._process is not None

    def __enter__(self) -> Self:
        return self

    def start(
        self,
        arguments: Callable[[Path], list[str]],
        *,
        container: str,
        options: Mapping[str, str] | None = None,
    ) -> OutputContainer:
        """Starts ffmpeg and opens the pipe.

        Args:
            arguments: Returns ffmpeg's arguments for the temporary name of the file.
            container: The format of the pipe, by the name of its muxer.
            options: Options of that muxer.

        Returns:
            The container in the pipe, without streams.

        Raises:
            UnwritableMediaError: The folder or the file cannot be written.
        """
        try:
            self._partial = Partial(self._path)
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {reason_of(error)}") from error
        command = arguments(self._partial.path)
        self._stack.callback(self._drop_container)
        self._process = self._stack.enter_context(
            Process(self._binary, command, subject=str(self._path), has_input=True)
        )
        self._container = av.open(
            self._process.stdin,
            "w",
            format=container,
            options=dict(options or {}),
            buffer_size=PIPE_BYTES,
        )
        return self._container

    def mux(self, packet: av.Packet[Stream]) -> None:
        """Hands a packet to ffmpeg.

        Raises:
            FFmpegError: ffmpeg has died.
        """
        if self._process is None or self._container is None:
            raise ValueError("start() comes before mux()")
        try:
            self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._process.to_error(error) from error
        self.packets += 1

    def abort(self) -> None:
        """Kills ffmpeg, from any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        try:
            with self._stack:
                if kind is None and self._process is not None:
                    self._finish(self._process)
            if kind is None and self._partial is not None:
                self._partial.commit(is_durable=self._is_durable)
        except OSError as failure:
            raise UnwritableMediaError(f"{self._path}: {reason_of(failure)}") from failure
        finally:
            if self._partial is not None:
                self._partial.discard()

    def _drop_container(self) -> None:
        if self._container is not None:
            # Closing writes an index. The error of a dead encoder has been raised already.
            with contextlib.suppress(av.FFmpegError, OSError):
                self._container.close()

    def _finish(self, process: Process) -> None:
        if self._container is not None:
            try:
                self._container.close()
            except (av.FFmpegError, OSError) as error:
                raise process.to_error(error) from error
            self._container = None
        process.finish()
        written = {int(found[1]): int(found[2]) for found in _WRITTEN.finditer(process.log)}
        if written.get(0, self.packets) != self.packets:
            raise FFmpegError(
                f"{self._path}: the encoder wrote {written[0]} of {self.packets} frames: "
                f"{process.error_summary}"
            )
        if self._partial is None:
            return
        if not self._partial.path.stat().st_size:
            raise FFmpegError(f"{self._path}: the encoder wrote nothing: {process.error_summary}")
        if self._complete is not None:
            self._complete(self._partial.path, written)
