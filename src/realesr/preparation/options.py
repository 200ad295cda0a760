"""Options of ``realesr prepare``. Imports nothing large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.option_types import adopt_types
from realesr.overwriting import refuse_within

HASH_BITS = 256
"""Bits of the hashes by which copies are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """Options of making training sets from clean pictures.

    Attributes:
        sources: Folders and tar files.
        exclude: Folders and tar files whose pictures must not occur in the result.
        output: Folder of the result.
        is_multiscale: Whether smaller copies are made, too.
        sub_images: Side of the squares that pictures are cut into, px; None for whole pictures.
        step: Distance of the squares, px.
        threshold: What may be left over at an edge without another square, px.
        scales: Scales for which low-resolution partners are made.
        split: Shares of training, validation and test pictures; they sum to 1.
        distance: Number of bits of 256 in which the hashes of copies may differ.
        keep_copies: Whether copies stay, all in one split; those of excluded pictures never do.
        min_side: Pictures with a shorter side are left out, px.
        seed: Seed of the split.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    sources: tuple[Path, ...]
    output: Path
    exclude: tuple[Path, ...] = ()
    is_multiscale: bool = False
    sub_images: int | None = None
    step: int = 200
    threshold: int = 0
    scales: tuple[int, ...] = ()
    split: tuple[float, float, float] = (1.0, 0.0, 0.0)
    distance: int = 10
    keep_copies: bool = False
    min_side: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        adopt_types(self)
        for option, number, least in (
            ("`sub_images`", self.sub_images, 16),
            ("`step`", self.step, 1),
            ("`threshold`", self.threshold, 0),
            ("`distance`", self.distance, 0),
            ("`min_side`", self.min_side, 1),
        ):
            if number is not None and number < least:
                raise InvalidOptionError(f"{option} {number}: must be {least} or more")
        for scale in self.scales:
            if not 2 <= scale <= 16:
                raise InvalidOptionError(f"`scales` {scale}: must be between 2 and 16")
            if self.scales.count(scale) > 1:
                raise InvalidOptionError(f"`scales` {scale}: is named twice: name it once")
        if self.sub_images is not None and self.sub_images < self.multiple:
            raise InvalidOptionError(
                f"`sub_images` {self.sub_images}: must be {self.multiple} or more, of which all "
                "`scales` are divisors"
            )
        if self.distance > HASH_BITS:
            raise InvalidOptionError(f"`distance` {self.distance}: must be at most {HASH_BITS}")
        if not (min(self.split) >= 0 and abs(sum(self.split) - 1) <= 1e-6):  # nor with a NaN
            shares = ",".join(f"{share:g}" for share in self.split)
            raise InvalidOptionError(f"`split` {shares}: must be three shares that sum to 1")
        refuse_within(self.output, ((path, path) for path in (*self.sources, *self.exclude)))

    @property
    def multiple(self) -> int:
        """What both sides of a picture are cut to multiples of, px."""
        return math.lcm(*self.scales)
