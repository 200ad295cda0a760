"""Options of comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.option_types import adopt_types

FORMATS = ("webp", "jpeg", "png")
"""Formats of embedded images; every browser shows them."""
CLIP_FORMATS = ("mp4", "webm")
"""Containers of embedded clips: H.264, and VP9."""
QUESTIONS = ("pairs", "ratings")
DEFAULT_LIMIT = 100 * 2**20
"""Largest page, bytes: browsers hold a page in memory, and mail servers refuse less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """Options of a page that compares results.

    Attributes:
        format: Format of embedded images, one of :data:`FORMATS`.
        clip_format: Container of embedded clips, one of :data:`CLIP_FORMATS`.
        quality: Quality of embedded images, 1 to 100; PNG ignores it.
        crf: Quality of embedded clips in the encoder's scale; lower is better.
        limit: Largest size of the page, bytes.
        crop: Size of the part of each input that is compared, px; None for all of it. The part
            with the most detail is taken.
        start: Start of the excerpt of clips, s.
        frames: Largest number of frames of a clip.
        blind: Whether names are hidden and shuffled, and the viewer is asked.
        ask: What a blind page asks: ``pairs`` for the better of two, ``ratings`` for 1 to 5.
        seed: Seed of the shuffling.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    format: str = "webp"
    clip_format: str = "mp4"
    quality: int = 90
    crf: float = 16
    limit: int = DEFAULT_LIMIT
    crop: Size | None = None
    start: Fraction = Fraction(0)
    frames: int = 48
    blind: bool = False
    ask: str = "pairs"
    seed: int = 0

    def __post_init__(self) -> None:
        adopt_types(self)
        for name, value, choices in (
            ("format", self.format, FORMATS),
            ("clip_format", self.clip_format, CLIP_FORMATS),
            ("ask", self.ask, QUESTIONS),
        ):
            if value not in choices:
                raise InvalidOptionError(f"`{name}` {value}: must be one of {', '.join(choices)}")
        if not 1 <= self.quality <= 100:
            raise InvalidOptionError(f"`quality` {self.quality}: must be between 1 and 100")
        if not 0 <= self.crf <= 63:
            raise InvalidOptionError(f"`crf` {self.crf:g}: must be between 0 and 63")
        if self.frames < 1:
            raise InvalidOptionError(f"`frames` {self.frames}: must be 1 or more")
        if self.start < 0:
            raise InvalidOptionError(f"`start` {float(self.start):g}: must be 0 or more seconds")
        if self.seed < 0:
            raise InvalidOptionError(f"`seed` {self.seed}: must be 0 or more")
        if self.limit < 1:
            raise InvalidOptionError(f"`limit` {self.limit}: must be above 0")
