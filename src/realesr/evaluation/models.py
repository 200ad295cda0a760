"""The models of an evaluation: networks, plain filters, and blends of their results."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.evaluation.options import EvaluationOptions
from realesr.loading.resolve import DownloadProgress, NetworkFiles, ensure_files
from realesr.options import DEFAULT_MODEL, UpscaleOptions
from realesr.progress import Notify
from realesr.weights.catalog import BASELINES, find_model
from realesr.weights.fetch import sha256_of
from realesr.weights.foreign import files_of
from realesr.weights.suffixes import NETWORK_SUFFIXES

_PART = re.compile(r"(?:(\d*\.?\d+)\*)?(.+)")


@dataclass(frozen=True, slots=True)
class Part:
    """A network or a plain filter, and its share of a model."""

    options: UpscaleOptions
    files: NetworkFiles | None
    share: float


@dataclass(frozen=True, slots=True)
class Model:
    """What turns an input into a result.

    Attributes:
        name: Name in tables.
        parts: Networks and filters whose results are averaged.
        identity: A hash of weights, shares and options; results may change with it.
    """

    name: str
    parts: tuple[Part, ...]
    identity: str


def find_models(
    options: EvaluationOptions, *, downloading: DownloadProgress, notify: Notify
) -> list[Model]:
    """Finds or downloads the weights of all models. Imports nothing large.

    A blend is written ``A+B`` (equal shares) or ``0.7*A+0.3*B``.

    Raises:
        UnknownModelError: The catalog has no such model.
        WeightsError: Weights are not available.
        InvalidOptionError: Two models have the same name, or shares do not sum to 1.
    """
    models: dict[str, Model] = {}
    for text in options.models:
        pieces = [text] if Path(text).is_file() else text.split("+")
        parts = []
        for piece in pieces:
            share, name = (None, piece) if Path(piece).is_file() else _parsed(piece, text)
            chosen = _options_of(name, options)
            files = ensure_files(chosen, downloading=downloading, notify=notify)
            parts.append(Part(chosen, files, 1 / len(pieces) if share is None else share))
        if abs(sum(part.share for part in parts) - 1) > 1e-6:
            raise InvalidOptionError(f"`models` {text}: the shares do not sum to 1")
        name = "+".join(_label(part, len(parts)) for part in parts)
        if name in models:
            raise InvalidOptionError(f"`models` {text}: another one is called {name}, too")
        models[name] = Model(name, tuple(parts), _identity(parts))
    return list(models.values())


def _parsed(piece: str, text: str) -> tuple[float | None, str]:
    """Returns the share of a part of a blend, if it has one, and the name.

    Raises:
        InvalidOptionError: The part is empty; the error quotes the whole text.
    """
    found = _PART.fullmatch(piece.strip())
    if found is None:
        raise InvalidOptionError(f"`models` {text!r}: must be a name, a file, or a blend like A+B")
    return (None if found[1] is None else float(found[1])), found[2].strip()


def _options_of(name: str, options: EvaluationOptions) -> UpscaleOptions:
    is_file = Path(name).suffix.lower() in NETWORK_SUFFIXES
    if not is_file and name not in BASELINES:
        find_model(name, files="Nor is it a file, such as new.safetensors")
    return UpscaleOptions(
        model_name=DEFAULT_MODEL if is_file else name,
        model_path=Path(name) if is_file else None,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
    )


def _label(part: Part, count: int) -> str:
    path = part.options.model_path
    name = part.options.model_name if path is None else path.stem
    return name if count == 1 else f"{part.share:.3g}*{name}"


def _identity(parts: Sequence[Part]) -> str:
    words = []
    for part in parts:
        shaping = replace(part.options, model_path=None, device="auto", threads=None)
        words += [repr(shaping), f"{part.share:.6g}"]
        if part.files is None:
            continue
        words += [*map(sha256_of, files_of(part.files.path)), f"{part.files.weight:.6g}"]
        if part.files.other is not None:
            words.append(sha256_of(part.files.other))
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]
