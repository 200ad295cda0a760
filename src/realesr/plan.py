"""Planning of jobs from paths and options. No pixels are read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import MappingProxyType

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import (
    IMAGES,
    STANDARD_STREAM,
    VIDEOS,
    AnyMediaType,
    Format,
    ImageFormat,
)
from realesr.media.search import RealPaths, Refusal, Search, Source
from realesr.media.series.names import check_series_target, parse_pattern
from realesr.media.urls import is_url
from realesr.options import EncodingOptions, FileOptions
from realesr.progress import Notice
from realesr.special import special_kind

_NEVER_FOLDERS = frozenset(
    (
        *(*IMAGES.suffixes, *VIDEOS.suffixes, *IMAGES.hints, *VIDEOS.hints),
        *(".gif", ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".tga", ".psd", ".exr", ".hdr", ".ico"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".svg", ".pdf", ".eps", ".dng", ".raw"),
    )
)
"""Suffixes of media: a new output with one is meant to be a file, although it cannot be written."""


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
        refused: Inputs that fail before any work; the others go on.
        notices: What else is left out.
    """

    jobs: tuple[Job, ...]
    skipped: tuple[Path, ...] = ()
    existing: tuple[Job, ...] = ()
    refused: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = ()


def make_plan(
    options: FileOptions,
    media_type: AnyMediaType = IMAGES,
    *,
    earlier: Mapping[Path, Path] = MappingProxyType({}),
) -> Plan:
    """Names every output before any work starts.

    Names depend only on options, on input names, and, where names do not tell the format, on the
    first bytes of inputs. Where two outputs would have the same name, those of later inputs are
    numbered.

    Args:
        options: Inputs, output folder and format.
        media_type: Images or videos.
        earlier: Outputs of earlier plans, by input: they stay theirs.

    Raises:
        UnreadableMediaError: The only input does not exist, or its folder has no file of the media
            type.
        UnsupportedMediaError: The only input is not of the media type.
        InvalidOptionError: An output would replace an input, the output cannot be written under
            this name, or the format does not support lossless encoding.
    """
    _check_output(options, media_type)
    search = Search(options, media_type)
    found = search.run()
    named = [_Named(source, _job(source, options, media_type)) for source in found.sources]
    named = _without_earlier_outputs(named, options, search.real_path)
    has_stream = STANDARD_STREAM in (options.output, *options.inputs)
    is_file = _is_pattern(options.output, media_type) or _is_file_name(options.output, media_type)
    if named and (has_stream or is_file):
        named = [_with_named_output(named, options, media_type)]
    groups = _number(named, search.real_path, {each.source.real for each in named}, earlier)
    _refuse_replacing(named)
    jobs = [each.job for each in named]
    _refuse_impossible(jobs, options.encoding)
    existing = _existing(jobs, groups) if options.skip_existing else set()
    if len(found.refused) == 1 and not jobs and not options.watch:
        raise found.refused[0].error
    return Plan(
        jobs=tuple(job for job in jobs if job.source not in existing),
        skipped=tuple(found.others),
        existing=tuple(job for job in jobs if job.source in existing),
        refused=tuple(found.refused),
        notices=tuple(
            Notice("special-file-skipped", f"{path} is {kind}: left out")
            for path, kind in found.special
        ),
    )


class _Named:
    """A job in the making, with the real paths of its two ends."""

    __slots__ = ("job", "real_destination", "source")

    def __init__(self, source: Source, job: Job) -> None:
        self.source = source
        self.job = job
        self.real_destination = ""


def _check_output(options: FileOptions, media_type: AnyMediaType) -> None:
    """Refuses an output that is neither a folder nor the name of a file that can be written."""
    output = options.output
    if _is_pattern(output, media_type):
        return
    if is_url(output) or output == STANDARD_STREAM or os.path.isdir(output):  # noqa: PTH112 -- never raises
        return
    try:
        kind = special_kind(output.stat().st_mode)
    except OSError:
        kind = None
    if kind is not None:
        raise InvalidOptionError(
            f"`output` {output} is {kind}, which is not replaced: name a file or a folder"
            f"{', or - for standard output' if media_type is IMAGES else ''}"
        )
    suffix = output.suffix.lower()
    if suffix in _NEVER_FOLDERS and suffix not in (
        *media_type.output_suffixes,
        *media_type.aliases,
    ):
        raise InvalidOptionError(
            f"`output` {output}: {media_type.noun}s are not written as {suffix}: choose one of "
            f"{', '.join(media_type.output_suffixes)}, or make a folder of that name first"
        )


def _is_pattern(output: Path, media_type: AnyMediaType) -> bool:
    """Returns whether an output is a series of frames, such as ``frames/%06d.png``."""
    return media_type is VIDEOS and parse_pattern(output) is not None


def _is_file_name(output: Path, media_type: AnyMediaType) -> bool:
    return media_type.matches(output) and not os.path.isdir(output)  # noqa: PTH112


def _job(source: Source, options: FileOptions, media_type: AnyMediaType) -> Job:
    path, below = source.path, source.below
    if path == STANDARD_STREAM:
        return Job(path, path, media_type.format_of(Path(f"-{media_type.default_suffix}")))
    if options.ext != "auto":
        extension = f".{options.ext}"
    elif path.suffix.lower() == source.suffix:
        extension = media_type.suffix_of_output(path)
    else:
        extension = media_type.output_suffix_of(source.suffix)
    suffix = f"_{options.suffix}" if options.suffix else ""
    folder = options.output / path.parent.relative_to(below) if below else options.output
    destination = folder / f"{path.stem}{suffix}{extension}"
    return Job(path, destination, media_type.format_of(destination))


def _without_earlier_outputs(
    named: list[_Named], options: FileOptions, real_path: RealPaths
) -> list[_Named]:
    """Removes inputs that are existing outputs, if both are in the same folder."""
    folders = {os.path.realpath(path) for path in options.inputs if path != STANDARD_STREAM}
    if not options.skip_existing or os.path.realpath(options.output) not in folders:
        return named
    trial = [_Named(each.source, each.job) for each in named]
    _number(trial, real_path, set(), {})
    outputs = {each.real_destination for each in trial if each.real_destination != each.source.real}
    return [each for each in named if each.source.real not in outputs]


def _with_named_output(
    named: list[_Named], options: FileOptions, media_type: AnyMediaType
) -> _Named:
    """Returns the only job, with the output file or stream that the options name."""
    output, source = options.output, named[0].source
    if len(named) > 1:
        raise InvalidOptionError(
            f"`output` {output} is for one {media_type.noun}, and there are {len(named)} inputs: "
            "name a folder"
        )
    if _is_pattern(output, media_type):
        return _Named(source, Job(source.path, output, check_series_target(output)))
    if output == STANDARD_STREAM:
        target = named[0].job.target
        if options.ext != "auto":
            target = media_type.format_of(Path(f"-.{options.ext}"))
        return _Named(source, Job(source.path, output, target))
    if not _is_file_name(output, media_type):
        raise InvalidOptionError(
            "`inputs` - has no name to call the output by: add `output` - or `output` "
            f"NAME{media_type.default_suffix}"
        )
    if options.ext != "auto" and output.suffix.lower() != f".{options.ext}":
        raise InvalidOptionError(
            f"`output` {output} and `ext` {options.ext} contradict each other: drop one"
        )
    return _Named(source, Job(source.path, output, media_type.format_of(output)))


def _number(
    named: Sequence[_Named],
    real_path: RealPaths,
    reserved: set[str],
    earlier: Mapping[Path, Path],
) -> list[list[Job]]:
    """Numbers the outputs of inputs that would have the same: ``a_out.png``, ``a_out_2.png``.

    The first input in order keeps the name, unless an earlier output has it.

    Args:
        named: The jobs, which are changed.
        real_path: Gives paths without links.
        reserved: Real paths that no number may lead to.
        earlier: Outputs that stay those of their inputs.

    Returns:
        The groups of jobs whose names depend on one another.
    """
    groups: defaultdict[str, list[_Named]] = defaultdict(list)
    for each in named:
        if each.job.destination == STANDARD_STREAM:
            continue
        kept = earlier.get(each.job.source)
        if kept is not None:
            each.job = Job(each.job.source, kept, each.job.target)
        each.real_destination = real_path(each.job.destination)
        groups[each.real_destination].append(each)
    owners = {real_path(destination): source for source, destination in earlier.items()}
    taken = {*groups, *owners, *reserved}
    shared = []
    for real, group in groups.items():
        owner = owners.get(real, group[0].job.source)
        others = [each for each in group if each.job.source != owner]
        for each in others:
            _give_number(each, real_path, taken)
        if others:
            shared.append([each.job for each in group])
    return shared


def _give_number(each: _Named, real_path: RealPaths, taken: set[str]) -> None:
    """Gives a job the first free number, and takes it."""
    wanted = each.job.destination
    for number in count(2):
        destination = wanted.with_name(f"{wanted.stem}_{number}{wanted.suffix}")
        real = real_path(destination)
        if real not in taken:
            break
    taken.add(real)
    each.real_destination = real
    each.job = Job(each.job.source, destination, each.job.target)


def _existing(jobs: Iterable[Job], groups: Iterable[Sequence[Job]]) -> set[Path]:
    """Returns the sources of jobs whose output an earlier run has made.

    A number that is older than one of the inputs that it depends on may belong to another of them.
    """
    exists = _Existing()
    existing = {
        job.source for job in jobs if job.destination != STANDARD_STREAM and exists(job.destination)
    }
    for group in groups:
        made = [_changed_at(job.destination) for job in group if job.source in existing]
        if made and min(made) < max(_changed_at(job.source) for job in group):
            existing -= {job.source for job in group}
    return existing


class _Existing:
    """Tells which outputs exist by one listing of each folder, not by a question for each file."""

    def __init__(self) -> None:
        self._names: dict[Path, set[str]] = {}

    def __call__(self, path: Path) -> bool:
        names = self._names.get(path.parent)
        if names is None:
            names = self._names[path.parent] = _names_in(path.parent)
        return path.name in names


def _names_in(folder: Path) -> set[str]:
    """Returns the names in a folder, but not of links that lead nowhere; none if it is missing."""
    if is_url(folder):
        from realesr.media.remote import listed

        try:
            return {path.name for path, *_ in listed(folder, is_recursive=False)}
        except UnreadableMediaError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return set()
            raise
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name
                for entry in entries
                if not entry.is_symlink() or os.path.exists(entry.path)  # noqa: PTH110
            }
    except OSError:
        return set()


def _changed_at(path: Path) -> int:
    """Returns when a file got its content or its place, ns; 0 if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _refuse_impossible(jobs: Iterable[Job], encoding: EncodingOptions) -> None:
    for job in jobs:
        target = job.target
        if encoding.lossless and isinstance(target, ImageFormat) and not target.is_lossless:
            raise InvalidOptionError(
                f"`lossless`: {job.destination} would be {target.name}, which always loses "
                "some: add `ext` png or webp"
            )


def _refuse_replacing(named: Iterable[_Named]) -> None:
    inputs = {each.source.real for each in named}
    for each in named:
        if each.job.destination != STANDARD_STREAM and each.real_destination in inputs:
            raise InvalidOptionError(
                f"{each.job.destination} would replace an input: choose another `output` or "
                "`suffix`; if an earlier run has made it, `skip_existing` goes on"
            )
