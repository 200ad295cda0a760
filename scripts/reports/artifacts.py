"""Measures what a network adds where nothing should be: blocks, grain, checkerboards and weaves.

    cd FOLDER  # with weights/ of models that are not bundled
    python .../scripts/reports/artifacts.py --data DIR --work FOLDER [--models A B ...]

DIR holds ``CID22val`` or another folder of clean pictures (``--clean``), and ``RealSRSet`` or other
real ones (``--real``). Models are those of ``realesr evaluate``. Results are kept in FOLDER, so
that only new weights take time. Every measurement prints a table in Markdown:

* chroma: color blocks of JPEG, 4:2:0, in results of clean pictures reduced by area; see
  ``realesr.metrics.blocks``. Of all pictures together, beside the originals. Networks get the file
  as ``realesr image`` reads it, its color smoothed; "not smoothed" is ``--no-smooth-color``. The
  third number is the mean squared error of Cb and Cr.
* flat: a chart of 24 even patches and two slow gradients, of which the outer 24 px are left out.
  Deviation: root mean square of the difference to the truth, less its mean in a Gaussian window
  (sigma 8 px). Largest: difference to the truth itself. Levels.
* photographs: the same deviation of results, divided by that of the originals, in the tenth of
  their squares of 32 px where the originals deviate least.
* checkerboard: pictures of one gray or color in 16 bits, and with noise of 2 levels; see
  ``realesr.metrics.lattice``. The worst of all grays, colors and channels.
* weave: the same on the even quarter of real pictures, and on what is dark of it. Bicubic is the
  input's own share.
"""

from __future__ import annotations

import argparse
import colorsys
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage
from results import SCALE, Results

from realesr.degradation.operations import add_gaussian_noise, from_levels, jpeg, quantize, resize
from realesr.evaluation.sets import TestPicture, list_pictures, make_case
from realesr.media.images.decode import decode_image
from realesr.metrics.blocks import color_blocks
from realesr.metrics.lattice import Lattice, lattice, phase_deviation
from realesr.weights.catalog import BASELINES

MODELS = ("bicubic", "realesr-photo-x4-faithful", "realesr-photo-x4", "realesr-general-x4v3")
QUALITIES = (20, 30, 40)
LEVELS = ("light", "medium", "heavy")
SIGMA = 8
"""Of the low-pass, px of the result."""
PATCH, MARGIN = 96, 24
"""Side of a patch of the chart, and its border that is left out, px of the result."""
CELL = 32
"""Side of the squares of a photograph, px."""
WINDOW = 64
"""Side of the patches for spectra, px."""
EVEN_SIDE, EVEN_MARGIN = 96, 36
"""Side of even pictures, and their border that is left out: a network's reach, px of the input."""
GRAYS = tuple(range(0, 256, 15))
COLORS = (
    (190, 60, 50),
    (60, 150, 70),
    (50, 70, 170),
    (200, 190, 60),
    (120, 70, 120),
    (215, 175, 150),
    (230, 20, 20),
    (20, 230, 20),
    (20, 20, 230),
    (230, 230, 20),
    (20, 230, 230),
    (230, 20, 230),
)
NOISY = ((30,) * 3, (70,) * 3, (120,) * 3, (170,) * 3, (220,) * 3, *COLORS)
NOISE = 2.0
DARK = 80
"""Largest mean of a dark patch, levels."""


@dataclass(frozen=True)
class Inputs:
    """What is measured on."""

    results: Results
    clean: list[TestPicture]
    real: list[TestPicture]


def chroma(inputs: Inputs) -> Iterator[str]:
    networks = [name for name in inputs.results.names if name not in BASELINES]
    names = [*inputs.results.names, *(f"{name}, not smoothed" for name in networks)]
    yield f"| JPEG | original | {' | '.join(names)} |"
    yield "|---|---|" + "---|" * len(names)
    for quality in QUALITIES:
        found: dict[str, list[tuple[float, float, float]]] = {}
        for picture in inputs.clean:
            truth = make_case(picture, "clean", scale=SCALE, seed=0).hr
            height, width = (side // SCALE for side in truth.shape[:2])
            small = quantize(resize(from_levels(truth), width, height, "area"))
            stream = io.BytesIO()
            PillowImage.fromarray(small).save(stream, "JPEG", quality=quality, subsampling="4:2:0")
            plain, smoothed = (
                decode_image(stream.getvalue(), Path(picture.name), smooth_color=each).pixels
                for each in (False, True)
            )
            every = {"original": truth}
            for name in inputs.results.names:
                every[name] = inputs.results(name, smoothed if name in networks else plain)
            for name in networks:
                every[f"{name}, not smoothed"] = inputs.results(name, plain)
            for name, image in every.items():
                blocks = color_blocks(image, SCALE)
                figures = blocks.ratio, blocks.excess, color_error(image, truth)
                found.setdefault(name, []).append(figures)
        means = [np.mean(each, axis=0) for each in found.values()]
        yield (
            f"| {quality} | "
            + " | ".join(
                f"{ratio:.3f}, {excess:+.3f}, {error:.1f}" for ratio, excess, error in means
            )
            + " |"
        )


def color_error(image: np.ndarray, truth: np.ndarray) -> float:
    """Returns the mean squared error of Cb and Cr (BT.601, full range), levels squared."""
    error = image.astype(np.float64) - truth
    luma = error @ (0.299, 0.587, 0.114)
    cb, cr = (error[..., 2] - luma) / 1.772, (error[..., 0] - luma) / 1.402
    return float((cb * cb + cr * cr).mean() / 2)


def chart() -> tuple[np.ndarray, list[tuple[slice, slice]]]:
    """Returns a chart, (H, W, 3) levels of the result's size, and the insides of its areas."""
    grays = [(level,) * 3 for level in (20, 60, 100, 140, 180, 230)]
    hues = [
        tuple(255 * part for part in colorsys.hsv_to_rgb(number / 6, saturation, value))
        for saturation, value in ((0.25, 0.8), (0.5, 0.4), (0.8, 0.7))
        for number in range(6)
    ]
    values = np.zeros((6 * PATCH, 6 * PATCH, 3))
    areas = []
    for number, color in enumerate([*grays, *hues]):
        top, left = number // 6 * PATCH, number % 6 * PATCH
        values[top : top + PATCH, left : left + PATCH] = color
        areas.append((top, left, PATCH))
    ramp = np.linspace(0, 1, 6 * PATCH)[:, None]
    for top, first, last in (
        (4, (50, 50, 50), (200, 200, 200)),
        (5, (70, 110, 170), (190, 205, 225)),
    ):
        values[top * PATCH : (top + 1) * PATCH] = np.array(first) + ramp * np.subtract(last, first)
        areas.append((top * PATCH, 0, 6 * PATCH))
    return values, [
        np.s_[top + MARGIN : top + PATCH - MARGIN, left + MARGIN : left + width - MARGIN]
        for top, left, width in areas
    ]


def flat(inputs: Inputs) -> Iterator[str]:
    truth, areas = chart()
    small = cv2.resize(truth, None, fx=1 / SCALE, fy=1 / SCALE, interpolation=cv2.INTER_AREA)
    image = (small / 255).astype(np.float32)
    noise = np.random.default_rng(0)
    damaged = {
        "clean": image,
        "JPEG 40": jpeg(image, 40),
        "noise 4": add_gaussian_noise(image, 4, gray=False, rng=noise),
    }
    yield f"| Chart | {' | '.join(inputs.results.names)} |"
    yield "|---|" + "---|" * len(inputs.results.names)
    for title, lr in damaged.items():
        cells = []
        for name in inputs.results.names:
            error = inputs.results(name, quantize(lr)) - truth
            parts = [error[area] for area in areas]
            deviations = np.concatenate([high_pass(part).ravel() for part in parts])
            largest = max(np.abs(part).max() for part in parts)
            cells.append(f"{np.sqrt(np.mean(deviations**2)):.2f}, {largest:.1f}")
        yield f"| {title} | {' | '.join(cells)} |"


def high_pass(values: np.ndarray) -> np.ndarray:
    """Returns values less their mean in a Gaussian window."""
    return values - cv2.GaussianBlur(values, (0, 0), SIGMA, borderType=cv2.BORDER_REFLECT)


def photographs(inputs: Inputs) -> Iterator[str]:
    yield f"| Flat areas | originals | {' | '.join(inputs.results.names)} |"
    yield "|---|---|" + "---|" * len(inputs.results.names)
    for level in LEVELS:
        energy: dict[str, list[float]] = {"originals": []} | {n: [] for n in inputs.results.names}
        for picture in inputs.clean:
            case = make_case(picture, level, scale=SCALE, seed=0)
            own = energies(case.hr)
            chosen = own <= np.quantile(own, 0.1)
            energy["originals"].append(own[chosen].mean())
            for name in inputs.results.names:
                energy[name].append(energies(inputs.results(name, case.lr))[chosen].mean())
        own = np.sqrt(np.mean(energy.pop("originals")))
        cells = [f"{np.sqrt(np.mean(each)) / own:.2f}" for each in energy.values()]
        yield f"| {level} | {own:.2f} levels | {' | '.join(cells)} |"


def energies(image: np.ndarray) -> np.ndarray:
    """Returns the mean square of the high-passed luma of each square, (rows, columns)."""
    squares = high_pass(luma(image)) ** 2
    rows, columns = (side // CELL for side in squares.shape)
    return squares[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL).mean((1, 3))


def luma(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float64) @ (0.299, 0.587, 0.114)


def checkerboard(inputs: Inputs) -> Iterator[str]:
    yield "| Model | grays, levels | colors | worst at | noise 2: peak | levels | worst at |"
    yield "|---|---|---|---|---|---|---|"
    margin = SCALE * EVEN_MARGIN
    inside = np.s_[margin:-margin, margin:-margin]
    for name in inputs.results.names:
        constant = []
        for color in [*((gray,) * 3 for gray in GRAYS), *COLORS]:
            lr = np.full((EVEN_SIDE, EVEN_SIDE, 3), color, np.uint16) * 257
            sr = inputs.results(name, lr, is_gray=False)[inside] / 257
            constant.append((max(phase_deviation(sr[..., c], SCALE) for c in range(3)), color))
        noisy = []
        for color in NOISY:
            even = np.full((EVEN_SIDE, EVEN_SIDE, 3), color, np.float32) / 255
            rng = np.random.default_rng(0)
            lr = quantize(add_gaussian_noise(even, NOISE, gray=False, rng=rng))
            sr = inputs.results(name, lr, is_gray=False).astype(np.float64)
            found = [lattice(patches_of(sr[..., channel]), SCALE) for channel in range(3)]
            noisy.append((max(x.peak for x in found), max(x.amplitude for x in found), color))
        gray = max(found for found, color in constant if len(set(color)) == 1)
        amplitude, color = max(each for each in constant if len(set(each[1])) > 1)
        peak, _, other = max(noisy)
        most = max(each[1] for each in noisy)
        noise = f"{peak:.2f} | {most:.3f} | {other}"
        yield f"| {name} | {gray:.3f} | {amplitude:.3f} | {color} | {noise} |"


def patches_of(plane: np.ndarray, hop: int = WINDOW // 2) -> np.ndarray:
    """Returns patches of a plane, (N, 64, 64), in steps of ``hop`` px."""
    views = np.lib.stride_tricks.sliding_window_view(plane, (WINDOW, WINDOW))[::hop, ::hop]
    return views.reshape(-1, WINDOW, WINDOW)


def weave(inputs: Inputs) -> Iterator[str]:
    names = inputs.results.names
    yield f"| Picture (even, dark patches) | {' | '.join(names)} |"
    yield "|---|" + "---|" * len(names)
    every: dict[str, list[Lattice]] = {name: [] for name in names}
    for picture in inputs.real:
        lr = make_case(picture, "none", scale=SCALE, seed=0).lr
        plain = patches_of(luma(inputs.results("bicubic", lr)))
        spread = plain.std(axis=(1, 2))
        textured = spread > 0.5
        if textured.sum() < 8:
            continue
        even = textured & (spread <= np.quantile(spread[textured], 0.25))
        dark = even & (plain.mean(axis=(1, 2)) < DARK)
        cells = []
        for name in names:
            own = patches_of(luma(inputs.results(name, lr)))
            found = lattice(own[even], SCALE)
            every[name].append(found)
            cells.append(f"{found.peak:.1f}, {found.amplitude:.2f}")
            if dark.sum() >= 4:
                found = lattice(own[dark], SCALE)
                cells[-1] += f"; dark {found.peak:.1f}, {found.amplitude:.2f}"
        yield f"| {picture.name} ({even.sum()}, {dark.sum()}) | {' | '.join(cells)} |"
    for title, summary in (("median", np.median), ("largest", np.max)):
        cells = [
            f"{summary([x.peak for x in found]):.1f}, {summary([x.amplitude for x in found]):.2f}"
            for found in every.values()
        ]
        yield f"| **{title}** | {' | '.join(cells)} |"


MEASUREMENTS: dict[str, Callable[[Inputs], Iterator[str]]] = {
    each.__name__: each for each in (chroma, flat, photographs, checkerboard, weave)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--work", type=Path, required=True, help="folder where results are kept")
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="(%(default)s)")
    parser.add_argument("--clean", default="CID22val", help="set of clean pictures (%(default)s)")
    parser.add_argument("--real", nargs="+", default=["RealSRSet"], help="others (%(default)s)")
    parser.add_argument("--limit", type=int, help="pictures of a set at most")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    args = parser.parse_args()
    models = list(dict.fromkeys(["bicubic", *args.models]))
    inputs = Inputs(
        Results(models, args.work),
        list_pictures([args.data / args.clean], scale=SCALE, limit=args.limit),
        list_pictures([args.data / name for name in args.real], scale=SCALE, limit=args.limit),
    )
    for name in args.only:
        print(f"\n### {name}\n")
        for line in MEASUREMENTS[name](inputs):
            print(line, flush=True)


if __name__ == "__main__":
    main()
