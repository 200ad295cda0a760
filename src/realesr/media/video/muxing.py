"""Arguments of the ffmpeg that puts the upscaled video and the source's other streams together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

from realesr.media.formats import VideoFormat
from realesr.media.video import access
from realesr.media.video.captions import caption_arguments, caption_input, keeps_captions
from realesr.media.video.clock import shift_options
from realesr.media.video.encoder import EncodeSpec
from realesr.media.video.encoders import muxer_arguments
from realesr.media.video.ffmpeg import url
from realesr.media.video.info import StreamInfo, VideoInfo
from realesr.media.video.probe import end_of_frames
from realesr.media.video.projection import write_projection
from realesr.media.video.reading import open_input, readable_packets, rewind
from realesr.media.video.streams import StreamMapping, map_streams
from realesr.progress import Notice, Notify

_STALE_TAG = re.compile(r"BPS|DURATION|NUMBER_OF_|_STATISTICS|SOURCE_ID|alpha_mode", re.IGNORECASE)
"""Tags that describe the stream of the source and would be wrong for the upscaled one."""
_ENCODER_TAGS = ("encoder", "alpha_mode")
"""Tags that ffmpeg derives from the encoder, so that they must be copied with the video."""
_STALE_FILE_TAGS = ("major_brand", "minor_version", "compatible_brands")
_MP4_TAGS = frozenset(
    {
        *("title", "artist", "album_artist", "album", "comment", "composer", "copyright", "date"),
        *("description", "synopsis", "genre", "grouping", "lyrics", "show", "episode_id"),
        *("episode_sort", "season_number", "network", "media_type", "hd_video", "compilation"),
        *("gapless_playback", "disc", "track", "keywords", "author", "rating", "location"),
        # ffmpeg writes these by itself.
        *("creation_time", "encoder", "encoded_by", "timecode", "handler_name", "vendor_id"),
        *("language", "duration"),
    }
)
"""Tags that ffmpeg's MP4 muxer can store."""
_QUEUED_PACKETS = 65536
"""Number of packets of other streams that may wait for the first frame, however long it takes."""
_STEREO_MODES = {1: "top_bottom", 2: "left_right"}
"""Names of ffmpeg's tag by the numbers of a projection's views."""
_COVER_TYPES = {"png": "image/png", "mjpeg": "image/jpeg"}

# ffmpeg keeps reading an input until each of its streams has produced a packet, and writes whatever
# it reads. Audio is dense, so it gets an input of its own; otherwise it would run far ahead of the
# slow video frames.
AUDIO_INPUT, SPARSE_INPUT, STILL_INPUT, CAPTION_INPUT = 1, 2, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MuxSpec:
    """The content of an output: the upscaled video with everything else of the source.

    Attributes:
        video: How the video is encoded.
        streams: The other streams of the source.
        covers: Image files that become attachments of Matroska, by stream index in the source.
        has_captions: Whether the captions inside the source's frames become a track.
    """

    video: EncodeSpec
    streams: tuple[StreamMapping, ...]
    covers: dict[int, Path]
    has_captions: bool = False

    @classmethod
    def create(cls, video: EncodeSpec, folder: Path, *, binary: str, notify: Notify) -> Self:
        """Finds out which streams of the source the container can hold.

        Args:
            video: How the video is encoded.
            folder: A folder for covers, which must exist until the output is whole.
            binary: The ffmpeg.
            notify: Receives a sentence for everything that is converted or left out.
        """
        streams = map_streams(video.info, video.target, binary=binary, notify=notify)
        covers = extract_covers(video.info, video.target, streams, folder)
        captions = keeps_captions(
            video.info, video.target, video.options, binary=binary, notify=notify
        )
        spec = cls(video=video, streams=streams, covers=covers, has_captions=captions)
        spec.report_dropped_tags(notify)
        return spec

    def encode_arguments(self, destination: Path) -> list[str]:
        """Returns the arguments of an ffmpeg that reads raw frames as NUT from its standard input.

        Frames are encoded and put together with the other streams in one pass.

        Args:
            destination: The file.
        """
        video = self.video
        return self._arguments(
            destination, "nut", video.stream_arguments(), video.options.encoder_args
        )

    def copy_arguments(self, destination: Path, *, tags: Mapping[str, str]) -> list[str]:
        """Returns the arguments of an ffmpeg that reads encoded video from its standard input.

        The container of that video is the one of the output.

        Args:
            destination: The file.
            tags: Metadata of that video; keys are in lower case.
        """
        video = ["-c:0", "copy", *self.video.tag_arguments()]
        extra = muxer_arguments(self.video.options.encoder_args)
        kept = [f"{tag}={tags.get(tag, '')}" for tag in _ENCODER_TAGS]
        extra = [*(text for tag in kept for text in ("-metadata:s:0", tag)), *extra]
        return self._arguments(destination, self.video.target.muxer, video, extra)

    def complete(self, path: Path, packets: Mapping[int, int], *, notify: Notify) -> None:
        """Finishes a whole file, and tells which sound it lacks.

        Args:
            path: The file, which is changed in place.
            packets: Number of packets of each of its streams.
            notify: Receives a sentence for everything that is missing.
        """
        info = self.video.info
        if not info.projection.is_empty:
            tags = {tag.lower(): text for tag, text in info.stream.tags.items()}
            title = tags.get("title", tags.get("name"))  # MP4 calls it so
            with open_input(path) as container:
                factor = container.streams.video[0].width / info.size.width
            if not write_projection(path, info.projection.scaled(factor), title=title):
                notify(
                    Notice(
                        "projection-dropped",
                        "the marks of a spherical or stereoscopic video are left out",
                    )
                )
        if self.video.options.is_excerpt:
            return
        for number, each in enumerate(self._mapped, start=1):
            if each.stream.kind == "audio" and packets.get(number) == 0:
                notify(Notice("stream-dropped", f"{each.stream} is empty: nothing in it is sound"))

    @property
    def _mapped(self) -> list[StreamMapping]:
        """The streams that ffmpeg maps, in the order of the output."""
        return [each for each in self.streams if each.stream.index not in self.covers]

    def report_dropped_tags(self, notify: Notify) -> None:
        """Names the tags of the source that MP4 and QuickTime cannot store."""
        info, target = self.video.info, self.video.target
        if not target.is_isobmff or _has_keys(info):
            return
        lost = [
            tag for tag in info.tags if tag.lower() not in _MP4_TAGS and tag not in _STALE_FILE_TAGS
        ]
        if lost:
            names = ", ".join(lost)
            notify(
                Notice(
                    "tags-dropped",
                    f"{target.name} has no place for these tags: {names}; .mkv keeps them",
                )
            )

    def _arguments(
        self, destination: Path, pipe: str, video: Sequence[str], extra: Sequence[str]
    ) -> list[str]:
        """Returns all arguments.

        ffmpeg-python does not build them, because it leaves out an input that is only mapped for
        its tags.

        Args:
            destination: The file.
            pipe: The container that is read from standard input.
            video: Arguments of stream 0.
            extra: Arguments that come last and override others.
        """
        target, options = self.video.target, self.video.options
        mapped = self._mapped
        arguments = [*self._inputs(pipe), "-map", "0:0"]
        for each in mapped:
            arguments += ["-map", f"{_input_of(each.stream)}:{each.stream.index}"]
        if self.has_captions:
            arguments += ["-map", f"{CAPTION_INPUT}:s:0"]
        arguments += [*video, *self._video_tags()]
        for number, each in enumerate(mapped, start=1):
            arguments += each.arguments(number)
            arguments += [f"-map_metadata:s:{number}", f"1:s:{each.stream.index}"]
            if options.start:
                arguments += [f"-copypriorss:{number}", "0"]
            if each.stream.is_cover:
                arguments += [f"-disposition:{number}", "attached_pic"]
        if self.has_captions:
            arguments += caption_arguments(len(mapped) + 1, target)
        arguments += self._attachments(len(mapped) + 1 + self.has_captions)
        arguments += ["-map_metadata", "1", "-map_chapters", "-1" if options.is_excerpt else "1"]
        for tag in _STALE_FILE_TAGS:
            arguments += ["-metadata", f"{tag}="]
        if target.is_isobmff:
            keys = "+use_metadata_tags" if _has_keys(self.video.info) else ""
            arguments += ["-movflags", f"+faststart{keys}"]
        arguments += ["-max_muxing_queue_size", str(_QUEUED_PACKETS), *extra]
        return [*arguments, "-f", target.muxer, "-y", url(destination)]

    def _inputs(self, pipe: str) -> list[str]:
        info, options = self.video.info, self.video.options
        # With -copyts ffmpeg would not tell which packets of sound come before the start of an
        # excerpt. Without it, every input begins at 0, which for the other streams is the start
        # that is asked for. Times in the pipe are right already: -seek_timestamp keeps them. An
        # end, too, would be counted from a clock that begins elsewhere.
        end = self._end()
        begins_at_0 = bool(options.start or (info.origin and end is not None))
        times = ["-seek_timestamp", "1"] if begins_at_0 else ["-copyts"]
        cut = ["-ss", f"{float(options.start):.6f}"] if options.start else []
        if end is not None:
            cut += ["-to", f"{float(end):.6f}"]
        clock = []
        if info.origin and not begins_at_0:
            clock = ["-itsoffset", f"{float(-info.origin):.6f}"]
        for option, value in shift_options(info.scan, range(len(info.streams))).items():
            clock += [f"-{option}", value]
        dense = access.arguments(info.path, *cut, *clock)
        stills = access.arguments(info.path, *clock)
        captions = []
        if self.has_captions:
            captions = [*clock[:2], *caption_input(info)]
        return [*times, "-f", pipe, "-i", "pipe:0", *dense, *dense, *stills, *captions]

    def _end(self) -> Fraction | None:
        """Returns when the other streams of an excerpt end, s from the beginning, or None."""
        options, ends = self.video.options, []
        if options.end is not None:
            ends.append(options.end)
        if options.frames is not None:
            end = end_of_frames(self.video.info, start=options.start, frames=options.frames)
            if end is not None:
                ends.append(end)
        return min(ends, default=None)

    def _video_tags(self) -> list[str]:
        """Returns the arguments that give stream 0 the tags and dispositions of the source."""
        info = self.video.info
        arguments = ["-map_metadata:s:0", f"1:s:{info.index}"]
        arguments += ["-disposition:0", "+".join(info.stream.dispositions) or "0"]
        for tag in info.stream.tags:
            if _STALE_TAG.match(tag):
                arguments += ["-metadata:s:0", f"{tag}="]
        if not info.projection.is_empty:
            arguments += ["-metadata:s:0", f"title={info.projection.title}"]
            if not self.video.target.is_isobmff and info.projection.stereo in _STEREO_MODES:
                # Matroska states the size of one view; ffmpeg derives it from this tag.
                mode = _STEREO_MODES[info.projection.stereo]
                arguments += ["-metadata:s:0", f"stereo_mode={mode}"]
        if info.notes.timecode and "timecode" not in info.tags and not self.video.options.start:
            arguments += ["-metadata:s:0", f"timecode={info.notes.timecode}"]
        return arguments

    def _attachments(self, first: int) -> list[str]:
        """Returns the arguments that attach covers, as streams from number ``first`` on."""
        arguments = []
        for number, (index, path) in enumerate(self.covers.items(), start=first):
            arguments += ["-attach", str(path)]
            kind = _COVER_TYPES[self.video.info.streams[index].codec]
            arguments += [f"-metadata:s:{number}", f"mimetype={kind}"]
            arguments += [f"-metadata:s:{number}", f"filename={path.name}"]
        return arguments


def extract_covers(
    info: VideoInfo, target: VideoFormat, streams: Sequence[StreamMapping], folder: Path
) -> dict[int, Path]:
    """Writes covers into files, because Matroska stores them as attachments.

    Returns:
        The files by stream index; none for other containers.
    """
    covers = [
        each.stream
        for each in streams
        if each.stream.is_cover and each.stream.codec in _COVER_TYPES
    ]
    found: dict[int, Path] = {}
    if target.muxer != "matroska" or not covers:
        return found
    with open_input(info.path) as container:
        for cover in covers:
            rewind(container)
            packet = next(readable_packets(container, container.streams[cover.index]), None)
            if packet is None:
                continue
            suffix = "png" if cover.codec == "png" else "jpg"
            name = "cover" if not found else f"cover_{cover.index}"
            found[cover.index] = folder / f"{name}.{suffix}"
            found[cover.index].write_bytes(bytes(packet))
    return found


def _has_keys(info: VideoInfo) -> bool:
    """Returns whether the source has tags of QuickTime's newer kind, which exclude older ones."""
    return any(tag.startswith("com.") for tag in info.tags)


def _input_of(stream: StreamInfo) -> int:
    if stream.is_cover or stream.kind == "attachment":
        return STILL_INPUT
    return AUDIO_INPUT if stream.kind in ("audio", "video") else SPARSE_INPUT
