"""Runs ``realesr video`` on a long synthetic clip, and records its memory and open files.

python scripts/reports/soak.py --frames 10000 -- --piece-frames 1000 -n nearest -s 2

Prints a table with a line for every tenth of the run: frames, resident memory and open files of
the process and all of its children.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import av
import psutil

from realesr.media.video.ffmpeg import find_ffmpeg

CLIP = "testsrc2=size=160x120:rate=30,noise=alls=10:allf=t"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=10)
    own, _, rest = " ".join(sys.argv[1:]).partition(" -- ")
    args, arguments = parser.parse_args(shlex.split(own)), shlex.split(rest)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        clip, output = Path(folder) / "in.mkv", Path(folder) / "out.mkv"
        make_clip(clip, args.frames)
        code = soak([str(clip), "-o", str(output), *arguments], args.frames, args.lines)
        if code == 0:
            with av.open(str(output)) as container:
                count = sum(1 for packet in container.demux(video=0) if packet.size)
            print(f"{count} frames in the output; left over: {left(Path(folder))}")
            code = int(count != args.frames)
    return code


def make_clip(path: Path, frames: int) -> None:
    """Makes a clip in which no frame is like another."""
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", CLIP, "-frames:v", str(frames)]
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "60"]
    subprocess.run([*command, *encoding, str(path)], check=True)


def soak(arguments: list[str], frames: int, lines: int) -> int:
    """Runs the command and prints the table; returns the exit code."""
    command = [sys.executable, "-m", "realesr", "video", "--json", *arguments]
    process = psutil.Popen(command, stdout=subprocess.PIPE, text=True)
    done = [0]
    listener = threading.Thread(target=listen, args=(process.stdout, done), daemon=True)
    listener.start()
    print("| Seconds | Frames | Memory, MiB | of these children, MiB | Open files | Processes |")
    print("|---|---|---|---|---|---|")
    started, following = time.monotonic(), 0
    while process.poll() is None:
        if done[0] >= following:
            print(line_of(process, done[0], time.monotonic() - started), flush=True)
            following = (done[0] * lines // frames + 1) * frames // lines
        time.sleep(0.2)
    listener.join()
    return int(process.returncode)


def listen(stream: object, done: list[int]) -> None:
    """Reads the numbers of finished frames."""
    for line in stream:  # type: ignore[attr-defined]
        done[0] = json.loads(line).get("frames", done[0])


def line_of(process: psutil.Process, frames: int, seconds: float) -> str:
    """Returns a line of the table."""
    memory, files = [], 0
    children = process.children(recursive=True)
    for each in (process, *children):
        try:
            memory.append(each.memory_info().rss / 2**20)
            files += each.num_fds()
        except psutil.NoSuchProcess:
            continue
    return (
        f"| {seconds:.0f} | {frames} | {sum(memory):.0f} | {sum(memory[1:]):.0f} | {files} | "
        f"{1 + len(children)} |"
    )


def left(folder: Path) -> str:
    """Names what lies in the folder besides input and output."""
    names = {path.name for path in folder.iterdir()} - {"in.mkv", "out.mkv"}
    return ", ".join(sorted(names)) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
