"""From paths and options to a list of jobs. Opens no pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import IMAGE_SUFFIXES, is_image
from realesr.options import OutputOptions


@dataclass(frozen=True, slots=True)
class Job:
    """One input and the output that it becomes."""

    source: Path
    destination: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All jobs, in order, and the files of an input folder that are no pictures."""

    jobs: tuple[Job, ...]
    skipped: tuple[Path, ...] = ()


def make_plan(options: OutputOptions) -> Plan:
    """Names every output before any work starts.

    Raises:
        UnreadableMediaError: The input does not exist or holds no picture.
        InvalidOptionError: An output would replace an input, or two outputs have one name.
    """
    source = options.input
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if _is_visible_file(path))
        sources = [path for path in files if is_image(path)]
        if not sources:
            raise UnreadableMediaError(
                f"{source} holds no picture: looked for {', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        skipped = tuple(path for path in files if not is_image(path))
        jobs = tuple(Job(path, options.output / _name(path, options.suffix)) for path in sources)
    elif source.exists():
        if not is_image(source):
            raise UnreadableMediaError(
                f"{source} does not end like a picture: one of {', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        jobs, skipped = (Job(source, _destination_of_file(options)),), ()
    else:
        raise UnreadableMediaError(f"{source}: no such file or folder")
    _refuse_clashes(jobs)
    return Plan(jobs=jobs, skipped=skipped)


def _is_visible_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _name(source: Path, suffix: str) -> str:
    return f"{source.stem}_{suffix}{source.suffix}" if suffix else source.name


def _destination_of_file(options: OutputOptions) -> Path:
    if is_image(options.output) and not options.output.is_dir():
        return options.output
    return options.output / _name(options.input, options.suffix)


def _refuse_clashes(jobs: Iterable[Job]) -> None:
    jobs = tuple(jobs)
    inputs = {job.source.resolve() for job in jobs}
    outputs: dict[Path, Path] = {}
    for job in jobs:
        resolved = job.destination.resolve()
        if resolved in inputs:
            raise InvalidOptionError(
                f"{job.destination} would replace an input: choose another --output or --suffix"
            )
        first = outputs.setdefault(resolved, job.source)
        if first is not job.source:
            raise InvalidOptionError(
                f"{first} and {job.source} would both become {job.destination}: rename one"
            )
