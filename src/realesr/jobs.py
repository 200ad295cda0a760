"""Jobs, and long lists of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self, overload

from realesr.media.formats import Format
from realesr.media.urls import is_url
from realesr.spool import Digests, Record, Spool


@dataclass(frozen=True, slots=True)
class Job:
    """An input, its output and the format of the output; ``-`` is a standard stream.

    Attributes:
        source: The input.
        destination: The output.
        target: Its format.
        size_bytes: Size of an input in a store, bytes; None for a file, which may be asked.
    """

    source: Path
    destination: Path
    target: Format
    size_bytes: int | None = field(default=None, compare=False)


class Jobs(Sequence[Job]):
    """A list of jobs that lies on the disk if it is long."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._folders: list[Path] = []
        self._numbers: dict[tuple[str, bool], int] = {}
        self._targets: list[Format] = []

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Job]:
        return map(self._job, self._spool)

    @overload
    def __getitem__(self, index: int) -> Job: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...

    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self._job(self._spool.at(place)) for place in places]
        return self._job(self._spool.at(places))

    @property
    def targets(self) -> Collection[Format]:
        """The formats of the outputs, each once."""
        return tuple(self._targets)

    def append(self, job: Job) -> None:
        """Adds a job."""
        if job.target not in self._targets:
            self._targets.append(job.target)
        self._spool.append(
            (
                *self._split(job.source),
                *self._split(job.destination),
                self._targets.index(job.target),
                job.size_bytes,
            )
        )

    def _split(self, path: Path) -> tuple[int, str]:
        """Returns the number of a path's folder, and its name there."""
        text, name = str(path), path.name
        key = text[: len(text) - len(name)], is_url(path)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._folders)
            self._folders.append(path.parent)
        return number, name

    def _job(self, record: Record) -> Job:
        source, name, destination, output, target, size_bytes = record
        return Job(
            self._folders[source] / name,
            self._folders[destination] / output,
            self._targets[target],
            size_bytes,
        )


class Entry(NamedTuple):
    """A job in the making.

    Attributes:
        job: The job.
        source: Stands for the real path of the input.
        destination: Stands for that of the output; None for a stream.
    """

    job: Job
    source: bytes
    destination: bytes | None


class Draft:
    """The jobs of a run in the making.

    Attributes:
        jobs: The jobs in order.
        sources: Real paths of inputs.
        destinations: Real paths of outputs, without streams.
    """

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.sources = Digests()
        self.destinations = Digests()
        self._digests = Spool()

    def __len__(self) -> int:
        return len(self.jobs)

    def __iter__(self) -> Iterator[Entry]:
        for job, (source, destination) in zip(self.jobs, self._digests, strict=True):
            yield Entry(job, source, destination)

    def add(self, entry: Entry) -> None:
        """Adds a job at the end."""
        self.jobs.append(entry.job)
        self._digests.append((entry.source, entry.destination))
        self.sources.add(entry.source)
        if entry.destination is not None:
            self.destinations.add(entry.destination)

    def kept(self, is_kept: Callable[[Entry], bool]) -> Self:
        """Returns a draft of some of the jobs, in the same order."""
        draft = type(self)()
        for entry in self:
            if is_kept(entry):
                draft.add(entry)
        return draft

    def once(self) -> Draft:
        """Returns a draft that has each input once, where it was found first."""
        repeated = self.sources.repeated()
        if not repeated:
            return self
        seen: set[bytes] = set()

        def is_first(entry: Entry) -> bool:
            if entry.source not in repeated:
                return True
            is_new = entry.source not in seen
            seen.add(entry.source)
            return is_new

        return self.kept(is_first)
