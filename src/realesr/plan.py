"""Planning of jobs from paths and options. No pixels are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from types import MappingProxyType

from realesr.errors import InvalidOptionError
from realesr.existing import without_existing
from realesr.jobs import Draft, Entry, Job, Jobs
from realesr.media.formats import (
    IMAGES,
    STANDARD_STREAM,
    VIDEOS,
    AnyMediaType,
    Format,
    ImageFormat,
)
from realesr.media.real_paths import RealPaths
from realesr.media.search import PathList, Refusal, Search, Source
from realesr.media.series.names import check_series_target, frames_of, numbered_target
from realesr.media.urls import is_url
from realesr.options import EncodingOptions, FileOptions
from realesr.progress import Notice
from realesr.special import special_kind
from realesr.spool import Digests, digest_of

_NEVER_FOLDERS = frozenset(
    (
        *(*IMAGES.suffixes, *VIDEOS.suffixes, *IMAGES.hints, *VIDEOS.hints),
        *(".gif", ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".tga", ".psd", ".exr", ".hdr", ".ico"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".svg", ".pdf", ".eps", ".dng", ".raw"),
    )
)
"""Suffixes of media: a new output with one is meant to be a file, although it cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The jobs of a run.

    Long lists of a plan that was made lie on the disk.

    Attributes:
        jobs: The jobs in order.
        skipped: Files in input folders that are not of the media type.
        existing: Jobs that are left out because their outputs exist.
        refused: Inputs that fail before any work; the others go on.
        notices: What else is left out.
    """

    jobs: Sequence[Job]
    skipped: PathList | tuple[Path, ...] = ()
    existing: Sequence[Job] = ()
    refused: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def targets(self) -> Collection[Format]:
        """The formats of the outputs, each once."""
        if isinstance(self.jobs, Jobs):
            return self.jobs.targets
        return {job.target for job in self.jobs}

    def is_of_one(self, output: Path) -> bool:
        """Returns whether all that is made is one file of this name."""
        return len(self.jobs) == 1 and self.jobs[0].destination == output


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
    wanted = Draft()
    for source in search.sources():
        job = _job(source, options, media_type)
        kept = earlier.get(job.source)
        if kept is not None:
            job = replace(job, destination=kept)
        wanted.add(_entry(job, source.real, search.real_path))
    found = search.found
    wanted = _without_earlier_outputs(wanted.once(), options, search.real_path)
    has_stream = STANDARD_STREAM in (options.output, *options.inputs)
    is_file = _is_pattern(options.output, media_type) or _is_file_name(options.output, media_type)
    if len(wanted) and (has_stream or is_file):
        wanted = _with_named_output(wanted, options, media_type, search.real_path)
    owners = {
        digest_of(search.real_path(destination)): source for source, destination in earlier.items()
    }
    numbered = _number(wanted, search.real_path, owners)
    _refuse_replacing(numbered)
    if media_type is VIDEOS:
        _refuse_replacing_frames(numbered, options.inputs)
    refuse_impossible(numbered.jobs, options.encoding)
    jobs, existing = numbered.jobs, Jobs()
    if options.skip_existing:
        jobs, existing = without_existing(wanted, numbered)
    if len(found.refused) == 1 and not len(numbered) and not options.watch:
        raise found.refused[0].error
    return Plan(
        jobs=jobs,
        skipped=found.others,
        existing=existing,
        refused=tuple(found.refused),
        notices=tuple(
            Notice("special-file-skipped", f"{path} is {kind}: left out")
            for path, kind in found.special
        ),
    )


def _entry(job: Job, real_source: str, real_path: RealPaths) -> Entry:
    is_stream = job.destination == STANDARD_STREAM
    destination = None if is_stream else digest_of(real_path(job.destination))
    return Entry(job, digest_of(real_source), destination)


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
            f"{', or - for standard output' if media_type is not VIDEOS else ''}"
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
    return media_type is VIDEOS and numbered_target(output) is not None


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
    folder = _mirrored(path.parent, below, options.output) if below else options.output
    destination = folder / f"{path.stem}{suffix}{extension}"
    return Job(path, destination, media_type.format_of(destination), source.size_bytes)


@lru_cache(maxsize=64)
def _mirrored(folder: Path, below: Path, output: Path) -> Path:
    return output / folder.relative_to(below)


def _without_earlier_outputs(wanted: Draft, options: FileOptions, real_path: RealPaths) -> Draft:
    """Removes inputs that are existing outputs, if both are in the same folder."""
    folders = {os.path.realpath(path) for path in options.inputs if path != STANDARD_STREAM}
    if not options.skip_existing or os.path.realpath(options.output) not in folders:
        return wanted
    trial = _number(wanted, real_path, {}, is_reserved=False)
    outputs = Digests()
    for entry in trial:
        if entry.destination is not None and entry.destination != entry.source:
            outputs.add(entry.destination)
    return wanted.kept(lambda entry: entry.source not in outputs)


def _with_named_output(
    wanted: Draft, options: FileOptions, media_type: AnyMediaType, real_path: RealPaths
) -> Draft:
    """Returns the only job, with the output file or stream that the options name."""
    output = options.output
    if len(wanted) > 1:
        raise InvalidOptionError(
            f"`output` {output} is for one {media_type.noun}, and there are {len(wanted)} inputs: "
            "name a folder"
        )
    (entry,) = wanted
    if _is_pattern(output, media_type):
        target: Format = check_series_target(output)
    elif output == STANDARD_STREAM:
        target = entry.job.target
        if options.ext != "auto":
            target = media_type.format_of(Path(f"-.{options.ext}"))
    elif not _is_file_name(output, media_type):
        raise InvalidOptionError(
            "`inputs` - has no name to call the output by: add `output` - or `output` "
            f"NAME{media_type.default_suffix}"
        )
    elif options.ext != "auto" and output.suffix.lower() != f".{options.ext}":
        raise InvalidOptionError(
            f"`output` {output} and `ext` {options.ext} contradict each other: drop one"
        )
    else:
        target = media_type.format_of(output)
    named = Draft()
    job = replace(entry.job, destination=output, target=target)
    is_stream = output == STANDARD_STREAM
    named.add(Entry(job, entry.source, None if is_stream else digest_of(real_path(output))))
    return named


def _number(
    wanted: Draft,
    real_path: RealPaths,
    owners: Mapping[bytes, Path],
    *,
    is_reserved: bool = True,
) -> Draft:
    """Numbers the outputs of inputs that would have the same: ``a_out.png``, ``a_out_2.png``.

    The first input in order keeps the name, unless an earlier output has it.

    Args:
        wanted: The jobs, each with the name that it would have alone.
        real_path: Gives paths without links.
        owners: Inputs of earlier outputs, by the real paths of these.
        is_reserved: Whether no number may lead to an input.

    Returns:
        The same jobs in the same order; the same draft if no name is wanted twice.
    """
    repeated = wanted.destinations.repeated()
    if not repeated and not owners:
        return wanted
    numbered = Draft()
    last: dict[bytes, int] = {}
    given: set[bytes] = set()

    def is_taken(name: bytes) -> bool:
        is_input = is_reserved and name in wanted.sources
        return is_input or name in wanted.destinations or name in owners or name in given

    for entry in wanted:
        name = entry.destination
        if name is None or (name not in repeated and name not in owners):
            numbered.add(entry)
            continue
        is_owner = owners[name] == entry.job.source if name in owners else name not in last
        last.setdefault(name, 1)
        if is_owner:
            numbered.add(entry)
            continue
        path = entry.job.destination
        for number in count(last[name] + 1):
            other = path.with_name(f"{path.stem}_{number}{path.suffix}")
            digest = digest_of(real_path(other))
            if not is_taken(digest):
                break
        last[name] = number
        given.add(digest)
        numbered.add(Entry(replace(entry.job, destination=other), entry.source, digest))
    return numbered


def refuse_impossible(jobs: Iterable[Job], encoding: EncodingOptions) -> None:
    """Refuses what the format of an output cannot do.

    Raises:
        InvalidOptionError: It should be lossless, and its format always loses some.
    """
    for job in jobs:
        target = job.target
        if encoding.lossless and isinstance(target, ImageFormat) and not target.is_lossless:
            raise InvalidOptionError(
                f"`lossless`: {job.destination} would be {target.name}, which always loses "
                "some: add `ext` png or webp"
            )


def _refuse_replacing(numbered: Draft) -> None:
    replaced = numbered.destinations.shared(numbered.sources)
    if not replaced:
        return
    for entry in numbered:
        if entry.destination in replaced:
            raise InvalidOptionError(
                f"{entry.job.destination} would replace an input: choose another `output` or "
                "`suffix`; if an earlier run has made it, `skip_existing` goes on"
            )


def _refuse_replacing_frames(numbered: Draft, inputs: Sequence[Path]) -> None:
    """Refuses an output that is one of the numbered frames which are read."""
    frames = {os.path.realpath(frame) for path in inputs for frame in frames_of(path)}
    if not frames:
        return
    for entry in numbered:
        if os.path.realpath(entry.job.destination) in frames:
            raise InvalidOptionError(
                f"{entry.job.destination} would replace a frame that is read: choose another "
                "`output`"
            )
