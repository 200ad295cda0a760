"""The pictures of folders and tar files, with what manifests say about them."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.images.index import Entry, index_images
from realesr.media.images.manifest import Row, read_manifest
from realesr.reasons import reason_of

MANIFEST = "manifest.csv"


_NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""By which Python stands for bytes of a name that are no text (PEP 383)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a source.

    Attributes:
        entry: Where its bytes are.
        name: Its name in the result, without a suffix; ``/`` separates folders.
        origin: Its name in the source, for people.
        scene: What it belongs to: tiles of one photograph have the same scene.
        row: Its row of the source's manifest; empty without one.
    """

    entry: Entry
    name: str
    origin: str
    scene: str
    row: Row


def collect(
    sources: Sequence[Path], on_damaged: Callable[[UnreadableMediaError], None]
) -> list[Picture]:
    """Lists the pictures of folders and tar files, in order of their names.

    A ``manifest.csv`` in or beside a source may have the columns ``file`` (relative to its own
    folder, or to the source), ``licence`` or ``license``, ``source_repo`` and ``path``. Pictures
    with the same repository and path are tiles of one scene.

    Raises:
        UnreadableMediaError: A source cannot be read, or holds no picture.
        InvalidOptionError: A source is named twice, two pictures would have the same name, or a
            manifest cannot be read.
    """
    _refuse_repeated(sources)
    pictures: dict[str, Picture] = {}
    for source in sources:
        found = list(_pictures_of(source, on_damaged))
        if not found:
            raise UnreadableMediaError(f"{source} holds no picture")
        for picture in found:
            other = pictures.setdefault(picture.name, picture)
            if other is not picture:
                raise InvalidOptionError(
                    f"{other.origin} and {picture.origin} would both become {picture.name}: "
                    "rename one"
                )
    return [pictures[name] for name in sorted(pictures)]


def _refuse_repeated(sources: Sequence[Path]) -> None:
    """Refuses a source that is named twice, by whatever spelling or link.

    Raises:
        InvalidOptionError: There is one.
    """
    named: dict[tuple[int, int], Path] = {}
    for source in sources:
        try:
            found = source.stat()
        except OSError:  # index_images tells what is wrong with it
            continue
        place = found.st_dev, found.st_ino
        if place in named:
            other = named[place]
            twice = "is named twice" if other == source else f"is the same as {other}"
            raise InvalidOptionError(f"{source} {twice}: name it once")
        named[place] = source


def _pictures_of(
    source: Path, on_damaged: Callable[[UnreadableMediaError], None]
) -> Iterator[Picture]:
    rows = _manifest(source)
    stem = source.resolve().name if source.is_dir() else source.stem
    for entry in index_images(source, on_damaged=on_damaged):
        inner = entry.name or entry.path.relative_to(source).as_posix()
        path = PurePosixPath(inner)
        if path.parts[0] != stem:
            path = PurePosixPath(stem, inner)
        row = rows.get(str(PurePosixPath(inner))) or rows.get(str(path)) or {}
        scene = str(path)
        if row.get("source_repo") and row.get("path"):
            scene = f"{row['source_repo']}:{row['path']}"
        origin = f"{source.name}:{inner}"
        name, origin, scene = map(_as_text, (str(path.with_suffix("")), origin, scene))
        yield Picture(entry, name, origin, scene, row)


def _as_text(name: str) -> str:
    """Returns a name in which bytes that are not UTF-8 are written as ``%FE``, as in URLs.

    Names become files and rows of a manifest, which is text.
    """
    return _NOT_UTF8.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", name)


def _manifest(source: Path) -> dict[str, Row]:
    """Returns the rows of the manifest by file; an empty table if there is none.

    Raises:
        InvalidOptionError: The manifest cannot be read.
    """
    inside, beside = source / MANIFEST, source.parent / MANIFEST
    rows: dict[str, Row] = {}
    if not source.is_dir():
        for name, text in _manifests_in(source):
            for file, row in read_manifest(text, f"{source}:{name}").items():
                rows[str(PurePosixPath(name).parent / file)] = row
    path = inside if inside.is_file() else beside
    if rows or not path.is_file():
        return rows
    try:
        return read_manifest(path.read_bytes(), str(path))
    except OSError as error:
        reason = reason_of(error)
        raise InvalidOptionError(f"{path} cannot be read as a manifest: {reason}") from error


def _manifests_in(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yields names and bytes of the manifests in a tar file; of nothing else, none."""
    try:
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                content = None
                if PurePosixPath(member.name).name == MANIFEST:
                    content = tar.extractfile(member)
                if content is not None:
                    yield member.name, content.read()
    except (OSError, tarfile.TarError):  # index_images tells what is wrong with it
        return
