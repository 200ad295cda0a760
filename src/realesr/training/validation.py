"""Validation of a network on unseen images with fixed levels of damage."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from realesr.degradation.levels import FIXED_LEVELS, degrade_fixed
from realesr.degradation.operations import from_levels, quantize, resize
from realesr.errors import InvalidOptionError
from realesr.imaging.sheets import Cell, Row, draw_sheet, save_sheet, square_around
from realesr.media.images.index import CleanImage, index_images, read_entry
from realesr.metrics.colorshift import color_shift
from realesr.metrics.niqe import NiqeParameters, niqe
from realesr.metrics.psnr import psnr
from realesr.models.networks.base import SRModel
from realesr.perceptual.judge import PYRAMID_MIN_PX, FeatureJudge, as_batch
from realesr.training.recipe import ValidationConfig

BORDER = 4
"""Width of the border that PSNR ignores, px, as is customary at a scale of 4."""
CROP = 64
"""Side of a cell of the contact sheet, low-resolution px."""

Levels = NDArray[np.uint8]
Upscale = Callable[[Levels], Levels]


@dataclass(frozen=True, slots=True)
class Sample:
    """A clean image and its damaged version; both are (H, W, 3) uint8 RGB."""

    level: str
    lr: Levels
    hr: Levels


class Validator:
    """Measures networks on damaged images.

    Args:
        samples: The samples; all levels of the same image are consecutive.
        judges: Feature distances, by name.
        niqe_parameters: Parameters of NIQE, or None.
        scale: High-resolution px per low-resolution px.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        judges: dict[str, FeatureJudge],
        niqe_parameters: NiqeParameters | None,
        *,
        scale: int,
        device: torch.device,
    ) -> None:
        self.samples = samples
        self._judges = judges
        self._niqe = niqe_parameters
        self._scale = scale
        self._device = device

    def bicubic(self) -> Upscale:
        """Returns bicubic upscaling as a function, for comparison."""
        scale = self._scale

        def upscale(lr: Levels) -> Levels:
            height, width = (side * scale for side in lr.shape[:2])
            return quantize(resize(from_levels(lr), width, height, "antialiased"))

        return upscale

    def network(self, network: nn.Module) -> Upscale:
        """Returns a network as a function from 8 bits to 8 bits, in float32.

        Images are reflected to sides of which the network takes multiples.
        """
        multiple, scale = cast(SRModel, network).multiple_of, self._scale

        @torch.inference_mode()
        def upscale(lr: Levels) -> Levels:
            height, width = lr.shape[:2]
            padding = 0, -width % multiple, 0, -height % multiple
            padded = functional.pad(as_batch(lr, self._device), padding, mode="reflect")
            sr = network(padded).float().clamp(0, 1)[..., : height * scale, : width * scale]
            array = sr[0].permute(1, 2, 0).mul(255).round().to(torch.uint8).cpu().numpy()
            return np.asarray(array)

        return upscale

    def measure(self, upscale: Upscale) -> dict[str, dict[str, float]]:
        """Returns means of each metric over the images, by level.

        ``psnr``: luma, dB; ``shift``: largest mean color difference to the input, levels;
        feature distances and ``niqe``: less is better.
        """
        found: dict[str, dict[str, list[float]]] = {}
        for sample in self.samples:
            values = found.setdefault(sample.level, {})
            for name, value in self._measure(upscale(sample.lr), sample).items():
                values.setdefault(name, []).append(value)
        return {
            level: {name: round(math.fsum(each) / len(each), 4) for name, each in values.items()}
            for level, values in found.items()
        }

    def _measure(self, sr: Levels, sample: Sample) -> dict[str, float]:
        values = {
            "psnr": psnr(sr, sample.hr, crop=BORDER, channel="y"),
            "shift": color_shift(sr, self.bicubic()(sample.lr)),
        }
        for name, judge in self._judges.items():
            values[name] = judge(sr, sample.hr)
        if self._niqe is not None:
            with suppress(ValueError):  # too small, or flat: the run must not end for that
                values["niqe"] = niqe(sr, self._niqe)
        return values

    def sheet(self, columns: dict[str, Upscale], images: int, path: Path) -> None:
        """Draws crops at 100 %: a row for each sample, a column for each upscaling method.

        The last column is the clean image.

        Args:
            columns: Upscaling functions by the titles of their columns.
            images: Number of images, each at all levels.
            path: File of the sheet; the suffix determines the format.
        """
        levels = len({sample.level for sample in self.samples})
        samples = self.samples[: images * levels]
        rows = []
        for sample in samples:
            crop = square_around(sample.lr.shape, 0.5, 0.5, CROP)
            cells = [_scaled(upscale(sample.lr), crop, self._scale) for upscale in columns.values()]
            cells.append(_scaled(sample.hr, crop, self._scale))
            rows.append(Row(tuple(map(Cell, cells))))
        save_sheet(draw_sheet(rows, [*columns, "original"]), path)


def build_validator(
    config: ValidationConfig,
    *,
    data_root: Path,
    find: Callable[[str], Path],
    scale: int,
    device: torch.device,
) -> Validator:
    """Reads the validation images and damages them.

    Raises:
        InvalidOptionError: A level is unknown, there are no images, or one is too small.
        WeightsError: The parameters of a metric are missing.
    """
    for level in config.levels:
        if level not in FIXED_LEVELS:
            known = ", ".join(FIXED_LEVELS)
            raise InvalidOptionError(f"validation.levels: {level!r} must be one of {known}")
    has_judge = config.squeezenet is not None or config.efficientnet is not None
    least = -(-max(2 * BORDER + 1, PYRAMID_MIN_PX if has_judge else 0) // scale) * scale
    samples = []
    for index, entry in enumerate(index_images(data_root / config.images)):
        if min(entry.width, entry.height) < least:
            raise InvalidOptionError(
                f"validation.images: {entry} has {entry.width}x{entry.height} px, and is measured "
                f"from {least} px on either side: remove it, or take larger images"
            )
        clean = read_entry(entry)
        height, width = (side // scale * scale for side in clean.shape[:2])
        hr: CleanImage = np.ascontiguousarray(clean[:height, :width])
        for level in config.levels:
            lr = degrade_fixed(from_levels(hr), FIXED_LEVELS[level], scale=scale, seed=index)
            samples.append(Sample(level, quantize(lr), hr))
    if not samples:
        raise InvalidOptionError(f"validation.images: {data_root / config.images} has no images")
    judges: dict[str, FeatureJudge] = {}
    if config.squeezenet is not None:
        from realesr.perceptual.squeezenet import squeezenet

        network = squeezenet(find(config.squeezenet)).to(device)
        judges["squeezenet"] = FeatureJudge(network, device)
    if config.efficientnet is not None:
        from realesr.perceptual.efficientnet import efficientnet_lite

        name = f"efficientnet_lite{config.efficientnet}"
        judges[name] = FeatureJudge(efficientnet_lite(config.efficientnet).to(device), device)
    parameters = None if config.niqe is None else NiqeParameters.load(find(config.niqe))
    return Validator(samples, judges, parameters, scale=scale, device=device)


def _scaled(image: Levels, crop: tuple[slice, slice], scale: int) -> Levels:
    rows, columns = (slice(s.start * scale, s.stop * scale) for s in crop)
    return image[rows, columns]
