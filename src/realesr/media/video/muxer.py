"""Joins finished pieces of a video and adds everything else of the source, by stream copy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from realesr.errors import FFmpegError, UnreadableMediaError
from realesr.media.video.encoder import EncodeSpec
from realesr.media.video.muxing import MuxSpec
from realesr.media.video.output import PipedFile
from realesr.media.video.reading import open_input
from realesr.partial import temporary_folder
from realesr.progress import Notify, no_notice

_HVCC_HEADER_BYTES = 22
_HEVC_SEI = (39, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An encoded piece of a video.

    Attributes:
        path: The file.
        time_base: Length of a tick, s.
        times: Presentation times of its frames, ticks, in the order of decoding.
        reorder_depth: Number of frames that a decoder holds back to put them into order.
        parameters: Parameter sets of the codec, which all pieces of a video share.
        tags: Metadata of the stream; keys are in lower case.
    """

    path: Path
    time_base: Fraction
    times: tuple[int, ...]
    reorder_depth: int
    parameters: bytes
    tags: dict[str, str]


def read_piece(path: Path) -> Piece:
    """Reads the times of all frames of a piece.

    Raises:
        UnreadableMediaError: The piece is missing or damaged.
    """
    with _opened(path) as (container, stream):
        times = []
        for packet in _packets(container, stream):
            if packet.pts is None or packet.is_corrupt:
                raise UnreadableMediaError(f"{path}: a frame of this piece is damaged")
            times.append(packet.pts)
        context = stream.codec_context
        return Piece(
            path=path,
            time_base=stream.time_base or Fraction(1, av.time_base),
            times=tuple(times),
            reorder_depth=context.reorder_depth,
            parameters=_parameter_sets(context.name, context.extradata or b""),
            tags={tag.lower(): value for tag, value in stream.metadata.items()},
        )


def decoding_times(times: Sequence[int], reorder_depth: int) -> list[int]:
    """Computes when frames are decoded, as encoders do.

    Frame ``i`` in the order of decoding is decoded when frame ``i - depth`` in the order of
    presentation is shown. The first ones are decoded before time begins, by as much as keeps their
    distances. With pieces of a video one after the other the result is that of the whole video,
    where the encoder's times of every single piece would overlap.

    Args:
        times: Presentation times in the order of decoding, all different, ticks.
        reorder_depth: Number of frames that a decoder holds back at least.

    Returns:
        Increasing times, none later than that of its presentation, ticks.
    """
    ordered = sorted(times)
    late = (number - rank for number, rank in enumerate(_ranks(times)))
    depth = max([reorder_depth, *late])
    lead = ordered[min(depth, len(ordered) - 1)] - ordered[0]
    return [time - lead for time in ordered[:depth]] + ordered[: max(len(ordered) - depth, 0)]


class Muxer:
    """Puts finished pieces of a video and all other streams of the source into an output.

    The output equals that of :class:`realesr.media.video.sink.VideoSink`: sound, subtitles,
    attachments, chapters and tags. Video is copied and keeps the times that it has in the pieces.

    Args:
        path: The destination. A missing folder is created.
        spec: How the pieces were encoded.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that the file does not hold.
    """

    def __init__(
        self, path: Path, *, spec: EncodeSpec, binary: str, notify: Notify = no_notice
    ) -> None:
        self._path = path
        self._spec = spec
        self._binary = binary
        self._notify = notify
        self._file: PipedFile | None = None
        self._mux_spec: MuxSpec | None = None
        self._is_aborted = False

    def mux(
        self, pieces: Sequence[Path], *, frames: int | None = None, first: Fraction = Fraction(0)
    ) -> int:
        """Writes the output, which gets its name when it is whole.

        Args:
            pieces: Files of :class:`realesr.media.video.encoder.VideoEncoder`, in the order of
                time. They are read twice: first for their times.
            frames: Number of frames that they hold together, if it is known.
            first: When the first frame is shown, s in the source. Only ``fps`` depends on it.

        Returns:
            Number of frames in the output.

        Raises:
            UnreadableMediaError: A piece is missing or damaged, has other settings than the first
                one, or does not begin after the end of the one before it.
            UnwritableMediaError: The folder or the file cannot be written.
            FFmpegError: ffmpeg has died, or muxing was aborted.
        """
        found = []
        for piece in pieces:
            self._check_wanted()
            found.append(read_piece(piece))
        _check(self._path, found, frames)
        with (
            temporary_folder() as folder,
            PipedFile(self._path, binary=self._binary, complete=self._complete) as file,
        ):
            self._file = file
            self._write(file, found, self._command(folder, found[0]), first)
        return file.packets

    def abort(self) -> None:
        """Makes :meth:`mux` raise an error and leave no output; called from any thread."""
        self._is_aborted = True
        file = self._file
        if file is not None:
            file.abort()

    def _check_wanted(self) -> None:
        if self._is_aborted:
            raise FFmpegError(f"{self._path}: muxing was aborted")

    def _command(self, folder: Path, piece: Piece) -> Callable[[Path], list[str]]:
        def command(destination: Path) -> list[str]:
            spec = MuxSpec.create(self._spec, folder, binary=self._binary, notify=self._notify)
            self._mux_spec = spec
            return spec.copy_arguments(destination, tags=piece.tags)

        return command

    def _complete(self, path: Path, packets: Mapping[int, int]) -> None:
        if self._mux_spec is not None:
            self._mux_spec.complete(path, packets, notify=self._notify)

    def _write(
        self,
        file: PipedFile,
        pieces: Sequence[Piece],
        command: Callable[[Path], list[str]],
        first: Fraction,
    ) -> None:
        spec, time_base = self._spec, pieces[0].time_base
        times = [time for piece in pieces for time in piece.times]
        clock = spec.clock(first)
        if clock.first_tick is not None:  # pieces keep the times of the source
            ticks = clock.time_base / time_base
            if ticks.denominator != 1:  # Matroska counts in 1/1000 s
                time_base, ticks = clock.time_base, Fraction(1)
            times = [(clock.first_tick + rank) * int(ticks) for rank in _ranks(times)]
        depth = max(piece.reorder_depth for piece in pieces)
        decoded_at = decoding_times(times, depth)
        lengths = _lengths(times, decoded_at, spec, time_base)
        moments = zip(times, decoded_at, lengths, strict=True)
        container = file.start(command, container=spec.target.muxer, options=spec.piece_options)
        with _opened(pieces[0].path) as (_, template):
            stream = container.add_stream_from_template(template, opaque=True)
            template_tag = template.codec_context.codec_tag
        stream.codec_context.framerate = spec.frame_rate  # Matroska stores it
        stream.time_base = time_base
        if spec.target.is_isobmff:
            stream.codec_context.codec_tag = template_tag
        for piece in pieces:
            with _opened(piece.path) as (source, video):
                for packet in _packets(source, video):
                    self._check_wanted()
                    packet.time_base = time_base
                    packet.pts, packet.dts, packet.duration = next(moments)
                    packet.stream = stream
                    file.mux(packet)


def _lengths(
    times: Sequence[int], decoded_at: Sequence[int], spec: EncodeSpec, time_base: Fraction
) -> list[int]:
    """Returns how long each packet is shown, ticks; the usual length but for the last frame.

    Args:
        times: When they are shown, in the order of decoding, ticks.
        decoded_at: When they are decoded, ticks.
        spec: How they were encoded, and how long the last frame of the source is shown.
        time_base: Length of a tick, s.
    """
    lengths = [round(1 / (spec.frame_rate * time_base))] * len(times)
    latest = max(times)
    if spec.last_frame is not None and spec.is_last(latest * time_base):
        length = lengths[times.index(latest)] = round(spec.last_frame[1] / time_base)
        if spec.target.is_isobmff:  # the lengths, in the order of decoding, make up that of all
            whole = latest + length - min(times)
            lengths[-1] = max(1, whole - (decoded_at[-1] - decoded_at[0]))
    return lengths


def _ranks(times: Sequence[int]) -> list[int]:
    """Returns the place of each time in the order of presentation."""
    ranks = {time: rank for rank, time in enumerate(sorted(times))}
    return [ranks[time] for time in times]


def _check(path: Path, pieces: Sequence[Piece], frames: int | None) -> None:
    """Raises an error if pieces do not make a video."""
    if not pieces:
        raise ValueError("a video has at least one piece")
    first = pieces[0]
    for piece in pieces:
        if (piece.time_base, piece.parameters) != (first.time_base, first.parameters):
            raise UnreadableMediaError(
                f"{piece.path}: was encoded with other settings than {first.path.name}"
            )
        if len(set(piece.times)) != len(piece.times) or not piece.times:
            raise UnreadableMediaError(f"{piece.path}: has no frames, or two of the same time")
    for before, after in itertools.pairwise(pieces):
        if min(after.times) <= max(before.times):
            raise UnreadableMediaError(
                f"{after.path}: does not begin after the end of {before.path.name}"
            )
    count = sum(len(piece.times) for piece in pieces)
    if frames is not None and count != frames:
        raise UnreadableMediaError(f"{path}: its pieces hold {count} of {frames} frames")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        with open_input(path) as container:
            if not container.streams.video:
                raise UnreadableMediaError(f"{path}: holds no video")
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        raise UnreadableMediaError(f"{path}: missing or damaged: {error.strerror}") from error


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
    return (packet for packet in container.demux(stream) if packet.size)


def _parameter_sets(codec: str, extradata: bytes) -> bytes:
    """Returns what a decoder needs of the extradata of a stream.

    x265 adds a message about itself that names the features of the CPU, so that pieces of two
    machines would seem to differ. The boxes are those of ISO/IEC 14496-15, 8.3.3.1.
    """
    if codec != "hevc" or len(extradata) <= _HVCC_HEADER_BYTES or extradata[0] != 1:
        return extradata
    kept, position = extradata[:_HVCC_HEADER_BYTES], _HVCC_HEADER_BYTES + 1
    for _ in range(extradata[_HVCC_HEADER_BYTES]):
        begin, position = position, position + 3
        for _ in range(int.from_bytes(extradata[begin + 1 : begin + 3], "big")):
            position += 2 + int.from_bytes(extradata[position : position + 2], "big")
        if extradata[begin] & 0x3F not in _HEVC_SEI:
            kept += extradata[begin:position]
    return kept
