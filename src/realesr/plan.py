"""From paths and options to a list of jobs. Opens no pixels."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import IMAGES, STANDARD_STREAM, AnyMediaType, Format, ImageFormat
from realesr.options import EncodingOptions, FileOptions


@dataclass(frozen=True, slots=True)
class Job:
    """One input and the output that it becomes, in what format; ``-`` is a standard stream."""

    source: Path
    destination: Path
    target: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is going to be done.

    Attributes:
        jobs: In order.
        skipped: Files of input folders that are of another kind.
        existing: Jobs that are left out because their outputs exist.
    """

    jobs: tuple[Job, ...]
    skipped: tuple[Path, ...] = ()
    existing: tuple[Job, ...] = ()


def make_plan(options: FileOptions, kind: AnyMediaType = IMAGES) -> Plan:
    """Names every output before any work starts. A name depends on names and options alone.

    Args:
        options: What is read and where it goes.
        kind: Whether images or videos are meant.

    Raises:
        UnreadableMediaError: An input does not exist or holds nothing of the kind.
        UnsupportedMediaError: An input is a file of another kind.
        InvalidOptionError: An output would replace an input, two outputs have one name, or its
            format cannot do what is asked.
    """
    jobs: list[Job] = []
    skipped: list[Path] = []
    for path in options.inputs:
        if path.is_dir():
            found, others = _search(path, options, kind)
            jobs += [_job(file, options, kind, below=path) for file in found]
            skipped += others
        else:
            jobs += [_job(file, options, kind) for file in _matching(path, kind)]
    jobs = _without_earlier_outputs(_without_repetitions(jobs), options)
    has_stream = STANDARD_STREAM in (options.output, *options.inputs)
    if has_stream or (kind.matches(options.output) and not options.output.is_dir()):
        jobs = [_job_with_named_output(jobs, options, kind)]
    _refuse_clashes(jobs)
    _refuse_impossible(jobs, options.encoding)
    existing = [job for job in jobs if options.skip_existing and _exists(job.destination)]
    todo = tuple(job for job in jobs if job not in existing)
    return Plan(jobs=todo, skipped=tuple(skipped), existing=tuple(existing))


def _search(
    folder: Path, options: FileOptions, kind: AnyMediaType
) -> tuple[list[Path], list[Path]]:
    """Files of the kind, and others, sorted. Hidden ones and the outputs do not count."""
    output = options.output.resolve()
    files, others = [], []
    for path in sorted(folder.rglob("*") if options.recursive else folder.iterdir()):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if (
            options.recursive
            and output != folder.resolve()
            and path.resolve().is_relative_to(output)
        ):
            continue
        # A folder that is named like a file becomes a job, and fails with a word, not silently.
        if kind.matches(path) and not (options.recursive and path.is_dir()):
            files.append(path)
        elif path.is_file():
            others.append(path)
    if not files and not options.watch:
        raise UnreadableMediaError(
            f"{folder} holds no {kind.noun}: looked for {', '.join(kind.suffixes)}"
        )
    return files, others


def _exists(path: Path) -> bool:
    return path != STANDARD_STREAM and path.exists()


def _matching(path: Path, kind: AnyMediaType) -> list[Path]:
    """The file itself, or what matches it as a pattern."""
    if path == STANDARD_STREAM:
        return [path]
    if not path.exists() and any(sign in str(path) for sign in "*?["):
        # Path.glob takes no absolute patterns.
        matches = map(Path, sorted(glob.glob(str(path), recursive=True)))  # noqa: PTH207
        files = [match for match in matches if kind.matches(match)]
        if not files:
            raise UnreadableMediaError(f"{path}: no {kind.noun} matches")
        return files
    if not path.exists():
        raise UnreadableMediaError(f"{path}: no such file or folder")
    kind.check_readable(path)
    return [path]


def _job(source: Path, options: FileOptions, kind: AnyMediaType, below: Path | None = None) -> Job:
    if source == STANDARD_STREAM:
        return Job(source, source, kind.format_of(Path(f"-{kind.default_suffix}")))
    extension = kind.suffix_of_output(source) if options.ext == "auto" else f".{options.ext}"
    suffix = f"_{options.suffix}" if options.suffix else ""
    folder = options.output / source.parent.relative_to(below) if below else options.output
    destination = folder / f"{source.stem}{suffix}{extension}"
    return Job(source, destination, kind.format_of(destination))


def _without_repetitions(jobs: Iterable[Job]) -> list[Job]:
    """What is named twice, as by patterns that overlap, is done once."""
    first: dict[Path, Job] = {}
    for job in jobs:
        first.setdefault(job.source.resolve(), job)
    return list(first.values())


def _without_earlier_outputs(jobs: list[Job], options: FileOptions) -> list[Job]:
    """Where outputs that exist are kept beside their inputs, they are no inputs."""
    folders = {path.resolve() for path in options.inputs if path.is_dir()}
    if options.output.resolve() not in folders or not options.skip_existing:
        return jobs
    outputs = {
        job.destination.resolve()
        for job in jobs
        if job.destination.resolve() != job.source.resolve()
    }
    return [job for job in jobs if job.source.resolve() not in outputs]


def _job_with_named_output(jobs: list[Job], options: FileOptions, kind: AnyMediaType) -> Job:
    """The one job whose output is named by itself, or is a stream."""
    output, source = options.output, jobs[0].source
    if len(jobs) > 1:
        raise InvalidOptionError(
            f"`output` {output} is for one {kind.noun}, and there are {len(jobs)} inputs: "
            "name a folder"
        )
    if output == STANDARD_STREAM:
        if options.ext != "auto":
            return Job(source, output, kind.format_of(Path(f"-.{options.ext}")))
        return Job(source, output, jobs[0].target)
    if not kind.matches(output) or output.is_dir():
        raise InvalidOptionError(
            "`inputs` - has no name to call the output by: add `output` - or `output` "
            f"NAME{kind.default_suffix}"
        )
    if options.ext != "auto" and output.suffix.lower() != f".{options.ext}":
        raise InvalidOptionError(
            f"`output` {output} and `ext` {options.ext} contradict each other: drop one"
        )
    return Job(source, output, kind.format_of(output))


def _refuse_impossible(jobs: Iterable[Job], encoding: EncodingOptions) -> None:
    for job in jobs:
        target = job.target
        if encoding.lossless and isinstance(target, ImageFormat) and not target.is_lossless:
            raise InvalidOptionError(
                f"`lossless`: {job.destination} would be {target.name}, which always loses "
                "some: add `ext` png or webp"
            )


def _refuse_clashes(jobs: Sequence[Job]) -> None:
    inputs = {job.source.resolve() for job in jobs}
    outputs: dict[Path, Path] = {}
    for job in jobs:
        if job.destination == STANDARD_STREAM:
            continue
        resolved = job.destination.resolve()
        if resolved in inputs:
            raise InvalidOptionError(
                f"{job.destination} would replace an input: choose another `output` or `suffix`; "
                "if an earlier run has made it, `skip_existing` goes on"
            )
        first = outputs.setdefault(resolved, job.source)
        if first is not job.source:
            raise InvalidOptionError(
                f"{first} and {job.source} would both become {job.destination}: rename one"
            )
