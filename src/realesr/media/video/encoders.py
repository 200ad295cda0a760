"""Chooses the encoder of a video, its pixel format and its arguments."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from realesr.errors import InvalidOptionError, UnsupportedMediaError
from realesr.geometry import Size, round_up
from realesr.media.formats import VideoFormat
from realesr.media.video.ffmpeg import describe_encoder
from realesr.media.video.info import PixelFormat, VideoInfo
from realesr.media.video.probe import pixel_format_of
from realesr.options import VideoOptions
from realesr.progress import Notice, Notify

CRF = {
    # A little finer than what the encoders' guides call visually lossless. Not measured here.
    "libx264": 16,
    "libx265": 18,
    "libvpx-vp9": 20,
    "libaom-av1": 20,
    "libsvtav1": 22,
}
_QUALITY_OPTIONS = {
    "_nvenc": "cq",
    "_qsv": "global_quality",
    "_videotoolbox": "q:v",
}
_ALWAYS = {
    "libvpx-vp9": {"b:v": "0", "row-mt": "1", "deadline": "good", "cpu-used": "2"},
    "libaom-av1": {"b:v": "0", "row-mt": "1", "cpu-used": "6"},
    "prores_ks": {"profile:v": "4444"},
}
_ALPHA_FORMATS = {
    # Formats whose alpha is widely read. That of libx265 is not.
    "libvpx-vp9": r"yuva420p",
    "prores_ks": r"yuva.*",
    "ffv1": r".*",
    "qtrle": r".*",
    "png": r".*",
}
_RGB_CODECS = frozenset({"libx264rgb", "ffv1", "utvideo", "huffyuv", "ffvhuff", "qtrle", "png"})
"""Encoders that store RGB so that common players show it: here an RGB source stays RGB."""
_OPTION = re.compile(r"-[A-Za-z]")
_MUXING_OPTIONS = frozenset(
    {
        *("metadata", "map_metadata", "map_chapters", "disposition", "map", "attach", "timestamp"),
        *("movflags", "brand", "use_editlist", "movie_timescale", "write_tmcd", "fflags"),
        *("cues_to_front", "reserve_index_space", "default_mode", "cluster_time_limit"),
        *("an", "sn", "dn", "acodec", "scodec", "ac", "ar", "af", "ab", "aq"),
    }
)
"""Options, without their dashes, that change the file and not how frames are encoded."""
_HEVC = re.compile(r"libx265|hevc_")
_PIXEL_FORMATS = re.compile(r"Supported pixel formats: (.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """An encoder with its settings.

    Attributes:
        codec: ffmpeg's name of the encoder.
        pixel_format: The pixel format that is encoded.
        arguments: ffmpeg's options of the encoder, without their dashes.
        tag: The name of the codec in the container; None for ffmpeg's choice.
    """

    codec: str
    pixel_format: PixelFormat
    arguments: dict[str, str]
    tag: str | None = None

    def nearest_supported_size(self, size: Size) -> Size:
        """Returns the smallest size, px, that holds a size and whole chroma samples.

        4:2:0 has none for odd sides.
        """
        across, down = self.pixel_format.chroma
        return Size(round_up(size.width, across), round_up(size.height, down))


def choose_encoding(
    info: VideoInfo, target: VideoFormat, options: VideoOptions, *, binary: str, notify: Notify
) -> Encoding:
    """Chooses the encoder that keeps the source's chroma, depth and alpha.

    Args:
        info: The source.
        target: The container of the output.
        options: The user's choices.
        binary: The ffmpeg.
        notify: Receives a sentence for everything that the encoder does not keep.

    Raises:
        InvalidOptionError: There is no such encoder or pixel format.
    """
    wanted = info.pixel_format
    codec = options.codec or _usual_codec(wanted, target)
    supported = _supported(binary, codec)
    if options.pix_fmt is None:
        alpha = _ALPHA_FORMATS.get(codec, "(?!)")
        pixel_format = _closest(
            wanted,
            [each for each in supported if not each.has_alpha or re.fullmatch(alpha, each.name)],
            keeps_rgb=wanted.is_rgb and codec in _RGB_CODECS,
        )
        _report_losses(wanted, pixel_format, codec, target, notify)
    else:
        pixel_format = _pixel_format_asked_for(options.pix_fmt, codec, supported)
    arguments = dict(_ALWAYS.get(codec, {}))
    if options.crf is not None or codec in CRF:
        option = next((o for end, o in _QUALITY_OPTIONS.items() if codec.endswith(end)), "crf")
        arguments[option] = f"{CRF.get(codec) if options.crf is None else options.crf:g}"
    if options.preset is not None:
        arguments["cpu-used" if codec.startswith(("libvpx", "libaom")) else "preset"] = (
            options.preset
        )
    arguments |= _hdr_arguments(info, codec, notify)
    is_hevc_in_mp4 = target.is_isobmff and _HEVC.match(codec)
    return Encoding(
        codec=codec,
        pixel_format=pixel_format,
        arguments=arguments,
        tag="hvc1" if is_hevc_in_mp4 else None,  # Apple's players need it
    )


def encoder_arguments(extra: Sequence[str]) -> list[str]:
    """Returns those of the user's additional arguments that concern the encoder of the frames."""
    return [text for option in _options(extra) if not _is_muxing(option[0]) for text in option]


def muxer_arguments(extra: Sequence[str]) -> list[str]:
    """Returns those of the user's additional arguments that concern other streams and the file."""
    return [text for option in _options(extra) if _is_muxing(option[0]) for text in option]


def _options(arguments: Sequence[str]) -> list[list[str]]:
    """Groups arguments: each option with the values that follow it."""
    groups: list[list[str]] = []
    for text in arguments:
        if _OPTION.match(text) or not groups:
            groups.append([])
        groups[-1].append(text)
    return groups


def _is_muxing(option: str) -> bool:
    name, _, specifier = option.removeprefix("-").partition(":")
    return name in _MUXING_OPTIONS or specifier[:1] in ("a", "s", "d", "t")


def _usual_codec(wanted: PixelFormat, target: VideoFormat) -> str:
    if wanted.has_alpha and target.alpha_codec is not None:
        return target.alpha_codec
    return target.video_codec[wanted.depth > 8]


@functools.cache
def _supported(binary: str, codec: str) -> tuple[PixelFormat, ...]:
    """Returns the pixel formats of an encoder that PyAV, and so ffmpeg's scaler, knows."""
    found = _PIXEL_FORMATS.search(describe_encoder(binary, codec))
    if found is None:
        raise InvalidOptionError(
            f"`codec` {codec}: this ffmpeg has no such video encoder, or it does not tell its "
            "pixel formats: libx264, libx265, libvpx-vp9 and libsvtav1 are usual"
        )
    formats = []
    for name in found[1].split():
        try:
            pixel_format = pixel_format_of(name)
        except (ValueError, UnsupportedMediaError):  # of a device, or of a newer version
            continue
        if not pixel_format.has_palette:
            formats.append(pixel_format)
    if not formats:
        raise InvalidOptionError(
            f"`codec` {codec} takes frames from a device's memory alone, which is not supported: "
            "h264_nvenc, hevc_nvenc, h264_qsv and h264_videotoolbox take others"
        )
    return tuple(formats)


def _closest(
    wanted: PixelFormat, supported: Sequence[PixelFormat], *, keeps_rgb: bool = False
) -> PixelFormat:
    """Returns the format that loses least and, among equals, adds least.

    The yuvj formats come last, because their names state a range that is tagged as well.
    """

    def loss(candidate: PixelFormat) -> tuple[bool | int, ...]:
        coarser = any(c > max(w, 1) for c, w in zip(candidate.chroma, wanted.chroma, strict=True))
        return (
            candidate.is_gray and not wanted.is_gray,
            candidate.is_rgb != keeps_rgb or candidate.name.startswith("yuvj"),
            wanted.has_alpha and not candidate.has_alpha,
            coarser,
            max(0, wanted.depth - candidate.depth),
            wanted.is_gray and not candidate.is_gray,
            candidate.has_alpha and not wanted.has_alpha,
            abs(candidate.chroma[0] * candidate.chroma[1] - wanted.chroma[0] * wanted.chroma[1]),
            abs(candidate.depth - wanted.depth),
            not candidate.name.startswith(("yuv", "gray")),
        )

    return min(supported, key=loss)


def _pixel_format_asked_for(
    name: str, codec: str, supported: tuple[PixelFormat, ...]
) -> PixelFormat:
    for candidate in supported:
        if candidate.name == name:
            return candidate
    names = ", ".join(each.name for each in supported)
    raise InvalidOptionError(f"`pix_fmt` {name}: {codec} encodes {names}")


def _report_losses(
    wanted: PixelFormat, got: PixelFormat, codec: str, target: VideoFormat, notify: Notify
) -> None:
    if wanted.has_alpha and not got.has_alpha:
        notify(
            Notice(
                "alpha-flattened",
                f"{codec} in {target.name} holds no transparency: laid on white; "
                ".webm, .mkv and .mov keep it",
            )
        )
    if wanted.is_rgb and not got.is_rgb:
        notify(
            Notice(
                "rgb-converted",
                f"is RGB and becomes {got.name}, which rounds colors: `codec` libx264rgb with "
                "`crf` 0, or `codec` ffv1 in .mkv, keeps them",
            )
        )
    if got.depth < wanted.depth:
        notify(
            Notice(
                "depth-reduced",
                f"{codec} holds {got.depth} bits a channel: the {wanted.depth} are rounded",
            )
        )
    if any(g > w for g, w in zip(got.chroma, wanted.chroma, strict=True)):
        notify(
            Notice(
                "chroma-reduced", f"{codec} stores color more coarsely than the source: {got.name}"
            )
        )


def _hdr_arguments(info: VideoInfo, codec: str, notify: Notify) -> dict[str, str]:
    """Returns the arguments that pass HDR metadata to libx265, the only encoder that takes it."""
    if not info.color.is_hdr or not (info.hdr_metadata.display or info.hdr_metadata.content):
        return {}
    if codec != "libx265":
        notify(
            Notice(
                "hdr-metadata-dropped",
                f"{codec} does not receive the HDR mastering metadata: libx265 keeps it",
            )
        )
        return {}
    parameters = ["hdr10=1", "repeat-headers=1"]
    if info.hdr_metadata.display:
        parameters.append(f"master-display={info.hdr_metadata.display}")
    if info.hdr_metadata.content:
        parameters.append("max-cll={},{}".format(*info.hdr_metadata.content))
    return {"x265-params": ":".join(parameters)}
