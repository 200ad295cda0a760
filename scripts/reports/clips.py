"""Runs ``realesr video`` on every video of a folder and reports the results.

    python scripts/reports/clips.py table --data DIR --out docs/videos.md
    python scripts/reports/clips.py sheet --data DIR --out docs/videos.png
    python scripts/reports/clips.py speed --data inputs/bunny.mp4 --out speed.md

The table counts frames, and compares every time stamp, the streams, and the mean color of frames,
decoded by PyAV according to the tags of each file. It uses bicubic interpolation by 2, so that it
tests the pipeline and not the network. The sheet shows stills before and after the bundled network.
The speed report compares the command with its stages, run one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from realesr.imaging.upscaler import ImageUpscaler
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.media.formats import VIDEOS
from realesr.media.video.files import VideoFiles
from realesr.media.video.probe import probe
from realesr.options import FileOptions, UpscaleOptions, VideoOptions
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.units import units_of
from realesr.plan import make_plan
from realesr.progress import no_report

STILLS = (
    # Clip, and the second that is shown.
    ("made/bbb_lr_212x120_crf28.mp4", 1.0),
    ("real/nasa_13013.mp4", 9.0),
    ("real/bbb_180p_vp9.webm", 6.0),
    ("real/rotate_90.mov", 0.0),
    ("made/bbb_interlaced_480i_tff.ts", 2.0),
    ("made/bbb_hevc10_pq_tags.mp4", 1.0),
)
MATRICES = {1: "itu709", 5: "itu601", 6: "itu601"}
CELL = 300
SPEED_ROUNDS = 3
COLOR_FRAMES = 8
"""Number of frames per clip whose color is compared; they are spread over its length."""
TABLE_ARGUMENTS = ("-n", "bicubic", "-s", "2")

HEADER = """# Videos through the command

What `realesr video {arguments}` makes of every clip of a collection of real and synthesized ones,
by `python scripts/reports/clips.py table`. Times are those of all packets; a tick is that of the
coarser of both containers. Color is the largest difference of the mean of a frame, of {count}
frames a clip, in levels of 8 bits; files that do not tell their matrix are decoded as players do.
Not compared are transparent ones, since invisible colors are replaced, those of 4:4:0, which PyAV's
default conversion gets wrong, and the times of clocks that jump. VC-1 without presentation times
is read by PyAV and ffmpeg with one frame between them.

| Clip | Frames in, out | Largest difference of times | Streams in, out | Color | Notes |
|---|---|---|---|---|---|
"""


def run(clip: Path, folder: Path, *arguments: str) -> dict[str, object]:
    """Upscales a clip; returns the last line of JSON."""
    command = [sys.executable, "-m", "realesr", "video", "-i", str(clip), "-o", str(folder)]
    done = subprocess.run(
        [*command, "--json", *arguments], capture_output=True, text=True, check=False
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def times(path: Path, index: int) -> tuple[list[Fraction], Fraction]:
    """Returns the time stamps of all frames, s, and the time base of the stream."""
    with av.open(f"file:{path}") as container:
        stream = container.streams[index]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        return sorted(packet.pts * packet.time_base for packet in packets), stream.time_base


def means(path: Path, index: int) -> dict[Fraction, np.ndarray]:
    """Returns the mean color of each frame, (3,) in levels of 8 bits, by its time stamp."""
    found = {}
    info = probe(path)
    matrix, origin = MATRICES.get(info.color.matrix), info.origin
    with av.open(f"file:{path}") as container:
        stream = container.streams[index]
        stream.thread_type = "AUTO"
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                rgb = frame.reformat(format="rgb48le", src_colorspace=matrix).to_ndarray()
                found[frame.pts * frame.time_base - origin] = rgb.mean(axis=(0, 1)) / 257
    return found


def difference(a: dict[Fraction, np.ndarray], b: dict[Fraction, np.ndarray]) -> float:
    """Returns the largest color difference of frames with the same time stamp."""
    chosen = sorted(a)[:: max(1, len(a) // COLOR_FRAMES)]
    pairs = [(a[time], b[min(b, key=lambda other: abs(other - time))]) for time in chosen]
    return float(max(np.abs(x - y).max() for x, y in pairs))


def row(clip: Path, folder: Path) -> str:
    """Returns a row of the table."""
    preset = "8" if clip.suffix == ".webm" else "veryfast"
    result = run(clip, folder, *TABLE_ARGUMENTS, "--preset", preset)
    if result["error"]:
        return f"| {clip.name} | | | | | {result['error']} |\n"
    output = Path(str(result["output"]))
    before, after = probe(clip), probe(output)
    (a, tick_a), (b, tick_b) = times(clip, before.index), times(output, 0)
    a = [time - before.origin for time in a]
    kept = [min(a, key=lambda other: abs(other - time)) for time in b]
    late = max(abs(x - y) for x, y in zip(kept, b, strict=True)) / max(tick_a, tick_b)
    ticks = "-" if before.scan.jumps else f"{float(late):.2f} ticks"
    color = "-"
    is_compared = before.pixel_format.chroma != (1, 2) and not before.scan.jumps
    if is_compared and not before.pixel_format.has_alpha:
        color = f"{difference(means(clip, before.index), means(output, 0)):.2f}"
    streams = f"{len(before.streams)}, {sum(s.kind != 'data' for s in after.streams)}"
    notes = [notice["message"] for notice in result["notices"]]  # type: ignore[attr-defined]
    notes.append(f"{after.pixel_format.name}, {after.stream.codec}")
    if result["duplicate_frames"]:
        notes.append(f"{result['duplicate_frames']} like the frame before")
    return (
        f"| {clip.name} | {len(a)}, {len(b)} | {ticks} | {streams} | "
        f"{color} | {'; '.join(notes)} |\n"
    )


def table(data: list[Path], out: Path) -> None:
    """Writes the table of all clips of some folders."""
    lines = [HEADER.format(arguments=" ".join(TABLE_ARGUMENTS), count=COLOR_FRAMES)]
    clips = [clip for folder in data for clip in sorted(folder.rglob("*"))]
    with tempfile.TemporaryDirectory() as results:
        for clip in clips:
            if clip.is_file() and VIDEOS.matches(clip):
                lines.append(row(clip, Path(results)))
                print(lines[-1], end="")
    out.write_text("".join(lines))


def still(path: Path, second: float) -> Image.Image:
    """Returns the frame that is shown at a time, after rotation."""
    info = probe(path)
    with av.open(f"file:{path}") as container:
        for frame in container.decode(container.streams[info.index]):
            if frame.pts * frame.time_base - info.start >= Fraction(second):
                break
    image = frame.to_image()
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def sheet(data: list[Path], out: Path) -> None:
    """Draws stills of clips, upscaled by a player's filter and by the network."""
    page = Image.new("RGB", (2 * CELL, len(STILLS) * CELL), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    with tempfile.TemporaryDirectory() as folder:
        for line, (name, second) in enumerate(STILLS):
            clip = data[0] / name
            result = run(clip, Path(folder), "--start", str(second), "--frames", "1", "--crf", "4")
            after = still(Path(str(result["output"])), 0)
            before = still(clip, second).resize(after.size, Image.Resampling.BILINEAR)
            left, top = ((side - CELL) // 2 for side in after.size)
            for column, image in enumerate((before, after)):
                part = image.crop((left, top, left + CELL, top + CELL))
                page.paste(part, (column * CELL, line * CELL))
            draw.text(
                (6, line * CELL + 4), clip.name, "white", font, stroke_width=2, stroke_fill="black"
            )
    page.save(out, optimize=True)


def cpu_s() -> float:
    """Returns the CPU time of this process and of its finished children, s."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def in_turn(
    clip: Path, output: Path, upscaler: ImageUpscaler, medium: VideoFiles
) -> dict[str, float]:
    """Decodes, upscales and encodes one after the other; returns times and CPU times, s."""
    marks, cpu_before = [time.perf_counter()], cpu_s()
    with medium.source(clip, print) as source:
        frames = list(source)
        marks.append(time.perf_counter())
        size = frames[0].image.size.scaled(upscaler.scale)
        with medium.sink(output, VIDEOS.format_of(output), source, print) as sink:
            frames = [sink.prepare(frame, size) for frame in frames]
            upscaled = [upscaler.upscale_to([frame.image], size)[0] for frame in frames]
            marks.append(time.perf_counter())
            for frame, image in zip(frames, upscaled, strict=True):
                sink.write(replace(frame, image=image))
    marks.append(time.perf_counter())
    stages = (after - before for before, after in pairwise(marks))
    took = dict(zip(("decoding", "network", "encoding"), stages, strict=True))
    return {**took, "in turn": marks[-1] - marks[0], "CPU": cpu_s() - cpu_before}


def overlapped(
    clip: Path, output: Path, upscaler: ImageUpscaler, medium: VideoFiles
) -> dict[str, float]:
    """Runs the stages overlapped, as the command does; returns the time, s."""
    plan = make_plan(FileOptions(inputs=(clip,), output=output), VIDEOS)
    started = time.perf_counter()
    units = tuple(units_of(plan, UpscaleOptions(), medium))
    report = LocalExecutor(lambda options: upscaler).run(units, of_jobs(no_report))
    if report.failed:
        raise SystemExit(f"{clip} failed")
    return {"overlapped": time.perf_counter() - started}


def speed(clip: Path, out: Path, model: Path | None) -> None:
    """Writes the time of each stage alone, and compares the command with a perfect overlap."""
    options = UpscaleOptions(model_path=model)
    upscaler = make_upscaler(options, ensure_files(options))
    medium = VideoFiles.from_options(VideoOptions())
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(SPEED_ROUNDS):
            for way in (in_turn, overlapped):
                for name, took in way(clip, Path(folder) / "out.mp4", upscaler, medium).items():
                    seconds[name].append(took)
    medians = {name: float(np.median(each)) for name, each in seconds.items()}
    longest = max(medians[name] for name in ("decoding", "network", "encoding"))
    bound = max(longest, medians["CPU"] / (os.cpu_count() or 1))
    lines = [
        f"| {name} | {medians[name]:.2f} s | {min(each):.2f} to {max(each):.2f} s |\n"
        for name, each in seconds.items()
    ]
    out.write_text(
        f"{clip.name}, {os.cpu_count()} cores; the longest stage, or CPU seconds a core: "
        f"{bound:.2f} s; overlapped: {medians['overlapped'] / bound:.2f} times that\n\n"
        "| What | Median | Spread |\n|---|---|---|\n" + "".join(lines)
    )
    print(out.read_text())


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("table", "sheet", "speed"))
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model-path", type=Path, help="for the speed, instead of the shipped one")
    args = parser.parse_args()
    if args.what == "speed":
        speed(args.data[0], args.out, args.model_path)
    else:
        {"table": table, "sheet": sheet}[args.what](args.data, args.out)


if __name__ == "__main__":
    main()
