"""Finds the images or clips that are compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from realesr.errors import InvalidOptionError, MediaError
from realesr.media.formats import IMAGES, STANDARD_STREAM, VIDEOS, AnyMediaType
from realesr.options import FileOptions
from realesr.plan import make_plan
from realesr.progress import Notice, Notify, no_notice


def find_inputs(
    inputs: Iterable[Path], *, notify: Notify = no_notice
) -> tuple[AnyMediaType, tuple[Path, ...]]:
    """Returns whether inputs are images or clips, and the files.

    Args:
        inputs: Files, folders, and patterns such as ``scans/*.png``. Of a folder with both kinds
            the images are taken.
        notify: Receives a sentence for each folder whose clips are left out, and for each broken
            link, FIFO and the like in a folder.

    Raises:
        InvalidOptionError: There are both images and clips, or an input is a stream.
        MediaError: An input does not exist, or holds neither.
    """
    kinds: list[AnyMediaType] = []
    files: dict[Path, None] = {}
    for path in inputs:
        kind, found = _find(path, notify)
        if kind is IMAGES and path.is_dir() and (clips := _found(path, VIDEOS)):
            words = f"{path}: clips are left out ({len(clips)}): one page has images or clips"
            notify(Notice("clips-left-out", words))
        kinds.append(kind)
        files.update(dict.fromkeys(found))
    if IMAGES in kinds and VIDEOS in kinds:
        raise InvalidOptionError("`inputs`: images and clips do not fit on one page")
    return kinds[0], tuple(files)


def _find(path: Path, notify: Notify) -> tuple[AnyMediaType, list[Path]]:
    if path == STANDARD_STREAM:
        raise InvalidOptionError("`inputs` -: name a file, which is read several times")
    first: MediaError | None = None
    kinds: tuple[AnyMediaType, ...] = (IMAGES, VIDEOS)
    for kind in kinds:
        try:
            return kind, _planned(path, kind, notify)
        except MediaError as error:
            first = first or error
    if first is None:
        raise ValueError("no kinds of media")
    raise first


def _planned(path: Path, kind: AnyMediaType, notify: Notify = no_notice) -> list[Path]:
    """Returns the files of a kind, and tells what else there cannot be taken.

    Raises:
        MediaError: There are none.
    """
    # No output is made: the plan is asked for the inputs alone.
    files = FileOptions(inputs=(path,), output=Path("results"), suffix="compared")
    plan = make_plan(files, kind)
    if not plan.jobs:
        raise plan.refused[0].error
    for refusal in plan.refused:
        notify(Notice("special-file-skipped", f"{refusal.error}: left out"))
    for notice in plan.notices:
        notify(notice)
    return [job.source for job in plan.jobs]


def _found(path: Path, kind: AnyMediaType) -> list[Path]:
    try:
        return _planned(path, kind)
    except MediaError:
        return []
