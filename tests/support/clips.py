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


def captioned(path: Path, text: str) -> Path:
    """72 frames in H.264 with closed captions: a text from 0.75 to 2 s (CTA-608, pop-on)."""
    control = [(0x14, 0x20)] * 2 + [(0x14, 0x70)] * 2  # resume loading; the lowest row
    pairs = [*control, *zip(text.encode()[::2], text.encode()[1::2], strict=True)]
    pairs += [(0x14, 0x2F)] * 2  # end of caption: show it
    by_frame = dict(enumerate(pairs, start=20 - len(pairs)))
    by_frame |= dict.fromkeys((48, 49), (0x14, 0x2C))  # erase displayed memory
    raw = make_clip(
        path.with_name("captions.h264"),
        *(*GRADUAL, "-x264-params", "slices=1", "-f", "h264"),
        image="testsrc2=size=64x48:rate=24:duration=3",
    )
    result, frame = b"", 0
    for unit in raw.read_bytes().split(b"\0\0\1")[1:]:
        if unit[0] & 0x1F in (1, 5):  # a slice
            result += b"\0\0\1\x06" + _caption_message(by_frame.get(frame, (0, 0)))
            frame += 1
        result += b"\0\0\1" + unit
    raw.write_bytes(result)
    ffmpeg("-r", "24", "-f", "h264", "-i", raw, "-c", "copy", "-y", f"file:{path}")
    return path


def _caption_message(pair: tuple[int, int]) -> bytes:
    """A message with two bytes of captions (ATSC A/53 part 4, 6.2.3), for H.264."""
    with_parity = bytes(byte | 0x80 * (byte.bit_count() % 2 == 0) for byte in pair)
    data = b"\xb5\0\x31GA94\x03\x41\xff\xfc" + with_parity + b"\xff"
    message, zeros = bytearray(), 0
    for byte in (4, len(data), *data, 0x80):
        if zeros >= 2 and byte <= 3:  # emulation prevention (ITU-T H.264, 7.4.1)
            message.append(3)
            zeros = 0
        message.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(message)
