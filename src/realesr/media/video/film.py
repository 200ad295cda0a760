"""A video that is made in pieces: what it is made of, how it is cut, and how pieces are joined."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import av

from realesr.errors import FFmpegError, UnreadableMediaError
from realesr.imaging.image import Image
from realesr.media.formats import VideoFormat
from realesr.media.frames import PieceContent, Segment
from realesr.media.video.encoder import EncodeSpec
from realesr.media.video.ffmpeg import version_of
from realesr.media.video.muxer import Muxer, read_piece
from realesr.media.video.pieces import LOSSLESS, passes, piece_spec, plans_whole_video, with_pass
from realesr.media.video.probe import probe
from realesr.media.video.sink import VideoSink
from realesr.media.video.source import VideoSource
from realesr.media.video.timeline import Timeline, cut, read_timeline
from realesr.options import VideoOptions
from realesr.progress import Notify, no_notice

_HASHED_BYTES = 1 << 16


class Film:
    """A video that is made in pieces.

    Args:
        path: The source.
        target: The container of the output.
        options: Which part is read, and how the output is written.
        binary: The ffmpeg.

    Raises:
        MediaError: The source cannot be read.
    """

    def __init__(
        self, path: Path, *, target: VideoFormat, options: VideoOptions, binary: str
    ) -> None:
        self.info = probe(path, video_stream=options.video_stream)
        self._target = target
        self._options = options
        self._binary = binary
        self._muxer: Muxer | None = None
        self._is_aborted = False

    @cached_property
    def _timeline(self) -> Timeline:
        try:
            return read_timeline(self.info)
        except av.FFmpegError as error:
            raise UnreadableMediaError(f"{self.info.path}: damaged: {error.strerror}") from error

    @cached_property
    def _part(self) -> range:
        options, begin = self._options, self.info.start
        return self._timeline.part(
            begin + options.start if options.start else None,
            None if options.end is None else begin + options.end,
            options.frames,
        )

    @property
    def frames(self) -> int:
        """Number of frames that are read, according to the packets of the file."""
        return len(self._part)

    @property
    def is_divisible(self) -> bool:
        """Whether it can be read in parts: clock and size do not jump, no frames share a time."""
        scan, index = self.info.scan, self.info.index
        return not scan.jumps and index not in scan.sizes and index not in scan.equal_times

    @property
    def is_encoded_twice(self) -> bool:
        """Whether pieces are without loss, and encoded together at the end."""
        return plans_whole_video(self._options)

    @property
    def needs_all_frames(self) -> bool:
        """Whether its encoder must have seen all frames before it writes the first one."""
        return passes(self._options) > 1

    def first_image(self) -> Image:
        """Decodes the first frame.

        Raises:
            MediaError: It cannot be decoded.
        """
        options = replace(self._options, frames=1)
        source = VideoSource(self.info.path, options=options, binary=self._binary)
        with source:
            return next(iter(source)).image

    def segments(self, frames: int, preroll: int) -> tuple[Segment, ...]:
        """Cuts the video.

        Args:
            frames: Number of frames in a segment.
            preroll: Number of frames before each segment that the upscaler must see.
        """
        return cut(self._timeline, self._part, frames=frames, preroll=preroll)

    @property
    def piece_suffix(self) -> str:
        """The suffix of pieces."""
        return LOSSLESS.suffixes[0] if self.is_encoded_twice else self._target.suffixes[0]

    def identity(self) -> dict[str, Any]:
        """Returns what tells the source from others: size, time, ends and streams; as JSON."""
        status = self.info.path.stat()
        with self.info.path.open("rb") as file:
            ends = file.read(_HASHED_BYTES)
            file.seek(max(0, status.st_size - _HASHED_BYTES))
            ends += file.read(_HASHED_BYTES)
        return {
            "size": status.st_size,
            "modified": status.st_mtime_ns,
            "ends": hashlib.sha256(ends).hexdigest(),
            "streams": [f"{each.index} {each.kind} {each.codec}" for each in self.info.streams],
        }

    def settings(self) -> dict[str, Any]:
        """Returns everything that the encoding depends on, as JSON."""
        spec = piece_spec(self.info, self._target, self._options, binary=self._binary)
        options = {
            name: str(getattr(self._options, name))
            for name in VideoOptions.__slots__
            if name != "ffmpeg"
        }
        return {
            "container": self._target.name,
            "codec": spec.encoding.codec,
            "pixel format": spec.encoding.pixel_format.name,
            **options,
            "ffmpeg": version_of(self._binary),
        }

    def check_piece(self, path: Path) -> PieceContent:
        """Reads what a piece holds.

        Raises:
            UnreadableMediaError: It is missing or damaged.
        """
        piece = read_piece(path)
        return PieceContent(
            frames=len(piece.times),
            first=min(piece.times) * piece.time_base,
            last=max(piece.times) * piece.time_base,
            size_bytes=path.stat().st_size,
        )

    def join(
        self,
        pieces: Sequence[Path],
        destination: Path,
        *,
        frames: int,
        end: Fraction | None,
        notify: Notify,
    ) -> None:
        """Makes the output of finished pieces.

        Args:
            pieces: The pieces, in order, from the first one on.
            destination: The output.
            frames: Number of frames that they hold together.
            end: Time in the source behind the last of them, s, if pieces are missing at the end;
                else None.
            notify: Receives a sentence for everything that the output does not hold.

        Raises:
            MediaError: The pieces do not fit each other, or the output cannot be written.
        """
        options = self._options
        if end is not None:
            options = replace(options, end=end - self.info.start, frames=None)
        if self.is_encoded_twice:
            self._encode(pieces, destination, options, notify)
            return
        spec = EncodeSpec.choose(self.info, self._target, options, binary=self._binary)
        self._muxer = Muxer(destination, spec=spec, binary=self._binary, notify=notify)
        first = self._timeline.seconds(self._part.start)
        self._muxer.mux(pieces, frames=frames, first=first)

    def abort(self) -> None:
        """Ends :meth:`join` with an error; called from any thread."""
        self._is_aborted = True
        if self._muxer is not None:
            self._muxer.abort()

    def _encode(
        self, pieces: Sequence[Path], destination: Path, options: VideoOptions, notify: Notify
    ) -> None:
        if self.needs_all_frames:
            log = destination.with_name("passes")
            first = destination.with_name(f"first{destination.suffix}")
            self._encode_once(pieces, first, with_pass(options, 1, log), no_notice)
            first.unlink()
            options = with_pass(options, 2, log)
        self._encode_once(pieces, destination, options, notify)

    def _encode_once(
        self, pieces: Sequence[Path], destination: Path, options: VideoOptions, notify: Notify
    ) -> None:
        sink = VideoSink(
            destination,
            target=self._target,
            info=self.info,
            options=options,
            binary=self._binary,
            notify=notify,
        )
        index = 0
        # Pieces have the times of the output, and the sink moves those of the source there.
        moved = self.info.start + options.start if options.start else self.info.origin
        with sink:
            for piece in pieces:
                with VideoSource(piece, binary=self._binary) as source:
                    for frame in source:
                        if self._is_aborted:
                            raise FFmpegError(f"{destination}: encoding was aborted")
                        placed = replace(frame, index=index, pts=frame.pts + moved)
                        sink.write(sink.prepare(placed, frame.image.size))
                        index += 1
