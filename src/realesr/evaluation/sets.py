"""Sets of pictures, and the inputs that are made of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from realesr.degradation.degrader import seed_of
from realesr.degradation.levels import FIXED_LEVELS, degrade_fixed
from realesr.degradation.operations import from_levels, quantize
from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.evaluation.options import TRUTH
from realesr.imaging.matlab import imresize
from realesr.media.images.index import Entry, index_images, read_entry

Levels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TestPicture:
    """A picture of a set.

    Attributes:
        set_name: Name of the set.
        name: Name of the picture in it, without a suffix.
        truth: The original; of a set without originals, the input.
        given: The input that comes with the set, or None.
    """

    set_name: str
    name: str
    truth: Entry
    given: Entry | None = None

    __test__ = False


@dataclass(frozen=True, slots=True)
class Case:
    """An input, and what should become of it.

    Attributes:
        lr: The input, (h, w, 3) uint8 RGB.
        hr: The original, (h * scale, w * scale, 3); None if there is none.
        fingerprint: Changes with either of them.
    """

    lr: Levels
    hr: Levels | None
    fingerprint: int


def list_pictures(
    sets: Sequence[Path], *, scale: int, limit: int | None = None
) -> list[TestPicture]:
    """Lists the pictures of sets.

    A set is a folder or a tar file of pictures, or a folder with ``HR`` and, for the inputs, a
    folder such as ``LRbicx4``, whose name begins with LR and ends with the scale.

    Raises:
        UnreadableMediaError: A set cannot be read, or holds no picture.
        InvalidOptionError: Two sets have the same name, or one is named twice.
    """
    pictures: list[TestPicture] = []
    places: dict[str, Path] = {}
    for path in sets:
        whole = path.resolve()
        name = whole.name if whole.is_dir() else whole.stem
        if name in places:
            twice = f"another set is called {name}, too: rename one of them"
            if places[name] == whole:
                twice = "the set is named twice: name it once"
            raise InvalidOptionError(f"`sets` {path}: {twice}")
        places[name] = whole
        found = _pictures_of(path, name, scale)
        if not found:
            raise UnreadableMediaError(f"{path} holds no picture")
        pictures += found[:limit]
    return pictures


def _pictures_of(path: Path, name: str, scale: int) -> list[TestPicture]:
    has_truth = (path / TRUTH).is_dir()
    truths = _by_stem(path / TRUTH if has_truth else path)
    given: dict[str, Entry] = {}
    if has_truth:
        for folder in sorted(path.iterdir()):
            label = folder.name.lower()
            if folder.is_dir() and label.startswith("lr") and label.endswith(f"x{scale}"):
                given = {stem.removesuffix(f"x{scale}"): e for stem, e in _by_stem(folder).items()}
                break
    return [TestPicture(name, stem, entry, given.get(stem)) for stem, entry in truths.items()]


def _by_stem(path: Path) -> dict[str, Entry]:
    found = {}
    for entry in index_images(path, reads_sizes=False):
        inner = entry.name or entry.path.relative_to(path).as_posix()
        stem = PurePosixPath(inner).with_suffix("")
        key = str(stem) if str(stem) not in found else inner
        found[key.replace("/", "__")] = entry
    return found


def check_given(pictures: Sequence[TestPicture], *, scale: int) -> None:
    """Checks, before anything is made, that every set has inputs for ``given``.

    Raises:
        InvalidOptionError: A set has none at all; a single one that is missing is a failed picture.
    """
    with_inputs = {picture.set_name for picture in pictures if picture.given is not None}
    for picture in pictures:
        if picture.set_name not in with_inputs:
            raise InvalidOptionError(
                f"`degradations` given: {picture.set_name} has no input in a folder such as "
                f"LRbicx{scale}, beside a folder {TRUTH}"
            )


def make_case(picture: TestPicture, degradation: str, *, scale: int, seed: int) -> Case:
    """Makes the input of a picture. Noise depends on the seed and the picture's name.

    Raises:
        UnreadableMediaError: A file has vanished or is damaged, or is smaller than a pixel of the
            input; or the set has no input for ``given``.
    """
    truth = read_entry(picture.truth)
    if degradation == "none":
        return Case(truth, None, zlib.crc32(truth.tobytes()))
    if degradation == "given":
        if picture.given is None:
            raise UnreadableMediaError(
                f"{picture.set_name} has no input for {picture.name} in a folder such as "
                f"LRbicx{scale}"
            )
        lr = read_entry(picture.given)
        height, width = lr.shape[0] * scale, lr.shape[1] * scale
    else:
        height, width = (side // scale * scale for side in truth.shape[:2])
    hr = np.ascontiguousarray(truth[:height, :width])
    if not hr.size or hr.shape[:2] != (height, width):
        raise UnreadableMediaError(
            f"{picture.truth}: {truth.shape[1]}x{truth.shape[0]} px does not fit an input at "
            f"x{scale}"
        )
    if degradation == "bicubic":
        lr = imresize(hr, width // scale, height // scale)
    elif degradation != "given":
        damage = FIXED_LEVELS[degradation]
        noise = seed_of(seed, picture.name)
        lr = quantize(degrade_fixed(from_levels(hr), damage, scale=scale, seed=noise))
    return Case(lr, hr, zlib.crc32(lr.tobytes(), zlib.crc32(hr.tobytes())))
