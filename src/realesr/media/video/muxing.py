"""The arguments of the ffmpeg that encodes frames and puts everything else of the source beside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from realesr.media.formats import VideoFormat
from realesr.media.video.encoders import Encoding
from realesr.media.video.ffmpeg import url
from realesr.media.video.probe import StreamInfo, VideoInfo, end_of_frames, open_input
from realesr.media.video.streams import StreamMapping
from realesr.options import VideoOptions
from realesr.progress import Notify

_STALE_TAG = re.compile(r"BPS|DURATION|NUMBER_OF_|_STATISTICS|SOURCE_ID|alpha_mode", re.IGNORECASE)
"""What tags say about the stream that was, and not about the one that is."""
_STALE_FILE_TAGS = ("major_brand", "minor_version", "compatible_brands")
_MP4_TAGS = frozenset(
    {
        *("title", "artist", "album_artist", "album", "comment", "composer", "copyright", "date"),
        *("description", "synopsis", "genre", "grouping", "lyrics", "show", "episode_id"),
        *("episode_sort", "season_number", "network", "media_type", "hd_video", "compilation"),
        *("gapless_playback", "disc", "track", "keywords", "author", "rating", "location"),
        # What ffmpeg writes by itself.
        *("creation_time", "encoder", "encoded_by", "timecode", "handler_name", "vendor_id"),
        *("language", "duration"),
    }
)
"""What ffmpeg's muxer has a place for."""
_QUEUED_PACKETS = 65536
"""How many packets of other streams may wait for the first frame, however long it takes."""
_COVER_TYPES = {"png": "image/png", "mjpeg": "image/jpeg"}

# ffmpeg keeps reading an input until each of its streams has produced a packet, and writes whatever
# it reads. Audio is dense, so it gets an input of its own; otherwise it would run far ahead of the
# slow video frames.
AUDIO_INPUT, SPARSE_INPUT, STILL_INPUT = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MuxSpec:
    """What goes into an output.

    Attributes:
        info: The source.
        target: The container.
        options: Which part, and how it is encoded.
        encoding: The encoder of the frames.
        carried: The other streams.
        covers: Images that go into Matroska as attachments, by the numbers of their streams.
    """

    info: VideoInfo
    target: VideoFormat
    options: VideoOptions
    encoding: Encoding
    carried: tuple[StreamMapping, ...]
    covers: dict[int, Path]

    def arguments(self, first: Fraction, destination: Path) -> list[str]:
        """Of an ffmpeg that reads raw frames as NUT from its standard input.

        Not by way of ffmpeg-python, which leaves out an input that gives nothing but tags.

        Args:
            first: When the first frame is shown in the source, s.
            destination: The file.
        """
        options = self.options
        mapped = [each for each in self.carried if each.stream.index not in self.covers]
        arguments = [*self._inputs(first), "-map", "0:0"]
        for each in mapped:
            arguments += ["-map", f"{_input_of(each.stream)}:{each.stream.index}"]
        arguments += self._video()
        for number, each in enumerate(mapped, start=1):
            arguments += each.arguments(number)
            arguments += [f"-map_metadata:s:{number}", f"1:s:{each.stream.index}"]
            if options.start:
                arguments += [f"-copypriorss:{number}", "0"]
            if each.stream.is_cover:
                arguments += [f"-disposition:{number}", "attached_pic"]
        for number, (index, path) in enumerate(self.covers.items(), start=len(mapped) + 1):
            arguments += ["-attach", str(path)]
            kind = _COVER_TYPES[self.info.streams[index].codec]
            arguments += [f"-metadata:s:{number}", f"mimetype={kind}"]
            arguments += [f"-metadata:s:{number}", f"filename={path.name}"]
        arguments += ["-map_metadata", "1", "-map_chapters", "-1" if options.is_excerpt else "1"]
        for tag in _STALE_FILE_TAGS:
            arguments += ["-metadata", f"{tag}="]
        if self.target.muxer in ("mp4", "mov"):
            keys = "+use_metadata_tags" if self._has_keys() else ""
            arguments += ["-movflags", f"+faststart{keys}"]
        arguments += ["-max_muxing_queue_size", str(_QUEUED_PACKETS), *options.encoder_args]
        return [*arguments, "-f", self.target.muxer, "-y", url(destination)]

    def report_dropped_tags(self, notify: Notify) -> None:
        """Names the tags that MP4 and QuickTime have no place for."""
        if self.target.muxer not in ("mp4", "mov") or self._has_keys():
            return
        lost = [
            tag
            for tag in self.info.tags
            if tag.lower() not in _MP4_TAGS and tag not in _STALE_FILE_TAGS
        ]
        if lost:
            names = ", ".join(lost)
            notify(f"{self.target.name} has no place for these tags: {names}; .mkv keeps them")

    def _has_keys(self) -> bool:
        """Whether the source has tags of QuickTime's newer kind, which excludes the older one."""
        return any(tag.startswith("com.") for tag in self.info.tags)

    def _inputs(self, first: Fraction) -> list[str]:
        info, options = self.info, self.options
        if options.start:
            # ffmpeg lets every input begin at 0, which for the other streams is the start that
            # is asked for. With -copyts it would not tell which packets come before.
            since_start = first - info.start - options.start
            arguments = ["-itsoffset", f"{float(since_start):.6f}", "-f", "nut", "-i", "pipe:0"]
        else:
            arguments = ["-copyts", "-f", "nut", "-i", "pipe:0"]
        source = ["-i", url(info.path)]
        cut = ["-ss", f"{float(options.start):.6f}"] if options.start else []
        end = self._end()
        if end is not None:
            cut += ["-to", f"{float(end):.6f}"]
        return [*arguments, *cut, *source, *cut, *source, *source]

    def _end(self) -> Fraction | None:
        """Where the other streams of an excerpt end, s from the beginning."""
        options, ends = self.options, []
        if options.end is not None:
            ends.append(options.end)
        if options.frames is not None:
            end = end_of_frames(self.info, start=options.start, frames=options.frames)
            if end is not None:
                ends.append(end)
        return min(ends, default=None)

    def _video(self) -> list[str]:
        """What concerns the first stream of the output, the upscaled one."""
        info, pixel_format = self.info, self.encoding.pixel_format
        color = info.color.from_rgb(pixel_format.name, is_rgb=pixel_format.is_rgb)
        arguments = ["-c:0", self.encoding.codec]
        for option, value in self.encoding.arguments.items():
            arguments += [f"-{option}", value]
        arguments += ["-filter:0", f"{color},setsar={info.sample_aspect_ratio}"]
        arguments += ["-fps_mode:0", "passthrough", "-enc_time_base:0", "demux"]
        arguments += ["-map_metadata:s:0", f"1:s:{info.index}"]
        arguments += ["-disposition:0", "+".join(info.stream.dispositions) or "0"]
        for tag in info.stream.tags:
            if _STALE_TAG.match(tag):
                arguments += ["-metadata:s:0", f"{tag}="]
        return arguments


def extract_covers(
    info: VideoInfo, target: VideoFormat, carried: tuple[StreamMapping, ...], folder: Path
) -> dict[int, Path]:
    """Writes covers into files, for Matroska, which has them as attachments.

    Returns:
        The files by the numbers of their streams; none for other containers.
    """
    covers = [
        each.stream
        for each in carried
        if each.stream.is_cover and each.stream.codec in _COVER_TYPES
    ]
    found: dict[int, Path] = {}
    if target.muxer != "matroska" or not covers:
        return found
    with open_input(info.path) as container:
        for cover in covers:
            container.seek(0)
            packet = next(container.demux(container.streams[cover.index]))
            suffix = "png" if cover.codec == "png" else "jpg"
            name = "cover" if not found else f"cover_{cover.index}"
            found[cover.index] = folder / f"{name}.{suffix}"
            found[cover.index].write_bytes(bytes(packet))
    return found


def _input_of(stream: StreamInfo) -> int:
    if stream.is_cover or stream.kind == "attachment":
        return STILL_INPUT
    return AUDIO_INPUT if stream.kind in ("audio", "video") else SPARSE_INPUT
