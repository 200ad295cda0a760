"""Videos against their original: frame by frame, and from frame to frame."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from realesr.errors import InvalidOptionError
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.files import VideoFiles
from realesr.metrics.flicker import flicker
from realesr.metrics.psnr import psnr
from realesr.metrics.ssim import ssim
from realesr.metrics.vmaf import has_vmaf, vmaf
from realesr.metrics.warping import warping_error
from realesr.options import DEFAULT_VIDEO
from realesr.outputs import whole_file
from realesr.progress import Notice, Notify, no_notice

REPORT = "clips.md"
COLUMNS = {"psnr": 2, "ssim": 4, "warping": 6, "flicker": 3, "vmaf": 2}
"""Metrics of a clip, with the digits that are shown."""

_Measure = Callable[[Iterator[Any], Iterator[Any]], float]


def measure_clip(clip: Path, original: Path, *, crop: int, notify: Notify) -> dict[str, float]:
    """Measures a video against its original.

    Args:
        clip: The video that is judged.
        original: The original, of the same size and number of frames.
        crop: Border that PSNR and SSIM leave out, px.
        notify: Receives a notice for each metric that is not defined.

    Returns:
        Values of :data:`COLUMNS`: means of PSNR and SSIM (luma) over frames, warping error (mean
        squared, of values in [0, 1]), flicker (8-bit levels), and VMAF (0 to 100).

    Raises:
        MediaError: A video cannot be read.
        InvalidOptionError: Sizes or numbers of frames differ.
    """

    def mean(measure: Callable[..., float]) -> _Measure:
        def over_frames(frames: Iterator[Any], references: Iterator[Any]) -> float:
            pairs = zip(frames, references, strict=True)
            found = [measure(a, b, crop=crop) for a, b in pairs]
            return math.fsum(found) / len(found)

        return over_frames

    _check_frames(clip, original)
    values: dict[str, float] = {}
    measures: dict[str, _Measure] = {
        "psnr": mean(psnr),
        "ssim": mean(ssim),
        "warping": warping_error,
        "flicker": flicker,
    }
    for name, measure in measures.items():
        try:
            values[name] = measure(_pixels(clip), _pixels(original))
        except ValueError as error:
            notify(Notice("metric-left-out", f"{name} is not defined for {clip}: {error}"))
    ffmpeg = find_ffmpeg()
    if has_vmaf(ffmpeg):
        values["vmaf"] = vmaf(clip, original, ffmpeg=ffmpeg)
    else:
        notify(Notice("metric-left-out", f"vmaf: {ffmpeg} was built without libvmaf"))
    return values


def _pixels(path: Path) -> Iterator[Any]:
    """Yields the frames of a video, (H, W, 3) RGB."""
    with VideoFiles.from_options(DEFAULT_VIDEO).source(path, no_notice) as source:
        for frame in source:
            yield frame.image.pixels


def _check_frames(clip: Path, original: Path) -> None:
    counts, sizes = [], []
    for path in (clip, original):
        count, shape, dtype = 0, None, None
        for pixels in _pixels(path):
            count, shape, dtype = count + 1, pixels.shape, pixels.dtype
        counts.append(count)
        sizes.append((shape, dtype))
    if counts[0] != counts[1] or sizes[0] != sizes[1]:
        raise InvalidOptionError(
            f"`clips` {clip}: {counts[0]} frames {sizes[0]}, and `original` {original} has "
            f"{counts[1]} {sizes[1]}: they must be alike"
        )


def write_clip_report(found: Sequence[tuple[Path, dict[str, float]]], output: Path) -> str:
    """Writes ``clips.md`` and ``clips.json``; returns the Markdown.

    Raises:
        UnwritableMediaError: A file cannot be written.
    """
    rows = [f"| Clip | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    for path, values in found:
        cells = [
            f"{values[name]:.{digits}f}" if name in values else "-"
            for name, digits in COLUMNS.items()
        ]
        rows.append(f"| {path.name} | {' | '.join(cells)} |")
    text = "\n".join(rows) + "\n"
    table = [{"clip": str(path), **values} for path, values in found]
    for name, content in ((REPORT, text), ("clips.json", json.dumps(table, indent=1))):
        with whole_file(output / name) as file:
            file.write(content.encode(errors="backslashreplace"))
    return text
