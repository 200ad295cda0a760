"""Chooses the writer of an animation by its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from realesr.media.animations.avif_sink import AvifSink
from realesr.media.animations.gif_sink import GifSink
from realesr.media.animations.png_sink import PngSink
from realesr.media.animations.sink import AnimationSink, Playback
from realesr.media.animations.webp_sink import WebpSink
from realesr.media.formats import ImageFormat
from realesr.options import EncodingOptions
from realesr.progress import Notify

_PIPED: dict[str, Callable[..., AnimationSink]] = {
    "GIF": GifSink,
    "WEBP": WebpSink,
    "AVIF": AvifSink,
}


def make_sink(
    path: Path,
    *,
    target: ImageFormat,
    playback: Playback,
    binary: str,
    encoding: EncodingOptions,
    notify: Notify,
) -> AnimationSink:
    """Returns the sink for an animation.

    Args:
        path: The destination.
        target: The format.
        playback: How the animation is played.
        binary: The ffmpeg.
        encoding: Quality, or lossless.
        notify: Receives a sentence for everything that the file does not hold.

    Raises:
        TypeError: The format holds no animations.
    """
    if target.name == "PNG":
        return PngSink(path, target=target, playback=playback, encoding=encoding, notify=notify)
    if target.name not in _PIPED:
        raise TypeError(f"{target.name} holds no animations")
    return _PIPED[target.name](
        path, target=target, playback=playback, binary=binary, encoding=encoding, notify=notify
    )
