"""Kills runs of ``realesr video`` at many moments, lets the same command go on, and compares.

python scripts/reports/kills.py CLIP --kills 30 -- --piece-frames 24 --codec ffv1 -n nearest
python scripts/reports/kills.py CLIP --kills 10 --one-run -- ...

Prints a line for every kill: the moment, what was there, and whether frames and times of the result
equal those of a run that was never killed. The exit code is 1 if one differs.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import psutil

PACE_S = 5.0
"""Time in which every child of a killed process must have ended, s."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--one-run", action="store_true", help="kill one run again and again")
    parser.add_argument("--suffix", default=".mkv")
    own, _, rest = " ".join(sys.argv[1:]).partition(" -- ")
    args, arguments = parser.parse_args(shlex.split(own)), shlex.split(rest)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        return compare(args, arguments, Path(folder))


def compare(args: argparse.Namespace, arguments: list[str], folder: Path) -> int:
    whole, output = (folder / f"{name}{args.suffix}" for name in ("whole", "out"))
    command = [sys.executable, "-m", "realesr", "video", str(args.clip), *arguments, "-q", "-o"]
    started = time.monotonic()
    subprocess.run([*command, str(whole)], check=True)
    seconds = time.monotonic() - started
    expected = content_of(whole)
    print(f"never killed: {len(expected)} frames, {seconds:.1f} s, {digest(expected)}")
    failures = 0
    if args.one_run:
        for number in range(1, args.kills + 1):
            killed = run_and_kill([*command, str(output)], seconds / args.kills, output)
            print(f"{number:3} {killed}", flush=True)
        failures += finish(command, output, expected, folder)
        return int(failures > 0)
    for number in range(1, args.kills + 1):
        moment = seconds * number / (args.kills + 1)
        killed = run_and_kill([*command, str(output)], moment, output)
        print(f"{number:3} {killed}; ", end="", flush=True)
        failures += finish(command, output, expected, folder)
        output.unlink()
    print(f"{args.kills} kills, {failures} differences")
    return int(failures > 0)


def run_and_kill(command: list[str], moment: float, output: Path) -> str:
    """Kills a run after a time, and returns what it has left."""
    process = psutil.Popen(command)
    try:
        process.wait(moment)
        return f"ended before {moment:.2f} s"
    except psutil.TimeoutExpired:
        pass
    children = process.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=PACE_S)
    work = output.with_name(f".{output.name}.realesr")
    pieces = len(list(work.glob("0*"))) if work.exists() else 0
    stray = f", {len(alive)} STRAY PROCESSES" if alive else ""
    return f"killed after {moment:.2f} s: {pieces} pieces{stray}"


def finish(
    command: list[str], output: Path, expected: list[tuple[object, str]], folder: Path
) -> bool:
    """Lets a run go on to its end; returns whether the result differs, or something is left."""
    started = time.monotonic()
    done = subprocess.run([*command, str(output)], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        print(f"FAILED: {done.stderr.strip()}")
        return True
    found = content_of(output)
    left = {path.name for path in folder.iterdir()} - {output.name, f"whole{output.suffix}"}
    word = "equal" if found == expected else "DIFFERENT"
    rest = ", ".join(sorted(left)) or "nothing"
    print(f"went on for {seconds:.1f} s: {word}, {digest(found)}; left over: {rest}")
    return found != expected or bool(left)


def content_of(path: Path) -> list[tuple[object, str]]:
    """Returns time and hash of every decoded frame."""
    with av.open(str(path)) as container:
        return [
            (frame.pts * frame.time_base, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest())
            for frame in container.decode(video=0)
        ]


def digest(content: list[tuple[object, str]]) -> str:
    """Returns a short hash of all frames and times."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
