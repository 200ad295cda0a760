"""Maps the streams of a source to those of an output.

No table of codecs is kept. ffmpeg muxes one second as a trial: a stream that the container cannot
hold fails at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from realesr.media.formats import VideoFormat
from realesr.media.video import access
from realesr.media.video.ffmpeg import data_kinds, succeeds, url
from realesr.media.video.info import StreamInfo, VideoInfo
from realesr.partial import temporary_folder
from realesr.progress import Notice, Notify

COPY = "copy"
_TRIAL_S = "1"
_OPUS_LAYOUTS = "7.1|6.1|5.1|5.0|quad|3.0|stereo|mono"


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """A stream of the source that goes into the output.

    Attributes:
        stream: The stream in the source.
        codec: ``copy``, or ffmpeg's name of an encoder.
    """

    stream: StreamInfo
    codec: str = COPY

    def arguments(self, number: int) -> list[str]:
        """Returns ffmpeg's arguments for the output stream with this number."""
        arguments = [f"-c:{number}", self.codec]
        if self.codec == "libopus":  # it refuses the layouts of AC-3 and DTS
            arguments += [f"-filter:{number}", f"aformat=channel_layouts={_OPUS_LAYOUTS}"]
        return arguments


def map_streams(
    info: VideoInfo, target: VideoFormat, *, binary: str, notify: Notify
) -> tuple[StreamMapping, ...]:
    """Maps all streams but the upscaled one. Streams are copied where the container allows it.

    Args:
        info: The source.
        target: The container of the output.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that is converted or left out.
    """
    others = [stream for stream in info.streams if stream.index != info.index]
    everything = [StreamMapping(stream) for stream in others]
    if not others or _can_mux(everything, info, target, binary):
        return tuple(everything)
    mappings = []
    for stream in others:
        for codec in (COPY, *_conversions(stream, target)):
            candidate = StreamMapping(stream, codec)
            if _can_mux([candidate], info, target, binary):
                mappings.append(candidate)
                if codec != COPY:
                    notify(
                        Notice(
                            "stream-converted",
                            f"{stream} becomes {codec}, because {target.name} holds no other",
                        )
                    )
                break
        else:
            notify(
                Notice("stream-dropped", f"{stream} is left out, because {_why(stream, target)}")
            )
    return tuple(mappings)


def _why(stream: StreamInfo, target: VideoFormat) -> str:
    cannot = f"{target.name} cannot hold it"
    if target.is_isobmff and stream.kind == "data":
        return f"ffmpeg cannot write it into {target.name} as it is"
    is_in_matroska = stream.kind != "data" and target.muxer != "matroska"
    return f"{cannot}: .mkv may" if is_in_matroska else cannot


def _conversions(stream: StreamInfo, target: VideoFormat) -> tuple[str, ...]:
    if stream.kind == "audio":
        return (target.audio_codec,)
    return (target.text_codec,) if stream.kind == "subtitle" else ()


def _can_mux(
    streams: Sequence[StreamMapping], info: VideoInfo, target: VideoFormat, binary: str
) -> bool:
    # Bounded at both ends: fonts and late subtitles would let it read the whole source.
    arguments = access.arguments(info.path, "-t", _TRIAL_S)
    for mapping in streams:
        arguments += ["-map", f"0:{mapping.stream.index}"]
    for number, mapping in enumerate(streams):
        arguments += mapping.arguments(number)
    with temporary_folder() as folder:
        trial = url(folder / "trial")
        arguments += ["-t", _TRIAL_S, "-f", target.muxer, "-y", trial]
        if not succeeds(binary, arguments):
            return False
        # A muxer may write data that no one can read, without an error.
        data = [n for n, each in enumerate(streams) if each.stream.kind == "data"]
        if not data:
            return True
        kinds, before = (
            data_kinds(binary, arguments)
            for arguments in (["-i", trial], access.arguments(info.path))
        )
        return all(kinds.get(n) == before.get(streams[n].stream.index) for n in data)
