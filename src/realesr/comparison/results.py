"""Ready results: which file belongs to which input, and whether it looks like it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realesr.comparison.entries import Entry
from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.geometry import Size
from realesr.imaging.alpha import composite
from realesr.imaging.image import Image
from realesr.imaging.resize import resize
from realesr.media.formats import AnyMediaType

_SEPARATORS = ("_", "-")
"""What may follow the name of an input in the name of its result."""
_THUMBNAIL = Size(16, 16)
"""Size at which images are compared, px: all that a model may change is gone."""
_FLAT = 2.0
"""Deviation of a thumbnail that shows something, levels of 8 bits."""
_ALIKE = 0.7
"""Correlation of thumbnails of one picture. Results of models reach 0.99, and different pictures
seldom 0.5."""


def find_results(
    entries: Sequence[Entry], sources: Sequence[Path], kind: AnyMediaType
) -> dict[str, tuple[Path, ...]]:
    """Finds the ready results of all inputs.

    Args:
        entries: What is compared; those without ready results are passed over.
        sources: The inputs.
        kind: Images or videos.

    Returns:
        By the name of the entry, the results in the order of the inputs.

    Raises:
        InvalidOptionError: An entry is a single file, and there are several inputs.
        UnreadableMediaError: An input has no result, or more than one.
    """
    return {
        entry.name: tuple(_find(entry.results, source, sources, kind) for source in sources)
        for entry in entries
        if entry.results is not None
    }


def _find(results: Path, source: Path, sources: Sequence[Path], kind: AnyMediaType) -> Path:
    """Finds the result of an input: a file with its name, or one that begins with it."""
    if results.is_file():
        if len(sources) > 1:
            raise InvalidOptionError(f"{results} is one result of several inputs: name a folder")
        return results
    inputs = {os.path.realpath(each) for each in sources}
    files = [
        path
        for path in sorted(results.iterdir())
        if kind.matches(path) and path.is_file() and os.path.realpath(path) not in inputs
    ]
    # What begins with the longer name of another input is the result of that one.
    longer = {each.stem for each in sources if _is_of(each.stem, source.stem)}
    for found in (
        [path for path in files if path.stem == source.stem],
        [
            path
            for path in files
            if _is_of(path.stem, source.stem)
            and not any(path.stem == stem or _is_of(path.stem, stem) for stem in longer)
        ],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise UnreadableMediaError(f"{results}: several results of {source.name}: {names}")
    raise UnreadableMediaError(
        f"{results}: no result of {source.name}: its name must be {source.stem}, or begin with "
        f"{source.stem}_"
    )


def _is_of(name: str, source: str) -> bool:
    """Returns whether a name is that of a source with something behind it."""
    return name.startswith(tuple(source + separator for separator in _SEPARATORS))


def thumbnail(image: Image) -> NDArray[np.float32]:
    """Returns an image so small that only its content is left, (16, 16), 0 to 255."""
    if image.alpha is not None:
        image = composite(image)
    small = resize(image, _THUMBNAIL, np.dtype(np.uint8))
    return np.asarray(small.pixels.mean(axis=2, dtype=np.float32))


def looks_alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Returns whether two thumbnails may be of the same picture; a flat one tells nothing."""
    if min(one.std(), other.std()) < _FLAT:
        return True
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) >= _ALIKE
