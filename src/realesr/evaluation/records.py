"""Records of an evaluation: one JSON line for each picture and model, so that a run can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from realesr.errors import InvalidOptionError, UnwritableMediaError
from realesr.evaluation.options import EvaluationOptions
from realesr.journals import read_journal
from realesr.reasons import reason_of

RECORDS = "records.jsonl"

Key = tuple[str, str, str, str]
"""Set, degradation, picture, model."""


@dataclass(frozen=True, slots=True)
class Record:
    """What was measured of one result.

    Attributes:
        set_name: Name of the set.
        degradation: How the input was made.
        picture: Name of the picture.
        model: Name of the model.
        identity: Hash of the model's weights and options.
        fingerprint: Hash of input and original.
        code: Hash of the code that has made the result.
        result: Hash of the result; None after an error.
        seconds: Time of upscaling, s; None after an error.
        peak_bytes: Memory of the model's process at its peak; None after an error.
        values: Metrics by name.
        reasons: Why metrics are not defined, by name.
        judged: Hash of the code and the weights of each metric that was tried, by name.
        error: What went wrong; None if nothing did.
    """

    set_name: str
    degradation: str
    picture: str
    model: str
    identity: str
    fingerprint: int
    code: str = ""
    result: int | None = None
    seconds: float | None = None
    peak_bytes: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    judged: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def key(self) -> Key:
        """What the record is about."""
        return self.set_name, self.degradation, self.picture, self.model


class RecordFile:
    """The file of records of an output folder; later lines replace earlier ones.

    Args:
        options: Options of the evaluation.

    Raises:
        InvalidOptionError: The folder holds records with another scale, seed or crop.
        UnwritableMediaError: The folder cannot be written.
    """

    def __init__(self, options: EvaluationOptions) -> None:
        self._path = options.output / RECORDS
        self.found: dict[Key, Record] = {}
        fixed = {"scale": options.scale, "seed": options.seed, "crop": options.border}
        is_new = not self._path.is_file()
        if not is_new:
            self._read(fixed)
        try:
            options.output.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise UnwritableMediaError(f"{self._path}: {reason_of(error)}") from error
        if is_new:
            self._write({"options": fixed})
        else:
            self._file.write("\n")  # ends a line that an interruption has cut

    def _read(self, fixed: dict[str, int]) -> None:
        for entry in read_journal(self._path):
            options = entry.get("options")
            if isinstance(options, dict):
                for name, value in fixed.items():
                    if options.get(name) != value:
                        raise InvalidOptionError(
                            f"`output` {self._path.parent} holds records with `{name}` "
                            f"{options.get(name)}, not {value}: choose another folder"
                        )
            elif (record := _record(entry)) is not None:
                self.found[record.key] = record

    def add(self, record: Record) -> None:
        """Notes a record at once."""
        self.found[record.key] = record
        self._write(asdict(record))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def _record(entry: Mapping[str, Any]) -> Record | None:
    """Returns the record of a line; None if it is of another version, damaged or not ours."""
    try:
        record = Record(**entry)
    except TypeError:
        return None
    is_whole = (
        all(isinstance(part, str) for part in (*record.key, record.identity, record.code))
        and isinstance(record.seconds, int | float | None)
        and isinstance(record.peak_bytes, int | None)
        and all(isinstance(each, dict) for each in (record.values, record.reasons, record.judged))
        and all(isinstance(value, int | float) for value in record.values.values())
    )
    return record if is_whole else None
