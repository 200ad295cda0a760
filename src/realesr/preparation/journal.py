"""The journal of a run: what was done, so that an interrupted run can go on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from realesr.errors import InvalidOptionError, UnwritableMediaError
from realesr.journals import read_journal
from realesr.preparation.options import PrepareOptions
from realesr.preparation.sources import Picture
from realesr.reasons import reason_of

JOURNAL = ".prepare.jsonl"

File = dict[str, Any]
"""Name, width and height of a file that was made; and ``sizes``, the bytes of this file and of its
low-resolution partners, by name."""


class Journal:
    """What was done, one JSON line a picture, so that a run can go on.

    Raises:
        InvalidOptionError: The journal is of a run with other options.
        UnwritableMediaError: The output folder cannot be written.
    """

    def __init__(self, options: PrepareOptions) -> None:
        self._output = options.output
        path = options.output / JOURNAL
        chosen = json.loads(json.dumps(asdict(options), default=str))
        del chosen["output"]
        self._hashes: dict[tuple[str, str], bytes] = {}
        self._made: dict[tuple[str, str], dict[str, Any]] = {}
        is_new = not path.is_file() or not path.stat().st_size
        if not is_new:
            self._read(path, chosen)
        try:
            options.output.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise UnwritableMediaError(f"{path}: {reason_of(error)}") from error
        if is_new:
            self._write({"options": chosen})
        else:
            self._file.write("\n")  # ends a line that an interruption has cut

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _read(self, path: Path, chosen: dict[str, Any]) -> None:
        for entry in read_journal(path):
            options = entry.get("options")
            if isinstance(options, dict):
                self._compare(options, chosen)
                continue
            with suppress(KeyError, TypeError, ValueError):  # damaged, or not ours
                place = entry["name"], entry["stamp"]
                if "hash" in entry:
                    self._hashes[place] = bytes.fromhex(entry["hash"])
                elif all(map(_is_whole, entry["made"])):
                    self._made[place] = entry | {"split": str(entry["split"])}

    def _compare(self, old: dict[str, Any], chosen: dict[str, Any]) -> None:
        for name, value in chosen.items():
            if old.get(name) != value:
                raise InvalidOptionError(
                    f"`output` {self._output} was begun with `{name}` {old.get(name)}, not "
                    f"{value}: choose another folder, or remove this one"
                )

    def add(self, picture: Picture, **entry: object) -> None:
        """Notes a step of a picture."""
        self._write({"name": picture.name, "stamp": _stamp(picture), **entry})

    def hash_of(self, picture: Picture) -> bytes | None:
        """Returns the hash that an earlier run has found, if the file is still the same."""
        return self._hashes.get((picture.name, _stamp(picture)))

    def made(self, kept: Sequence[tuple[Picture, str]]) -> dict[str, list[File]]:
        """Returns the files of the pictures that an earlier run has finished, by name.

        Pictures of which a file is gone, or has another size than it was written with, are left
        out, and so are those of versions that did not note sizes.
        """
        found = {}
        for picture, split in kept:
            entry = self._made.get((picture.name, _stamp(picture)))
            if entry is not None and entry["split"] == split:
                files: list[File] = entry["made"]
                if all(self._has(name, size) for f in files for name, size in f["sizes"].items()):
                    found[picture.name] = files
        return found

    def _has(self, name: str, size_bytes: int) -> bool:
        path = self._output / name
        return path.is_file() and path.stat().st_size == size_bytes

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def _is_whole(file: File) -> bool:
    """Returns whether all of a file was noted; damaged lines raise errors of several types."""
    sizes = file["sizes"]
    return isinstance(sizes, dict) and isinstance(file["file"], str) and file["file"] in sizes


def _stamp(picture: Picture) -> str:
    """Returns what changes when a picture is replaced: place, size and time of its file."""
    entry = picture.entry
    found = entry.path.stat()
    return f"{entry.offset}:{entry.length}:{found.st_size}:{found.st_mtime_ns}"
