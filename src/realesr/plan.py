"""Planning of jobs from paths and options. No pixels are read."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import (
    IMAGES,
    STANDARD_STREAM,
    VIDEOS,
    AnyMediaType,
    Format,
    ImageFormat,
)
from realesr.media.series.names import check_series_target, is_series, parse_pattern
from realesr.options import EncodingOptions, FileOptions


@dataclass(frozen=True, slots=True)
class Job:
    """An input, its output and the format of the output; ``-`` is a standard stream."""

    source: Path
    destination: Path
    target: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The jobs of a run.

    Attributes:
        jobs: The jobs in order.
        skipped: Files in input folders that are not of the media type.
        existing: Jobs that are left out because their outputs exist.
    """

    jobs: tuple[Job, ...]
    skipped: tuple[Path, ...] = ()
    existing: tuple[Job, ...] = ()


def make_plan(options: FileOptions, media_type: AnyMediaType = IMAGES) -> Plan:
    """Names every output before any work starts. Names depend only on input names and options.

    Args:
        options: Inputs, output folder and format.
        media_type: Images or videos.

    Raises:
        UnreadableMediaError: An input does not exist, or a folder has no file of the media type.
        UnsupportedMediaError: An input file is not of the media type.
        InvalidOptionError: An output would replace an input, two outputs have the same name, or
            the format does not support lossless encoding.
    """
    jobs: list[Job] = []
    skipped: list[Path] = []
    for path in options.inputs:
        if media_type is VIDEOS and _is_film_of_frames(path):
            jobs.append(_job(path, options, media_type))
        elif path.is_dir():
            found, others = _search(path, options, media_type)
            jobs += [_job(file, options, media_type, below=path) for file in found]
            skipped += others
        else:
            jobs += [_job(file, options, media_type) for file in _matching(path, media_type)]
    jobs = _without_earlier_outputs(_without_repetitions(jobs), options)
    has_stream = STANDARD_STREAM in (options.output, *options.inputs)
    is_pattern = media_type is VIDEOS and parse_pattern(options.output) is not None
    is_file = is_pattern or media_type.matches(options.output)
    if has_stream or (is_file and not options.output.is_dir()):
        jobs = [_job_with_named_output(jobs, options, media_type)]
    _refuse_clashes(jobs)
    _refuse_impossible(jobs, options.encoding)
    existing = [job for job in jobs if options.skip_existing and _exists(job.destination)]
    todo = tuple(job for job in jobs if job not in existing)
    return Plan(jobs=todo, skipped=tuple(skipped), existing=tuple(existing))


def _search(
    folder: Path, options: FileOptions, media_type: AnyMediaType
) -> tuple[list[Path], list[Path]]:
    """Returns the files of the media type, and other files, sorted.

    Hidden files and files in the output folder are left out.
    """
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
        # A folder whose name has such a suffix becomes a job, and fails with an error message.
        if media_type.holds(path) and not (options.recursive and path.is_dir()):
            files.append(path)
        elif path.is_file():
            others.append(path)
    if not files and not options.watch:
        raise UnreadableMediaError(
            f"{folder} holds no {media_type.noun}: looked for {', '.join(media_type.suffixes)}"
        )
    return files, others


def _is_film_of_frames(path: Path) -> bool:
    """Returns whether an input is a pattern or a folder of frames, and no folder of videos."""
    if not is_series(path):
        return False
    if not path.is_dir():
        return True
    return not any(VIDEOS.holds(each) for each in path.iterdir())


def _exists(path: Path) -> bool:
    return path != STANDARD_STREAM and path.exists()


def _matching(path: Path, media_type: AnyMediaType) -> list[Path]:
    """Returns the file itself, or the files that match it as a pattern."""
    if path == STANDARD_STREAM:
        return [path]
    if not path.exists() and any(sign in str(path) for sign in "*?["):
        # Path.glob takes no absolute patterns.
        matches = map(Path, sorted(glob.glob(str(path), recursive=True)))  # noqa: PTH207
        files = [match for match in matches if media_type.holds(match)]
        if not files:
            raise UnreadableMediaError(f"{path}: no {media_type.noun} matches")
        return files
    if not path.exists():
        raise UnreadableMediaError(f"{path}: no such file or folder")
    media_type.check_readable(path)
    return [path]


def _job(
    source: Path, options: FileOptions, media_type: AnyMediaType, below: Path | None = None
) -> Job:
    if source == STANDARD_STREAM:
        return Job(source, source, media_type.format_of(Path(f"-{media_type.default_suffix}")))
    extension = media_type.suffix_of_output(source) if options.ext == "auto" else f".{options.ext}"
    suffix = f"_{options.suffix}" if options.suffix else ""
    folder = options.output / source.parent.relative_to(below) if below else options.output
    destination = folder / f"{source.stem}{suffix}{extension}"
    return Job(source, destination, media_type.format_of(destination))


def _without_repetitions(jobs: Iterable[Job]) -> list[Job]:
    """Removes repeated inputs, which overlapping patterns cause."""
    first: dict[Path, Job] = {}
    for job in jobs:
        first.setdefault(job.source.resolve(), job)
    return list(first.values())


def _without_earlier_outputs(jobs: list[Job], options: FileOptions) -> list[Job]:
    """Removes inputs that are existing outputs, if both are in the same folder."""
    folders = {path.resolve() for path in options.inputs if path.is_dir()}
    if options.output.resolve() not in folders or not options.skip_existing:
        return jobs
    outputs = {
        job.destination.resolve()
        for job in jobs
        if job.destination.resolve() != job.source.resolve()
    }
    return [job for job in jobs if job.source.resolve() not in outputs]


def _job_with_named_output(jobs: list[Job], options: FileOptions, media_type: AnyMediaType) -> Job:
    """Returns the only job, with the output file or stream that the options name."""
    output, source = options.output, jobs[0].source
    if len(jobs) > 1:
        raise InvalidOptionError(
            f"`output` {output} is for one {media_type.noun}, and there are {len(jobs)} inputs: "
            "name a folder"
        )
    if media_type is VIDEOS and parse_pattern(output) is not None:
        return Job(source, output, check_series_target(output))
    if output == STANDARD_STREAM:
        if options.ext != "auto":
            return Job(source, output, media_type.format_of(Path(f"-.{options.ext}")))
        return Job(source, output, jobs[0].target)
    if not media_type.matches(output) or output.is_dir():
        raise InvalidOptionError(
            "`inputs` - has no name to call the output by: add `output` - or `output` "
            f"NAME{media_type.default_suffix}"
        )
    if options.ext != "auto" and output.suffix.lower() != f".{options.ext}":
        raise InvalidOptionError(
            f"`output` {output} and `ext` {options.ext} contradict each other: drop one"
        )
    return Job(source, output, media_type.format_of(output))


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
