"""Makes training sets of clean pictures. The same call goes on where a run was interrupted."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realesr.errors import (
    InvalidOptionError,
    MediaError,
    UnwritableMediaError,
)
from realesr.imaging.image import Image
from realesr.media.images.encode import encode_image
from realesr.media.images.index import Entry, read_entry
from realesr.media.images.manifest import license_of
from realesr.options import MAX_THREADS
from realesr.outputs import whole_file
from realesr.preparation.hashing import difference_hash, near_pairs
from realesr.preparation.journal import File, Journal
from realesr.preparation.options import PrepareOptions
from realesr.preparation.sources import MANIFEST, Picture, collect
from realesr.preparation.split import joined_scenes, split_of
from realesr.preparation.variants import (
    Levels,
    cropped_to_multiple,
    low_resolution,
    smaller_copies,
    sub_images,
)
from realesr.progress import Notice, Notify, Progress

COLUMNS = ("file", "split", "width", "height", "origin", "scene", "licence", "source_repo", "path")
"""Columns of the manifest; those after ``scene`` come from the source's manifest."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run has made.

    Attributes:
        pictures: Number of pictures of the sources.
        left_out: Number of pictures that were left out, or could not be read.
        failed: Number of files that could not be read, also of those to exclude.
        files: Number of files of each split, without low-resolution partners.
    """

    pictures: int
    left_out: int
    failed: int
    files: dict[str, int]


def prepare(
    options: PrepareOptions,
    *,
    notify: Notify,
    on_failure: Callable[[MediaError], None],
    on_progress: Callable[[str], Progress],
    threads: int | None = None,
) -> Summary:
    """Makes ``OUTPUT/SPLIT/HR``, ``OUTPUT/SPLIT/LRx4`` and ``OUTPUT/manifest.csv``.

    The result depends on sources and options alone, not on the number of threads or on
    interruptions.

    Args:
        options: Sources and what to make of them.
        notify: Receives a notice for each picture that is left out.
        on_failure: Receives what is wrong with each file that cannot be read.
        on_progress: Opens a progress display for a named part of the work.
        threads: Number of threads; None for one per core.

    Raises:
        InvalidOptionError: The output was made with other options, names clash, or the number of
            threads is outside its range.
        MediaError: A source cannot be read, or the output cannot be written.
    """
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise InvalidOptionError(f"`threads` {threads}: must be between 1 and {MAX_THREADS}")
    failed = 0

    def fail(error: MediaError) -> None:
        nonlocal failed
        failed += 1
        on_failure(error)

    pictures = collect(options.sources, fail)
    excluded = collect(options.exclude, fail) if options.exclude else []
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool, Journal(options) as journal:
        known = _hashes(excluded, journal, pool, on_progress("looking at what to exclude"), fail)
        hashes = _hashes(pictures, journal, pool, on_progress("looking"), fail)
        kept = _without_copies(pictures, hashes, list(known.values()), options, notify)

        def make(item: tuple[Picture, str]) -> list[File] | MediaError:
            try:
                return list(_make(item[0], item[1], options))
            except UnwritableMediaError:
                raise
            except MediaError as error:
                return error

        found = journal.made(kept)
        todo = [item for item in kept if item[0].name not in found]
        report = on_progress("writing")
        for done, (item, files) in enumerate(
            zip(todo, pool.map(make, todo), strict=True), len(found) + 1
        ):
            if isinstance(files, MediaError):
                fail(files)
            else:
                found[item[0].name] = files
                journal.add(item[0], made=files, split=item[1])
            report(done, len(kept))
    rows = [
        _row(picture, split, file)
        for picture, split in kept
        for file in found.get(picture.name, ())
    ]
    _write_manifest(options.output / MANIFEST, rows)
    count = Counter(row["split"] for row in rows)
    left_out = len(pictures) - len(found)
    return Summary(len(pictures), left_out, failed, dict(sorted(count.items())))


def _hashes(
    pictures: Sequence[Picture],
    journal: Journal,
    pool: ThreadPoolExecutor,
    report: Progress,
    fail: Callable[[MediaError], None],
) -> dict[str, bytes]:
    """Returns the hash of each picture that can be decoded, by name."""
    hashes = {p.name: known for p in pictures if (known := journal.hash_of(p)) is not None}
    todo = [picture for picture in pictures if picture.name not in hashes]

    def look(picture: Picture) -> bytes | MediaError:
        try:
            return difference_hash(read_entry(picture.entry))
        except MediaError as error:
            return error

    for done, (picture, found) in enumerate(
        zip(todo, pool.map(look, todo), strict=True), len(hashes) + 1
    ):
        if isinstance(found, bytes):
            hashes[picture.name] = found
            journal.add(picture, hash=found.hex())
        else:
            fail(found)
        report(done, len(pictures))
    return hashes


def _without_copies(
    pictures: Sequence[Picture],
    hashes: dict[str, bytes],
    excluded: Sequence[bytes],
    options: PrepareOptions,
    notify: Notify,
) -> list[tuple[Picture, str]]:
    """Returns the pictures that stay, with their splits.

    Of copies, the largest stays, or the first in order of names.
    """
    readable = [picture for picture in pictures if picture.name in hashes]
    found = [hashes[picture.name] for picture in readable]
    pairs: list[tuple[int, int]] = []
    reasons: dict[int, str] = {}
    count = len(readable)
    for first, second in near_pairs([*found, *excluded], options.distance):
        if second < count:
            pairs.append((first, second))
        elif first < count:
            reasons[first] = "resembles a picture to exclude"
    scenes = joined_scenes([picture.scene for picture in readable], pairs)
    for pair in () if options.keep_copies else pairs:
        better, worse = sorted(pair, key=lambda index: (-_area(readable[index].entry), index))
        if better not in reasons:
            reasons.setdefault(worse, f"a copy of {readable[better].origin}")
    kept = []
    for index, picture in enumerate(readable):
        side = min(picture.entry.width, picture.entry.height)
        if side < options.min_side:
            reasons.setdefault(index, f"{side} px, less than `min_side` {options.min_side}")
        if side < options.multiple:
            reasons.setdefault(
                index,
                f"{side} px, less than {options.multiple}, of which all `scales` are divisors",
            )
        if index in reasons:
            notify(Notice("picture-left-out", f"{picture.origin}: {reasons[index]}"))
        else:
            kept.append((picture, split_of(scenes[index], options.split, options.seed)))
    return kept


def _area(entry: Entry) -> int:
    return entry.width * entry.height


def _make(picture: Picture, split: str, options: PrepareOptions) -> Iterator[File]:
    """Writes all files of a picture; yields those of high resolution."""
    pixels = read_entry(picture.entry)
    versions = [(picture.name, pixels)]
    if options.is_multiscale:
        versions += [(picture.name + mark, copy) for mark, copy in smaller_copies(pixels)]
    for name, version in versions:
        parts: list[tuple[str, Levels]] = [(name, version)]
        if options.sub_images is not None:
            squares = sub_images(version, options.sub_images, options.step, options.threshold)
            parts = [(f"{name}_{mark}", square) for mark, square in squares]
        for part_name, part in parts:
            hr = cropped_to_multiple(part, options.multiple)
            if not hr.size:
                continue
            sizes = {}
            for scale in options.scales:
                partner = f"{split}/LRx{scale}/{part_name}.png"
                sizes[partner] = _write(options.output / partner, low_resolution(hr, scale))
            file = f"{split}/HR/{part_name}.png"
            sizes[file] = _write(options.output / file, hr)
            yield {"file": file, "width": hr.shape[1], "height": hr.shape[0], "sizes": sizes}


def _write(path: Path, pixels: Levels) -> int:
    """Writes a PNG file, which gets its name when it is complete; returns its size, bytes.

    Raises:
        UnwritableMediaError: The file cannot be written.
    """
    with whole_file(path) as file:
        file.writelines(encode_image(Image(np.ascontiguousarray(pixels)), path))
        return file.tell()


def _row(picture: Picture, split: str, file: File) -> dict[str, Any]:
    said = {name: picture.row.get(name, "") for name in ("source_repo", "path")}
    said["licence"] = license_of(picture.row)
    own = {name: file[name] for name in ("file", "width", "height")}
    return {**own, "split": split, "origin": picture.origin, "scene": picture.scene, **said}


def _write_manifest(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with whole_file(path) as file:
        file.write(text.getvalue().encode())
