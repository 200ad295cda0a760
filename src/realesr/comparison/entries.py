"""What is compared: models, plain filters, files of weights, and ready results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.media.formats import IMAGES, VIDEOS
from realesr.options import UpscaleOptions
from realesr.weights.catalog import BASELINES, find_model, is_plain
from realesr.weights.suffixes import NETWORK_SUFFIXES

INPUT = "input"
"""Name of the images that are upscaled, which every page shows, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One of the things that are compared; either ``options`` or ``results`` is set.

    Attributes:
        name: Name on the page.
        options: How inputs are upscaled; None for ready results.
        results: Folder with a result for each input, or the result of a single input.
    """

    name: str
    options: UpscaleOptions | None = None
    results: Path | None = None

    @property
    def has_network(self) -> bool:
        """Whether a network makes the results, which gets the color of a JPEG smoothed."""
        options = self.options
        return options is not None and not is_plain(options.model_name, options.model_path)


_FILES = "Nor is it an existing folder of results, or a file such as new.safetensors or new.onnx"


def parse_entries(texts: Sequence[str], common: UpscaleOptions) -> tuple[Entry, ...]:
    """Parses entries such as ``bicubic``, ``weights.pth``, ``old=weights.pth``, ``theirs=folder/``.

    Args:
        texts: One text an entry. A name precedes an equals sign; a text without one names itself.
        common: Options of all models.

    Raises:
        InvalidOptionError: Two entries have one name, a name is reserved, or nothing follows it.
        UnknownModelError: An entry is neither a model, nor a file, nor a folder.
        UnreadableMediaError: A file of weights does not exist.
    """
    named = [_split(text) for text in texts]
    entries = tuple(_parse_entry(name, value, common) for name, value in named)
    names = [entry.name for entry in entries]
    for index, name in enumerate(names):
        if name in names[:index]:
            value = named[index][1]
            raise InvalidOptionError(
                f"two entries are called {name}: give one another name, as in NAME={value}"
            )
    if INPUT in names:
        raise InvalidOptionError(f"{INPUT} is on every page: give the entry another name")
    return entries


def _split(text: str) -> tuple[str, str]:
    """Returns the name that an entry is given, or nothing, and what it is.

    Raises:
        InvalidOptionError: It is nothing, as of an unset variable of a shell.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        name, value = "", text
    if not value.strip():
        raise InvalidOptionError(
            f"{text!r}: the model is missing; write {name and name + '='}. for the current folder"
        )
    return name, value


def _parse_entry(name: str, value: str, common: UpscaleOptions) -> Entry:
    path = Path(value)
    if path.suffix.lower() in NETWORK_SUFFIXES:
        if not path.is_file():
            raise UnreadableMediaError(f"{path}: no such file of weights")
        return Entry(name=name or path.stem, options=replace(common, model_path=path))
    is_model = value in BASELINES
    if path.is_dir() and not is_model:
        return Entry(name=name or path.resolve().name, results=path)
    if path.is_file() and (IMAGES.matches(path) or VIDEOS.matches(path)):
        return Entry(name=name or path.stem, results=path)
    if not is_model:
        value = find_model(value, files=_FILES).name
    return Entry(name=name or value, options=replace(common, model_name=value))
