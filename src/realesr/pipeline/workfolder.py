"""The folder beside an output in which the finished pieces of a video wait until they are joined.

It holds ``manifest.json`` and the pieces. Pieces and manifest get their names when they are whole,
so that a folder is consistent whenever a run ends. Nothing is removed from it unless it was asked
for, or the output stands.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from realesr.errors import InvalidOptionError, UnreadableMediaError, UnwritableMediaError
from realesr.geometry import Size
from realesr.media.frames import Segment
from realesr.partial import Partial
from realesr.reasons import reason_of

MANIFEST = "manifest.json"
_FORMAT = 1
_LOCK = "lock"
_PIECE = re.compile(r"\d{6,}\.\w+")
_NAMED_DIFFERENCES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceRecord:
    """A finished piece.

    Attributes:
        frames: Number of its frames.
        first: Time of its first frame, s.
        last: Time of its last frame, s.
        size_bytes: Size of the file.
        duplicate_frames: Number of frames that equal the one before and were not computed.
        decode_errors: Number of frames of the source that could not be decoded.
        seconds: Time that it took, s.
    """

    frames: int
    first: Fraction
    last: Fraction
    size_bytes: int
    duplicate_frames: int = 0
    decode_errors: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder holds, and of what.

    Attributes:
        fingerprint: Source, weights, options and versions: everything that the pixels of pieces
            depend on, by section and name.
        segments: All segments of the video.
        sizes: Size of the frames of the source and of the output, px; None before they are known.
        pieces: The finished pieces, by the index of their segment.
    """

    fingerprint: Mapping[str, Mapping[str, Any]]
    segments: tuple[Segment, ...]
    sizes: tuple[Size, Size] | None = None
    pieces: Mapping[int, PieceRecord] = field(default_factory=dict)

    @property
    def missing(self) -> list[Segment]:
        """The segments without a finished piece."""
        return [segment for segment in self.segments if segment.index not in self.pieces]

    @property
    def frames(self) -> int:
        """Number of frames according to the source."""
        return sum(segment.frames or 0 for segment in self.segments)

    @property
    def done(self) -> int:
        """Number of frames in the finished pieces."""
        return sum(piece.frames for piece in self.pieces.values())

    def with_piece(self, index: int, record: PieceRecord) -> Manifest:
        """Returns the manifest with one more piece."""
        return replace(self, pieces={**self.pieces, index: record})

    def differences(self, fingerprint: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Returns in words what another run has otherwise."""
        found = []
        for section in sorted({*self.fingerprint, *fingerprint}):
            before, now = self.fingerprint.get(section, {}), fingerprint.get(section, {})
            for name in sorted({*before, *now}):
                old, new = before.get(name), now.get(name)
                if old != new:
                    is_short = len(f"{old}{new}") < 60
                    values = f" ({new}, and was {old})" if is_short else ""
                    found.append(f"{section} {name}{values}")
        return found


class WorkFolder:
    """The folder of one output.

    Args:
        output: The output. The folder has its name and lies beside it.
    """

    def __init__(self, output: Path) -> None:
        self.path = output.with_name(f".{_fitted(output.name)}.realesr")
        self._output = output

    @property
    def is_begun(self) -> bool:
        """Whether it holds the work of an earlier run."""
        return (self.path / MANIFEST).exists()

    @property
    def has_pieces(self) -> bool:
        """Whether it holds a finished piece."""
        with suppress(FileNotFoundError):
            return any(_PIECE.fullmatch(path.name) for path in self.path.iterdir())
        return False

    def drop_if_empty(self) -> None:
        """Removes the work of an earlier run that was ended before its first piece was finished.

        Raises:
            UnwritableMediaError: Another process works at it.
        """
        if self.is_begun and not self.has_pieces:
            with self.locked():
                if not self.has_pieces:
                    self.discard()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder, and holds it for this process.

        Raises:
            UnwritableMediaError: It cannot be made, or another process holds it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / _LOCK)
            lock.acquire(timeout=0)
        except Timeout:
            raise UnwritableMediaError(
                f"{self._output}: another run makes it at this moment"
            ) from None
        except OSError as error:
            raise UnwritableMediaError(f"{self.path}: {reason_of(error)}") from error
        try:
            yield
        finally:
            self._remove_if_empty()
            lock.release()

    def piece(self, index: int, suffix: str) -> Path:
        """Returns the file of a piece."""
        return self.path / f"{index:06}{suffix}"

    def joined(self, suffix: str) -> Path:
        """Returns the file in which the output is made."""
        return self.path / f"joined{suffix}"

    def load(self) -> Manifest | None:
        """Reads the manifest; None if there is none.

        Raises:
            UnreadableMediaError: It is damaged, or of another version.
        """
        path = self.path / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UnreadableMediaError(
                f"{path}: cannot be read: {error}; `restart` begins anew"
            ) from error
        try:
            return _manifest(content)
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableMediaError(
                f"{path}: is of another version; `restart` begins anew"
            ) from error

    def save(self, manifest: Manifest) -> None:
        """Replaces the manifest; after a crash either the old or the new one is there.

        Raises:
            UnwritableMediaError: The disk is full.
        """
        content = {"format": _FORMAT, "output": self._output.name, **asdict(manifest)}
        path = self.path / MANIFEST
        try:
            with Partial(path) as partial:
                with partial.open() as file:
                    file.write(json.dumps(content, default=str, indent=1).encode())
                partial.commit(is_durable=True)
        except OSError as error:
            raise UnwritableMediaError(f"{path}: {reason_of(error)}") from error

    def tidy(self, manifest: Manifest, suffix: str) -> None:
        """Removes what runs that were killed have left half-done."""
        names = {MANIFEST, _LOCK} | {
            self.piece(segment.index, suffix).name for segment in manifest.segments
        }
        for path in self.path.iterdir():
            if path.name not in names and path.is_file():
                path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Removes everything but the lock."""
        for path in self.path.iterdir():
            if path.name != _LOCK:
                path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Returns the free space on its disk, bytes."""
        return shutil.disk_usage(self.path).free

    def _remove_if_empty(self) -> None:
        if not self.is_begun:
            with suppress(OSError):  # something else lies there
                (self.path / _LOCK).unlink(missing_ok=True)
                self.path.rmdir()


def check_same(
    manifest: Manifest, fingerprint: Mapping[str, Mapping[str, Any]], folder: WorkFolder
) -> None:
    """Checks that a run may go on with the pieces of an earlier one.

    Raises:
        InvalidOptionError: Something differs that the pixels depend on.
    """
    differences = manifest.differences(fingerprint)
    if not differences:
        return
    named = "; ".join(differences[:_NAMED_DIFFERENCES])
    more = len(differences) - _NAMED_DIFFERENCES
    raise InvalidOptionError(
        f"{folder.path} holds {len(manifest.pieces)} of {len(manifest.segments)} pieces of another "
        f"run: {named}{f'; and {more} more' if more > 0 else ''}. The command of that run goes on "
        "with them, another `output` leaves them alone, and `restart` throws them away"
    )


def _manifest(content: Mapping[str, Any]) -> Manifest:
    if content["format"] != _FORMAT:
        raise ValueError
    sizes = content["sizes"]
    return Manifest(
        fingerprint=content["fingerprint"],
        segments=tuple(
            Segment(**{**each, **{key: _fraction(each[key]) for key in ("start", "end", "seek")}})
            for each in content["segments"]
        ),
        sizes=None if sizes is None else (Size(**sizes[0]), Size(**sizes[1])),
        pieces={
            int(index): PieceRecord(
                **{**each, "first": Fraction(each["first"]), "last": Fraction(each["last"])}
            )
            for index, each in content["pieces"].items()
        },
    )


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _fitted(name: str) -> str:
    """Shortens a name so that it fits into a file system with what is added to it."""
    return os.fsdecode(os.fsencode(name)[:200])
