"""Feeds damaged files to the readers of pictures, clips, animations or models, and counts.

python scripts/reports/fuzz.py pictures FOLDER_OF_SAMPLES --count 4000
python scripts/reports/fuzz.py models FOLDER_OF_SAMPLES --count 5000 --keep /tmp/found

Input number n of a kind is the same in every run with the same samples: its seed is ``KIND/n``. A
process reads one input after the other; a signal or a limit of time ends it, is counted, and the
next process goes on behind. Prints what became of the inputs, the most memory and the longest
time. The exit code is 1 if there was a signal, an error that is not one of realesr's, or a limit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

LIMIT_S = 120
"""Time that one input may take, s."""
ADDRESS_SPACE = 16 << 30
FRAMES = 5
"""Frames of a clip that are read."""
WHOLE = 8
"""One of so many clips is upscaled whole, into a file."""
_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kind", choices=sorted(READERS))
    parser.add_argument("samples", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write inputs with findings into this folder")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args)
        return 0
    return run(args)


def run(args: argparse.Namespace) -> int:
    """Starts workers until all inputs have been read, and reports."""
    results: dict[int, dict[str, object]] = {}
    at, last = args.first, args.first + args.count
    started = time.monotonic()
    while at < last:
        command = [sys.executable, __file__, args.kind, str(args.samples), "--worker"]
        numbers = ["--first", str(at), "--count", str(last - at)]
        with subprocess.Popen([*command, *numbers], stdout=subprocess.PIPE, text=True) as worker:
            for line in worker.stdout or ():
                result = json.loads(line)
                results[result["number"]] = result
                at = result["number"] + 1
                tell(args, result)
        if at < last:
            code = worker.returncode
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            results[at] = {"number": at, "outcome": name, "is_bad": True}
            tell(args, results[at])
            at += 1
    return report(list(results.values()), time.monotonic() - started)


def tell(args: argparse.Namespace, result: dict[str, object]) -> None:
    """Prints a finding, and keeps its input."""
    if not result.get("is_bad"):
        return
    number = int(str(result["number"]))
    name, data = mutated(args.kind, samples(args.samples), number)
    print(f"{args.kind}/{number} {name}: {result}", flush=True)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
        (args.keep / f"{number}-{name}").write_bytes(data)


def report(results: list[dict[str, object]], seconds: float) -> int:
    counts = Counter(str(each["outcome"]) for each in results)
    print(f"{len(results)} inputs, {seconds:.0f} s")
    for outcome, count in counts.most_common():
        print(f"{count:6} {outcome}")
    for name, unit in (("mib", "MiB"), ("cpu_s", "s of the processor"), ("wall_s", "s")):
        worst = sorted(results, key=lambda each: -float(str(each.get(name, 0))))[:3]
        print(f"most {unit}:", ", ".join(f"{each.get(name)} ({each['number']})" for each in worst))
    return int(any(each.get("is_bad") for each in results))


def work(args: argparse.Namespace) -> None:
    """Reads inputs, and prints a line of JSON for each."""
    from realesr.errors import RealesrError

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lines, sys.stdout = sys.stdout, sys.stderr
    read, files = READERS[args.kind], samples(args.samples)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        folder = Path(temporary)
        os.environ["XDG_CACHE_HOME"] = temporary
        for number in range(args.first, args.first + args.count):
            name, data = mutated(args.kind, files, number)
            path = folder / f"input{Path(name).suffix}"
            path.write_bytes(data)
            Path("/proc/self/clear_refs").write_text("5")  # the peak of the memory begins anew
            signal.alarm(LIMIT_S)
            cpu, wall, is_bad = time.process_time(), time.monotonic(), False
            try:
                read(path, number)
                outcome = "read"
            except RealesrError as error:
                outcome = type(error).__name__
                # What shows only when a network computes, names the network.
                is_bad = path.name not in str(error) and "the network" not in str(error)
                outcome += f" without a name: {error}" if is_bad else ""
            except Exception as error:
                outcome, is_bad = f"{type(error).__name__}: {error} {place(error)}", True
            signal.alarm(0)
            figures = {"cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - wall}
            line = {name: round(value, 2) for name, value in figures.items()} | {"mib": peak_mib()}
            print(
                json.dumps({"number": number, "outcome": outcome, "is_bad": is_bad, **line}),
                file=lines,
                flush=True,
            )
            path.unlink(missing_ok=True)


def place(error: BaseException) -> str:
    trace = error.__traceback__
    names = []
    while trace is not None:
        names.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(names[-4:])


def peak_mib() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def read_picture(path: Path, number: int) -> None:
    from realesr.media.images.decode import read_image

    read_image(path)


def read_animation(path: Path, number: int) -> None:
    from realesr.media.animations.source import AnimationSource

    with AnimationSource(path) as source:
        for _ in islice(source, FRAMES):
            pass


def read_clip(path: Path, number: int) -> None:
    from realesr import Upscaler, upscale_video
    from realesr.media.video.ffmpeg import find_ffmpeg
    from realesr.media.video.source import VideoSource

    if number % WHOLE == 0:
        output = path.with_name("output.mkv")
        upscale_video(path, output, upscaler=Upscaler.from_name("nearest"))
        return
    with VideoSource(path, binary=find_ffmpeg()) as source:
        for _ in islice(source, FRAMES):
            pass


def read_model(path: Path, number: int) -> None:
    import numpy as np

    from realesr import Upscaler

    Upscaler.from_file(path, threads=1)(np.zeros((8, 8, 3), np.uint8))


READERS: dict[str, Callable[[Path, int], None]] = {
    "animations": read_animation,
    "clips": read_clip,
    "models": read_model,
    "pictures": read_picture,
}


def samples(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def mutated(kind: str, files: list[Path], number: int) -> tuple[str, bytes]:
    """Returns name and content of an input."""
    chance = random.Random(f"{kind}/{number}")  # noqa: S311
    path = files[number % len(files)]
    data = path.read_bytes()
    if zipfile.is_zipfile(io.BytesIO(data)) and chance.random() < 0.7:
        return path.name, mutated_zip(data, chance)
    if path.suffix.lower() == ".safetensors" and chance.random() < 0.6:
        length = struct.unpack("<Q", data[:8])[0]
        header = mutate(data[8 : 8 + length], chance)
        return path.name, struct.pack("<Q", len(header)) + header + data[8 + length :]
    data = mutate(data, chance)
    if data.startswith(b"\x89PNG") and chance.random() < 0.6:
        data = b"".join(with_checksums(data))
    return path.name, data


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Changes some places of a file, or cuts it, by chance."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        # Half of the changes hit the first bytes, where headers are.
        end = len(changed) if chance.random() < 0.5 else min(len(changed), 512)
        at = chance.randrange(end)
        match chance.randrange(8):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at] = chance.randrange(256)
            case 2:
                changed[at : at + 2] = struct.pack(">I", chance.choice(_EXTREMES))[2:]
            case 3:
                order = chance.choice("<>")
                changed[at : at + 4] = struct.pack(f"{order}I", chance.choice(_EXTREMES))
            case 4:
                del changed[at : at + chance.choice((1, 2, 4, 16, 256))]
            case 5:
                length = chance.choice((1, 4, 16, 256))
                changed[at:at] = changed[at : at + length]
            case 6:
                source = chance.randrange(len(changed))
                length = chance.choice((4, 16, 64))
                changed[at : at + length] = changed[source : source + length]
            case _ if chance.random() < 0.3:
                del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


def mutated_zip(data: bytes, chance: random.Random) -> bytes:
    """Changes one member of an archive, and makes the archive anew, so that checksums are right."""
    result = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(result, "w") as after:
            members = before.infolist()
            pickles = [each for each in members if each.filename.endswith(".pkl")] or members
            chosen = chance.choice(pickles if chance.random() < 0.8 else members)
            for each in members:
                content = before.read(each)
                after.writestr(each, mutate(content, chance) if each is chosen else content)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error):
        return mutate(data, chance)
    return result.getvalue()


def with_checksums(data: bytes) -> Iterator[bytes]:
    """Yields a PNG with the right checksums, as far as its chunks go."""
    yield data[:8]
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        yield data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    yield data[at:]


if __name__ == "__main__":
    sys.exit(main())
