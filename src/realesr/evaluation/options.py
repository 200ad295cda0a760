"""Options of ``realesr evaluate``. Imports nothing large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.option_types import adopt_types
from realesr.options import FIXED_DAMAGE_LEVELS
from realesr.overwriting import refuse_within

TRUTH = "HR"
"""Folder of the original pictures in a set that also has inputs."""
METRICS = (
    "psnr",
    "psnr-rgb",
    "ssim",
    "ssim-rgb",
    "ms-ssim",
    "niqe",
    "lpips",
    "lpips-vgg",
    "lpips-squeeze",
    "dists",
    "squeezenet",
    "efficientnet-lite0",
    "efficientnet-lite2",
    "shift",
)
"""Names of metrics, in the order of columns."""
NEED_NO_TRUTH = ("niqe", "shift")
HIGHER_IS_BETTER = ("psnr", "psnr-rgb", "ssim", "ssim-rgb", "ms-ssim")
DEFAULT_METRICS = ("psnr", "ssim", "shift")
DEFAULT_SCALE = 4

DEGRADATIONS = ("bicubic", *FIXED_DAMAGE_LEVELS, "given", "none")
"""How inputs are made: by MATLAB's bicubic filter; by a fixed level of damage; not at all, but read
from the set; or not at all, because the pictures are inputs without a truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOptions:
    """Options of an evaluation.

    Attributes:
        sets: Folders or tar files of pictures.
        models: Names of models and plain filters, files of weights, and blends of them.
        output: Folder of the results.
        degradations: Names of :data:`DEGRADATIONS`.
        metrics: Names of :data:`METRICS`.
        scale: Truth px per input px, along each side.
        seed: Seed of the noise.
        limit: Largest number of pictures of a set; None for all.
        crop: Border that metrics leave out, px; None for the scale.
        sheet: Number of rows of the sheet; 0 for none.
        weights: Folders that are searched for the weights of metrics.
        device: Device of models and metrics.
        precision: Precision of models.
        threads: CPU threads of models; None for one per core.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    sets: tuple[Path, ...]
    models: tuple[str, ...]
    output: Path
    degradations: tuple[str, ...] = ("bicubic",)
    metrics: tuple[str, ...] = DEFAULT_METRICS
    scale: int = DEFAULT_SCALE
    seed: int = 0
    limit: int | None = None
    crop: int | None = None
    sheet: int = 6
    weights: tuple[Path, ...] = ()
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        adopt_types(self)
        read = ((path, path / TRUTH if (path / TRUTH).is_dir() else path) for path in self.sets)
        refuse_within(self.output, read)
        for option, names, known in (
            ("degradations", self.degradations, DEGRADATIONS),
            ("metrics", self.metrics, METRICS),
        ):
            for name in names:
                if name not in known:
                    raise InvalidOptionError(
                        f"`{option}` {name}: must be one of {', '.join(known)}"
                    )
                if names.count(name) > 1:
                    raise InvalidOptionError(f"`{option}` {name}: is named twice: name it once")
        for folder in self.weights:
            if not folder.is_dir():
                problem = "is a file" if folder.exists() else "there is no such folder"
                raise InvalidOptionError(
                    f"`weights` {folder}: {problem}: name the folder of the weights of metrics"
                )
        for option, given in (("sets", self.sets), ("models", self.models)):
            if not given:
                raise InvalidOptionError(f"`{option}`: name at least one")
        border_of(self.scale, self.crop)
        for option, number, least in (("limit", self.limit, 1), ("sheet", self.sheet, 0)):
            if number is not None and number < least:
                raise InvalidOptionError(f"`{option}` {number}: must be {least} or more")

    @property
    def border(self) -> int:
        """Border that metrics leave out, px."""
        return border_of(self.scale, self.crop)


def border_of(scale: int | None, crop: int | None) -> int:
    """Returns the border that metrics leave out, px: the crop, or else the scale.

    Args:
        scale: Truth px per input px, along each side; None for :data:`DEFAULT_SCALE`.
        crop: What is asked for, px; None for the scale.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    scale = DEFAULT_SCALE if scale is None else scale
    if not 1 <= scale <= 16:
        raise InvalidOptionError(f"`scale` {scale}: must be between 1 and 16")
    if crop is not None and crop < 0:
        raise InvalidOptionError(f"`crop` {crop}: must be 0 or more")
    return scale if crop is None else crop
