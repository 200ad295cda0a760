"""Files of any kind on object stores: they are worked on in a temporary folder of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from realesr.errors import MediaError
from realesr.geometry import Size
from realesr.media.formats import Format
from realesr.media.frames import Destination, Frame, FrameSink, FrameSource, Segment
from realesr.media.remote import fetch, put
from realesr.media.urls import is_url
from realesr.partial import temporary_folder
from realesr.progress import Notify


class _Files(Protocol):
    """How local files are read and written; see :class:`realesr.pipeline.units.MediaIO`."""

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None,
        destination: Destination | None,
    ) -> FrameSource: ...

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None,
    ) -> FrameSink: ...


class RemoteSource(AbstractContextManager["RemoteSource", None]):
    """Source of the frames of an object, which is fetched when the context is entered.

    Args:
        files: How the local copy is read.
        path: The URL.
        notify: Receives notices.
        destination: What the frames are for.
    """

    def __init__(
        self, files: _Files, path: Path, notify: Notify, destination: Destination | None
    ) -> None:
        self._files = files
        self._path = path
        self._notify = notify
        self._destination = destination
        self._stack = ExitStack()
        self._local: FrameSource | None = None

    @property
    def local(self) -> FrameSource:
        """The source of the local copy.

        Raises:
            ValueError: The context was not entered.
        """
        if self._local is None:
            raise ValueError("the object has not been fetched")
        return self._local

    @property
    def frame_count(self) -> int | None:
        """Number of frames; None if it is unknown."""
        return None if self._local is None else self._local.frame_count

    @property
    def decode_errors(self) -> int:
        """Number of frames that could not be decoded."""
        return 0 if self._local is None else self._local.decode_errors

    def __enter__(self) -> RemoteSource:
        with ExitStack() as stack:
            place = stack.enter_context(temporary_folder()) / self._path.name
            fetch(self._path, place)
            source = self._files.source(place, self._notify, None, self._destination)
            self._local = stack.enter_context(source)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames.

        Raises:
            MediaError: As the source of the local copy does, with the URL in the message.
        """
        try:
            yield from self.local
        except MediaError as error:
            words = str(error)
            name = next((word for word in words.split(": ") if word.endswith(self._path.name)), "")
            raise type(error)(words.replace(name, str(self._path)) if name else words) from error

    def abort(self) -> None:
        """Ends the wait of the local source."""
        if self._local is not None:
            self._local.abort()


class RemoteSink(AbstractContextManager["RemoteSink", None]):
    """Sink of an object, which appears when its local copy is complete.

    Args:
        local: Writes the local copy.
        place: The local copy.
        path: The URL.
        folder: The temporary folder of the copy, which has been entered.
    """

    def __init__(self, local: FrameSink, place: Path, path: Path, folder: ExitStack) -> None:
        self._local = local
        self._place = place
        self._path = path
        self._folder = folder

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns the size nearest to ``size``, px, that can be written."""
        return self._local.nearest_supported_size(size)

    def prepare(self, frame: Frame, size: Size) -> Frame:
        """Checks that the result can be written; see :class:`realesr.media.frames.FrameSink`."""
        return self._local.prepare(frame, size)

    def write(self, frame: Frame) -> None:
        """Writes an upscaled frame."""
        self._local.write(frame)

    def abort(self) -> None:
        """Ends blocked calls of the local sink."""
        self._local.abort()

    def __enter__(self) -> RemoteSink:
        try:
            self._local.__enter__()
        except BaseException:
            self._folder.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        with self._folder:
            self._local.__exit__(kind, error, traceback)
            if kind is None:
                put(self._place, self._path)


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Opens files on object stores, and local ones, as sources and sinks.

    Attributes:
        local: How local files are opened.
    """

    local: _Files

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None = None,
        destination: Destination | None = None,
    ) -> FrameSource:
        """Returns a source of the frames of a file or an object."""
        if is_url(path):
            return RemoteSource(self.local, path, notify, destination)
        return self.local.source(path, notify, segment, destination)

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None = None,
    ) -> FrameSink:
        """Returns a sink for a file or an object.

        Raises:
            Exception: What the local sink raises.
        """
        if isinstance(source, RemoteSource):
            source = source.local
        if not is_url(path):
            return self.local.sink(path, target, source, notify, segment)
        with ExitStack() as stack:
            place = stack.enter_context(temporary_folder()) / path.name
            sink = self.local.sink(place, target, source, notify, segment)
            return RemoteSink(sink, place, path, stack.pop_all())
