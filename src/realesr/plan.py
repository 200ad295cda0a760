"""From paths and options to a list of jobs. Opens no pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import IMAGE_SUFFIXES, format_of, is_image
from realesr.options import EncodingOptions, FileOptions


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


def make_plan(options: FileOptions) -> Plan:
    """Names every output before any work starts. A name depends on names and options alone.

    Raises:
        UnreadableMediaError: The input does not exist or holds no picture.
        InvalidOptionError: An output would replace an input, two outputs have one name, or its
            format cannot do what is asked.
    """
    source = options.input
    if source.is_dir():
        names = sorted(path for path in source.iterdir() if not path.name.startswith("."))
        # A folder that is named like a picture becomes a job, and fails with a word, not silently.
        sources = [path for path in names if is_image(path)]
        if not sources:
            raise UnreadableMediaError(
                f"{source} holds no picture: looked for {', '.join(IMAGE_SUFFIXES)}"
            )
        skipped = tuple(path for path in names if path.is_file() and not is_image(path))
        jobs = tuple(Job(path, options.output / _name(path, options)) for path in sources)
    elif source.exists():
        format_of(source)
        jobs, skipped = (Job(source, _destination_of_file(options)),), ()
    else:
        raise UnreadableMediaError(f"{source}: no such file or folder")
    _refuse_clashes(jobs)
    _refuse_impossible(jobs, options.encoding)
    return Plan(jobs=jobs, skipped=skipped)


def _name(source: Path, options: FileOptions) -> str:
    extension = source.suffix if options.ext == "auto" else f".{options.ext}"
    return (
        f"{source.stem}_{options.suffix}{extension}"
        if options.suffix
        else (f"{source.stem}{extension}")
    )


def _destination_of_file(options: FileOptions) -> Path:
    output = options.output
    if not is_image(output) or output.is_dir():
        return output / _name(options.input, options)
    if options.ext != "auto" and output.suffix.lower() != f".{options.ext}":
        raise InvalidOptionError(
            f"--output {output} and --ext {options.ext} contradict each other: drop one"
        )
    return output


def _refuse_impossible(jobs: Iterable[Job], encoding: EncodingOptions) -> None:
    for job in jobs:
        target = format_of(job.destination)
        if encoding.lossless and not target.is_lossless:
            raise InvalidOptionError(
                f"--lossless: {job.destination} would be {target.name}, which always loses some: "
                "add --ext png or webp"
            )


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
