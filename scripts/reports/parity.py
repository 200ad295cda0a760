"""Measures how far this package's formulas are from those of BasicSR, PyTorch and torchmetrics.

    python scripts/reports/parity.py --data DIR

DIR holds ``eval/Set5`` and ``eval/Set14``, each with ``HR`` and ``LRbicx4``, and
``weights/metrics/niqe_pris_params.npz``. Prints a Markdown table with the largest absolute
differences. Needs the extras ``train`` (BasicSR) and ``evaluate`` (torchmetrics). Tests hold the
same comparisons on small images.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image as PillowImage

from realesr.degradation import kernels, operations
from realesr.evaluation.judges import bicubic
from realesr.face.compatibility import restore_removed_torchvision_module
from realesr.imaging.matlab import imresize
from realesr.metrics import niqe as niqe_module
from realesr.metrics.msssim import ms_ssim
from realesr.metrics.niqe import NiqeParameters, niqe
from realesr.metrics.psnr import luma, psnr
from realesr.metrics.ssim import ssim

SETS = {"Set5": (28.43, 0.811), "Set14": (26.09, 0.705)}
"""Customary PSNR (dB) and SSIM of bicubic x4."""
CROP = 4
Row = tuple[str, str, str]


def largest(pairs: Iterable[tuple[Any, Any]]) -> float:
    """Returns the largest absolute difference of pairs of numbers or arrays."""
    return max(float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max()) for a, b in pairs)


def read(path: Path) -> Any:
    """Reads an image, (H, W, 3) uint8 RGB."""
    with PillowImage.open(path) as image:
        return np.asarray(image.convert("RGB"))


def kernel_pairs(theirs: Any) -> Iterator[tuple[Any, Any]]:
    """Yields kernels of all families, ours and BasicSR's, with random parameters."""
    rng = np.random.default_rng(0)
    for size in range(7, 22, 2):
        for _ in range(20):
            x, y, angle = *rng.uniform(0.2, 3, 2), rng.uniform(-np.pi, np.pi)
            own = kernels.generalized_gaussian(size, x, y, angle)
            yield own, theirs.bivariate_Gaussian(size, x, y, angle, None, False)
            for make, name, least, most in (
                (kernels.generalized_gaussian, "bivariate_generalized_Gaussian", 0.5, 4),
                (kernels.plateau, "bivariate_plateau", 1, 2),
            ):
                shape = rng.uniform(least, most)
                expected = getattr(theirs, name)(size, x, y, angle, shape, None, False)
                yield make(size, x, y, angle, shape), expected
            cutoff = rng.uniform(np.pi / 5, np.pi)
            yield kernels.sinc(size, cutoff), theirs.circular_lowpass_kernel(cutoff, size, 0)


class Field:
    """A generator that gives a fixed field of normal numbers."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def standard_normal(self, shape: object, dtype: object) -> Any:
        """Returns the field."""
        return self._values.astype(dtype)


def noise_pairs(theirs: Any, images: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yields images with Gaussian noise of the same random field."""
    for image in images:
        for gray in (False, True):
            shape = (*image.shape[:2], 1 if gray else 3)
            field = np.random.default_rng(1).standard_normal(shape)
            with patch.object(np.random, "randn", lambda *_, field=field: field.squeeze()):
                expected = theirs.add_gaussian_noise(image, 12.0, clip=False, gray_noise=gray)
            own = operations.add_gaussian_noise(image, 12.0, gray=gray, rng=Field(field))  # type: ignore[arg-type]
            yield own, expected


def resize_pairs(images: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yields images resized by ours and by PyTorch, as the reference resizes."""
    import torch

    for image in images:
        height, width = (side // 4 * 4 for side in image.shape[:2])
        even = image[:height, :width]
        batch = torch.from_numpy(np.ascontiguousarray(even.transpose(2, 0, 1)))[None]
        cases = [(name, factor) for name in ("bilinear", "bicubic") for factor in (0.37, 1.4)]
        for name, factor in (*cases, ("area", 0.5), ("area", 0.25)):
            size = round(height * factor), round(width * factor)
            options = {} if name == "area" else {"align_corners": False}
            made = torch.nn.functional.interpolate(batch, size=size, mode=name, **options)
            own = operations.resize(even, size[1], size[0], name)  # type: ignore[arg-type]
            yield own, made[0].permute(1, 2, 0).numpy()


def measure_pairs(
    own: Callable[..., float], theirs: Callable[..., float], pairs: list[tuple[Any, Any]]
) -> Iterator[tuple[float, float]]:
    """Yields the values of a measure, with luma and RGB, with and without a crop."""
    for first, second in pairs:
        for channel in ("y", "rgb"):
            for crop in (0, CROP):
                options = {"crop_border": crop, "test_y_channel": channel == "y"}
                expected = theirs(first[..., ::-1], second[..., ::-1], **options)
                yield own(first, second, crop=crop, channel=channel), expected
                deep = [each.astype(np.uint16) * 257 for each in (first, second)]
                yield own(*deep, crop=crop, channel=channel), expected


def ms_ssim_pairs(pairs: list[tuple[Any, Any]]) -> Iterator[tuple[float, float]]:
    """Yields MS-SSIM of the pairs that are large enough, ours and torchmetrics'."""
    import torch
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure as theirs,
    )

    for pair in pairs:
        if min(pair[0].shape[:2]) > 180:
            planes = (torch.from_numpy(luma(each))[None, None] for each in pair)
            yield ms_ssim(*pair), float(theirs(*planes, data_range=255.0))


def rows(data: Path) -> Iterator[Row]:
    """Yields the rows of the table."""
    restore_removed_torchvision_module()
    from basicsr.data import degradations
    from basicsr.metrics import niqe as their_niqe
    from basicsr.metrics import psnr_ssim
    from basicsr.utils import img_process_util, matlab_functions

    pictures = {
        name: [read(path) for path in sorted((data / "eval" / name / "HR").iterdir())]
        for name in SETS
    }
    every = [image for images in pictures.values() for image in images]
    floats = [operations.from_levels(image[:160, :200]) for image in every]
    ups = [bicubic(imresize(i, i.shape[1] // 4, i.shape[0] // 4), i) for i in every]
    pairs = list(zip(ups, every, strict=True))
    count = f"{len(every)} pictures"

    def row(what: str, reference: str, found: Iterable[tuple[Any, Any]], unit: str = "") -> Row:
        return what, reference, f"{largest(found):.1e}{unit}"

    yield row("blur kernels, all families, 640", "BasicSR", kernel_pairs(degradations))
    yield row("Gaussian noise", "BasicSR, same field", noise_pairs(degradations, floats))
    yield row("bilinear, bicubic and area resize", "PyTorch", resize_pairs(floats))
    sharpened = ((operations.unsharp_mask(f), img_process_util.usm_sharp(f)) for f in floats)
    yield row("unsharp mask", "BasicSR", sharpened)
    matlab = (
        (imresize(f, f.shape[1] // 4, f.shape[0] // 4), matlab_functions.imresize(f, 0.25))
        for f in (each[: each.shape[0] // 4 * 4, : each.shape[1] // 4 * 4] for each in floats)
    )
    yield row("MATLAB's bicubic x1/4", "BasicSR", matlab)
    for what, own, theirs, unit in (
        ("PSNR, luma and RGB, 8 and 16 bits", psnr, psnr_ssim.calculate_psnr, " dB"),
        ("SSIM, luma and RGB, 8 and 16 bits", ssim, psnr_ssim.calculate_ssim, ""),
    ):
        yield row(what, f"BasicSR, {count}", measure_pairs(own, theirs, pairs), unit)
    yield row("MS-SSIM, luma", "torchmetrics", ms_ssim_pairs(pairs))
    published = NiqeParameters.load(data / "weights/metrics/niqe_pris_params.npz")
    large = [each for each in (*every, *ups) if min(each.shape[:2]) > 200]
    expected = [float(their_niqe.calculate_niqe(i[..., ::-1], CROP)) for i in large]
    own = [niqe(i, published, crop=CROP) for i in large]
    differences = np.abs(np.subtract(own, expected))
    yield (
        "NIQE",
        f"BasicSR, {len(large)} pictures",
        f"{differences.max():.1e}; above 1e-4 on {(differences > 1e-4).sum()}",
    )

    def their_halving(plane: Any) -> Any:
        return matlab_functions.imresize(plane / np.float32(255), 0.5) * np.float32(255)

    with patch.object(niqe_module, "halved", their_halving):
        own = [niqe(i, published, crop=CROP) for i in large]
    yield row("NIQE on BasicSR's halved picture", "the same", [(own, expected)])
    for name, (db, similarity) in SETS.items():
        members = [(u, i) for u, i in pairs if any(i is each for each in pictures[name])]
        found = [np.mean([f(u, i, crop=CROP) for u, i in members]) for f in (psnr, ssim)]
        yield (
            f"bicubic x4 of {name}: {found[0]:.2f} dB, {found[1]:.3f}",
            f"customary {db} dB, {similarity}",
            f"{abs(found[0] - db):.3f} dB, {abs(found[1] - similarity):.4f}",
        )
        yield (
            f"made and stored inputs of {name}",
            "MATLAB's, by bicubic PSNR",
            stored(data / "eval" / name / "LRbicx4", members),
        )


def stored(folder: Path, own: list[tuple[Any, Any]]) -> str:
    """Returns how much the mean PSNR differs if the stored inputs are taken, dB."""
    theirs = [
        psnr(bicubic(read(path), hr), hr, crop=CROP)
        for path, (_, hr) in zip(sorted(folder.iterdir()), own, strict=True)
    ]
    ours = [psnr(up, hr, crop=CROP) for up, hr in own]
    return f"{abs(np.mean(theirs) - np.mean(ours)):.4f} dB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of pictures and weights")
    args = parser.parse_args()
    print("| What | Reference | Largest difference |\n|---|---|---|")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cells in rows(args.data):
            print(f"| {' | '.join(cells)} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
