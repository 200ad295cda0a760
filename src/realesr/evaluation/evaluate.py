"""Runs an evaluation. The same call goes on where a run was interrupted."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from realesr.errors import MediaError, RealesrError
from realesr.evaluation.judges import Judges
from realesr.evaluation.models import Model
from realesr.evaluation.options import EvaluationOptions
from realesr.evaluation.provenance import RESULTS, code_identity
from realesr.evaluation.records import Record, RecordFile
from realesr.evaluation.sets import Case, Levels, TestPicture, check_given, list_pictures, make_case
from realesr.evaluation.worker import ModelProcess
from realesr.media.images.metadata import without_limit
from realesr.outputs import whole_file
from realesr.progress import Notice, Notify, Progress

PICTURES = "pictures"
"""Folder of the results, in the output folder."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation has found.

    Attributes:
        options: Its options.
        cases: Pictures with the ways in which their inputs were made.
        models: Names of the models, in order.
        records: One for each case and model, in this order of loops: model, case.
    """

    options: EvaluationOptions
    cases: tuple[tuple[TestPicture, str], ...]
    models: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def failed(self) -> tuple[Record, ...]:
        """Records of what went wrong."""
        return tuple(record for record in self.records if record.error is not None)


def evaluate(
    options: EvaluationOptions,
    models: Sequence[Model],
    *,
    notify: Notify,
    on_progress: Progress,
) -> Evaluation:
    """Measures every model on every picture, unless the records already have the figures.

    A model or a picture that fails is recorded, and the others go on.

    Args:
        options: What is measured.
        models: The models, with their weights.
        notify: Receives a notice where a metric is not defined for some pictures of a set.
        on_progress: Called after each picture and model.

    Raises:
        MediaError: A set cannot be read.
        InvalidOptionError: The output folder holds other records, or a set has no inputs at all.
        WeightsError, MissingExtraError: A metric lacks something.
    """
    pictures = list_pictures(options.sets, scale=options.scale, limit=options.limit)
    if "given" in options.degradations:
        check_given(pictures, scale=options.scale)
    cases = [
        (picture, degradation)
        for set_name in dict.fromkeys(picture.set_name for picture in pictures)
        for degradation in options.degradations
        for picture in pictures
        if picture.set_name == set_name
    ]
    judges = Judges(options)
    records: list[Record] = []
    with closing(RecordFile(options)) as file:
        for model in models:
            with ModelProcess(model) as process:
                for picture, degradation in cases:
                    run = _Run(options, model, process, judges, file)
                    records.append(run.measure(picture, degradation))
                    on_progress(len(records), len(models) * len(cases))
    for notice in _undefined(records):
        notify(notice)
    return Evaluation(options, tuple(cases), tuple(each.name for each in models), tuple(records))


@dataclass(frozen=True, slots=True)
class _Run:
    options: EvaluationOptions
    model: Model
    process: ModelProcess
    judges: Judges
    file: RecordFile

    def measure(self, picture: TestPicture, degradation: str) -> Record:
        """Returns the record of a picture: the one of an earlier run if it has all figures."""
        key = picture.set_name, degradation, picture.name, self.model.name
        before = self.file.found.get(key)
        try:
            case = make_case(picture, degradation, scale=self.options.scale, seed=self.options.seed)
        except MediaError as error:
            return self._added(Record(*key, self.model.identity, 0, error=str(error)))
        code = code_identity(RESULTS)
        empty = Record(*key, self.model.identity, case.fingerprint, code)
        if before is not None and before.error is None and _is_same(before, empty):
            missing = [
                name
                for name in self.options.metrics
                if before.judged.get(name) != self.judges.identities[name]
            ]
            kept = kept_result(self.options.output, before)
            is_removed = not result_path(self.options.output, key).exists()
            if not missing and (kept is not None or is_removed):
                return before
            if kept is not None:
                return self._judged(before, case, kept, missing)
        return self._upscaled(empty, case)

    def _upscaled(self, empty: Record, case: Case) -> Record:
        try:
            found = self.process.upscale(case.lr, self.options.scale)
        except RealesrError as error:
            return self._added(replace(empty, error=str(error)))
        _save(found.pixels, result_path(self.options.output, empty.key))
        timed = replace(
            empty,
            result=zlib.crc32(found.pixels.tobytes()),
            seconds=round(found.seconds, 4),
            peak_bytes=found.peak_bytes,
        )
        return self._judged(timed, case, found.pixels, self.options.metrics)

    def _judged(self, record: Record, case: Case, sr: Levels, names: Sequence[str]) -> Record:
        values, reasons = self.judges(sr, case, names)
        others = {name: v for name, v in record.values.items() if name not in names}
        other_reasons = {name: why for name, why in record.reasons.items() if name not in names}
        judged = {name: self.judges.identities[name] for name in names}
        return self._added(
            replace(
                record,
                values={**others, **{k: round(v, 6) for k, v in values.items()}},
                reasons={**other_reasons, **reasons},
                judged={**record.judged, **judged},
            )
        )

    def _added(self, record: Record) -> Record:
        self.file.add(record)
        return record


def _is_same(before: Record, now: Record) -> bool:
    return (before.identity, before.fingerprint, before.code) == (
        now.identity,
        now.fingerprint,
        now.code,
    )


def _undefined(records: Sequence[Record]) -> Iterator[Notice]:
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for record in records:
        for metric, reason in record.reasons.items():
            found[record.set_name, metric][record.picture] = reason
    for (set_name, metric), pictures in found.items():
        name, reason = next(iter(pictures.items()))
        yield Notice(
            "metric-left-out",
            f"{metric} is not defined for {len(pictures)} pictures of {set_name}: {name}: {reason}",
        )


def result_path(output: Path, key: tuple[str, str, str, str]) -> Path:
    """Returns where the result of a model is kept."""
    set_name, degradation, picture, model = key
    folder = re.sub(r"[^\w.+-]+", "_", model)
    return output / PICTURES / set_name / degradation / folder / f"{picture}.png"


def kept_result(output: Path, record: Record) -> Levels | None:
    """Returns the result of a record, (H, W, 3) uint8 RGB.

    None if there is none, if the file is gone or damaged, or if it is another one.
    """
    try:
        pixels = read_result(result_path(output, record.key))
    except Exception:  # of a damaged file, Pillow raises anything
        return None
    return pixels if zlib.crc32(pixels.tobytes()) == record.result else None


def read_result(path: Path) -> Levels:
    """Reads a kept result, (H, W, 3) uint8 RGB."""
    with without_limit(), PillowImage.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _save(pixels: Levels, path: Path) -> None:
    """Keeps a result, which gets its name when it is complete.

    Raises:
        UnwritableMediaError: The file cannot be written.
    """
    with whole_file(path) as file:
        PillowImage.fromarray(pixels).save(file, "PNG", compress_level=1)
