"""Kills runs of every kind at many moments, and looks at what the next run leaves behind.

python scripts/reports/leftovers.py FOLDER_OF_PICTURES CLIP --kills 25

Each kind of work is done once without a kill. Then its command is killed at moments spread over
that time, always with the same outputs, and at last it is run to its end. Prints a line for each
kind. The exit code is 1 if an output differs, if any other file is left beside the outputs or in
the folder for temporary files, or if a process survives.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

KINDS: dict[str, Sequence[str]] = {
    "images to PNG": ("image", "--ext", "png"),
    "images to AVIF": ("image", "--ext", "avif"),
    "images to JPEG, two processes": ("image", "--ext", "jpg", "--workers", "2"),
    "a video in one pass": ("video", ".mp4"),
    "a video to GIF": ("video", ".gif"),
    "a video in pieces": ("video", ".mp4", "--piece-frames", "16"),
}
"""Command, format of the outputs, and options, by kind of work."""
PACE_S = 20.0
"""Time in which every child of a killed process must have ended, s."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--kills", type=int, default=25, help="of each kind")
    args = parser.parse_args()
    is_bad = False
    for name, words in KINDS.items():
        with tempfile.TemporaryDirectory(prefix="leftovers-") as folder:
            found = examine(words, args, Path(folder))
        print(f"{name}: {args.kills} kills, {found or 'nothing is left'}", flush=True)
        is_bad = is_bad or bool(found)
    return int(is_bad)


def examine(words: Sequence[str], args: argparse.Namespace, folder: Path) -> str:
    """Kills one kind of work; returns what is wrong at the end, or nothing."""
    outputs = {name: folder / name for name in ("whole", "killed")}
    temporary = folder / "tmp"
    for path in (temporary, *outputs.values()):
        path.mkdir()
    os.environ["TMPDIR"] = str(temporary)
    started = time.monotonic()
    subprocess.run(command(words, args, outputs["whole"]), check=True)
    seconds = time.monotonic() - started
    strays = 0
    for number in range(1, args.kills + 1):
        process = psutil.Popen(command(words, args, outputs["killed"]))
        try:
            process.wait(seconds * number / (args.kills + 1))
        except psutil.TimeoutExpired:
            children = process.children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
            strays += len(psutil.wait_procs(children, timeout=PACE_S)[1])
    done = subprocess.run(command(words, args, outputs["killed"]), check=False)
    expected, found = (contents(path) for path in outputs.values())
    others = sorted(found.keys() - expected.keys()) + sorted(contents(temporary))
    different = [name for name in expected if found.get(name) != expected[name]]
    troubles = {
        f"exit code {done.returncode}": done.returncode,
        f"{strays} stray processes": strays,
        f"different: {', '.join(different)}": different,
        f"left over: {', '.join(others)}": others,
    }
    return "; ".join(text for text, is_there in troubles.items() if is_there)


def command(words: Sequence[str], args: argparse.Namespace, output: Path) -> list[str]:
    """Returns the arguments of a run."""
    kind, form, *options = words
    if kind == "image":
        place = ["-i", str(args.pictures), form, options[0], *options[1:], "-o", str(output)]
    else:
        place = ["-i", str(args.clip), *options, "-o", str(output / f"out{form}")]
    return [sys.executable, "-m", "realesr", kind, *place, "-n", "bicubic", "-s", "2", "-q"]


def contents(folder: Path) -> dict[str, str]:
    """Returns the hash of every file in a folder, hidden ones too, by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main())
