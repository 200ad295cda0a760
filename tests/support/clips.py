"""Videos made for a test, and what is in them."""

import subprocess
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from realesr.media.video.ffmpeg import find_ffmpeg

TEST_IMAGE = "testsrc2=size=64x48:rate=24:duration=1"
TONE = "sine=frequency=440:sample_rate=48000:duration=1"
GRADUAL = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p")


def ffmpeg(*arguments: str | Path) -> None:
    """Runs the ffmpeg that is tested."""
    command = [find_ffmpeg(), "-nostdin", "-v", "error", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make_clip(
    path: Path, *encoding: str | Path, image: str = TEST_IMAGE, tone: str | None = None
) -> Path:
    """A synthetic clip, by default 24 frames of 64x48 px in H.264, and sound if asked for."""
    sound = ["-f", "lavfi", "-i", tone] if tone else []
    ffmpeg("-f", "lavfi", "-i", image, *sound, *(encoding or GRADUAL), "-y", f"file:{path}")
    return path


def make_rich_clip(folder: Path, *encoding: str | Path) -> Path:
    """A video with two languages, subtitles, a font, chapters and tags."""
    (folder / "en.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    (folder / "font.ttf").write_bytes(b"not a font")
    (folder / "chapters").write_text(
        ";FFMETADATA1\ntitle=A video\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n"
    )
    make_clip(folder / "video.mkv", *(encoding or GRADUAL), "-c:a", "aac", tone=TONE)
    clip = folder / "rich.mkv"
    ffmpeg(
        *("-i", folder / "video.mkv", "-i", folder / "en.srt"),
        *("-f", "ffmetadata", "-i", folder / "chapters"),
        *("-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1:s", "-c", "copy"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default"),
        *("-metadata:s:s:0", "language=eng"),
        *("-attach", folder / "font.ttf", "-metadata:s:t", "mimetype=font/ttf"),
        *("-map_metadata", "2", "-map_chapters", "2", "-y", clip),
    )
    return clip


def times(path: Path, index: int = 0) -> list[Fraction]:
    """When each packet of a stream is presented, s, in order."""
    return sorted(packets(path)[index])


def packets(path: Path) -> dict[int, list[Fraction]]:
    """Presentation times, s, of the packets of each stream, in their order in the file."""
    found = defaultdict(list)
    with av.open(f"file:{path}") as container:
        for packet in container.demux():
            if packet.pts is not None:
                found[packet.stream.index].append(packet.pts * packet.time_base)
    return dict(found)


def payloads(path: Path, index: int) -> list[bytes]:
    """The bytes of a stream's packets."""
    with av.open(f"file:{path}") as container:
        stream = container.streams[index]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def decoded(path: Path, pixel_format: str) -> list[np.ndarray]:
    """Frames, converted by nobody: their planes as they are stored."""
    with av.open(f"file:{path}") as container:
        frames = list(container.decode(video=0))
    assert {frame.format.name for frame in frames} == {pixel_format}
    return [frame.to_ndarray() for frame in frames]


def deep_luma(path: Path) -> np.ndarray:
    """The brightness of the first frame, (H, W) uint16, as stored in more than 8 bits."""
    with av.open(f"file:{path}") as container:
        frame = next(container.decode(video=0))
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint16).reshape(plane.height, -1)
    return rows[:, : plane.width]
