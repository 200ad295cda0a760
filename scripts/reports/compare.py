"""Compares the bundled model with bicubic and with other weights: figures and contact sheets.

    cd scripts/reports
    python compare.py table --data DIR --model general=realesr-general-x4v3.pth
    python compare.py sheet --data DIR --model general=realesr-general-x4v3.pth --out s.png
    python compare.py banner --data inputs --out b.png

DIR holds ``eval`` (``Set5``, ``Set14`` and ``BSD100``, each with ``HR`` and ``LRbicx4``,
``CID22val``, ``art`` and ``RealSRSet``) and ``weights`` (parameters of SqueezeNet and NIQE).
Figures: PSNR (dB) and SSIM on the luma with 4 px cut off, NIQE, feature distances of SqueezeNet
and EfficientNet-Lite2 (less is nearer), and the color shift (levels). Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from realesr.degradation.levels import FIXED_LEVELS, degrade_fixed
from realesr.degradation.operations import from_levels, jpeg, quantize
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.imaging.image import Image, Pixels
from realesr.imaging.sheets import Cell, Row, draw_sheet, save_sheet, square_around
from realesr.media.images.decode import read_image
from realesr.metrics.colorshift import color_shift
from realesr.metrics.niqe import NiqeParameters, niqe
from realesr.metrics.psnr import psnr
from realesr.metrics.ssim import ssim
from realesr.models.loader import load_model
from realesr.perceptual.efficientnet import efficientnet_lite
from realesr.perceptual.judge import FeatureJudge
from realesr.perceptual.squeezenet import squeezenet
from realesr.weights.catalog import find_model, find_weights

Method = Callable[[Image], Image]
Pair = tuple[Image, Pixels | None]
Rows = tuple[tuple[str, str, float, float], ...]

SCALE = 4
JPEG_QUALITY = 40
SQUEEZENET = "weights/perceptual/squeezenet1_1_features_deepscale.safetensors"
NIQE = "weights/metrics/niqe_pris_params.npz"
COLUMNS = ("PSNR", "SSIM", "SqueezeNet", "EfficientNet", "NIQE", "shift")

SHEET: Rows = (
    # Image, its damage, and the center of the part that is shown, as a share of its sides.
    ("CID22val/1025469.png", "medium", 0.5, 0.5),
    ("CID22val/1418519.png", "light", 0.5, 0.5),
    ("CID22val/1544947.png", "medium", 0.5, 0.5),
    ("CID22val/164595.png", "light", 0.5, 0.5),
    ("CID22val/2253934.png", "medium", 0.5, 0.5),
    ("CID22val/2775196.png", "light", 0.5, 0.5),
    ("CID22val/3156482.png", "heavy", 0.5, 0.5),
    ("CID22val/373965.png", "medium", 0.5, 0.5),
    ("art/gopher_11.png", "medium", 0.5, 0.4),
    ("art/vnsprite_09_0.png", "medium", 0.5, 0.3),
)
DRAWINGS: Rows = (
    ("art/gopher_11.png", "medium", 0.5, 0.4),
    ("art/sketch_10.png", "medium", 0.5, 0.5),
    ("art/vnbg_club_0.png", "medium", 0.5, 0.5),
    ("art/vnsprite_00_1.png", "light", 0.5, 0.3),
    ("art/vnsprite_10_0.png", "heavy", 0.5, 0.3),
)
CELL = 240
"""Side of a cell of the sheet, px: 60 px of the input."""
BANNER = (("cat.jpg", 0.38, 0.4), ("coffee.jpg", 0.5, 0.4))
BANNER_CELL = 400


def bicubic(image: Image) -> Image:
    """Upscales by Pillow's bicubic filter: the baseline."""
    size = image.size.scaled(SCALE)
    small = PillowImage.fromarray(image.pixels)
    resized = small.resize((size.width, size.height), PillowImage.Resampling.BICUBIC)
    return Image(np.asarray(resized), is_gray=image.is_gray)


def make_methods(others: dict[str, Path], ours: str) -> dict[str, Method]:
    """Returns everything that is compared, by name: bicubic, others, and the bundled model."""
    spec = find_model(ours)
    networks = {**others, spec.name: find_weights(spec)}
    loaded = {
        name: TiledUpscaler(TorchBackend(load_model(path)), tile=512)
        for name, path in networks.items()
    }
    return {"bicubic": bicubic, **loaded}


def clean_pairs(folder: Path) -> Iterator[Pair]:
    """Yields the low-resolution images of a data set, with the originals."""
    for path in sorted((folder / "HR").iterdir()):
        yield read_image(folder / "LRbicx4" / path.name), read_image(path).pixels


def jpeg_pairs(folder: Path) -> Iterator[Pair]:
    """Yields the pairs of a data set, with JPEG damage on the low-resolution images."""
    for lr, hr in clean_pairs(folder):
        damaged = jpeg(from_levels(lr.pixels), JPEG_QUALITY)
        yield Image(quantize(damaged), is_gray=lr.is_gray), hr


def damaged(path: Path, level: str, seed: int) -> tuple[Image, Pixels]:
    """Returns an image with a fixed level of damage, and the clean image."""
    hr = read_image(path).pixels
    height, width = (side // SCALE * SCALE for side in hr.shape[:2])
    hr = np.ascontiguousarray(hr[:height, :width])
    lr = degrade_fixed(from_levels(hr), FIXED_LEVELS[level], scale=SCALE, seed=seed)
    return Image(quantize(lr)), hr


def damaged_pairs(folder: Path, level: str) -> Iterator[Pair]:
    """Yields the images of a folder with a fixed level of damage, with the originals."""
    for seed, path in enumerate(sorted(folder.iterdir())):
        yield damaged(path, level, seed)


def real_pairs(folder: Path) -> Iterator[Pair]:
    """Yields images without an original, for which only NIQE and color shift are defined."""
    for path in sorted(folder.iterdir()):
        yield read_image(path), None


class Judge:
    """Computes the figures of an image.

    Args:
        data: Folder with ``weights``.
    """

    def __init__(self, data: Path) -> None:
        self._networks = [
            FeatureJudge(network)
            for network in (squeezenet(data / SQUEEZENET), efficientnet_lite(2))
        ]
        self._niqe = NiqeParameters.load(data / NIQE)

    def __call__(self, lr: Image, sr: Pixels, hr: Pixels | None) -> list[float]:
        """Returns a figure for each of :data:`COLUMNS`; NaN where there is no original."""
        last = [niqe(sr, self._niqe, crop=SCALE), color_shift(sr, bicubic(lr).pixels)]
        if hr is None:
            return [np.nan] * 4 + last
        hr = hr[: sr.shape[0], : sr.shape[1]]
        distances = [judge(sr, hr) for judge in self._networks]
        return [psnr(sr, hr, crop=SCALE), ssim(sr, hr, crop=SCALE), *distances, *last]


def table(args: argparse.Namespace) -> None:
    """Prints a Markdown table."""
    data = args.data / "eval"
    drawings = {
        f"drawings (21), {level}": damaged_pairs(data / "art", level)
        for level in ("light", "medium", "heavy")
    }
    photographs = {
        "Set5, bicubic x1/4": clean_pairs(data / "Set5"),
        "Set14, bicubic x1/4": clean_pairs(data / "Set14"),
        f"BSD100 (50), bicubic x1/4, JPEG {JPEG_QUALITY}": jpeg_pairs(data / "BSD100"),
        **{
            f"CID22val (8), {level}": damaged_pairs(data / "CID22val", level)
            for level in ("light", "medium", "heavy")
        },
        "RealSRSet (20), as they are": real_pairs(data / "RealSRSet"),
    }
    methods, judge = make_methods(args.model, args.ours), Judge(args.data)
    sets = drawings if "anime" in args.ours else photographs
    print(f"| Set | Method | {' | '.join(COLUMNS)} |\n|---|---|{'---|' * len(COLUMNS)}")
    for set_name, pairs in sets.items():
        scores: dict[str, list[list[float]]] = {name: [] for name in methods}
        for lr, hr in pairs:
            for name, method in methods.items():
                scores[name].append(judge(lr, method(lr).pixels, hr))
        for name, rows in scores.items():
            means = zip(COLUMNS, np.mean(rows, axis=0), strict=True)
            cells = ["-" if np.isnan(v) else f"{v:.{4 if c == 'SSIM' else 2}f}" for c, v in means]
            print(f"| {set_name} | {name} | {' | '.join(cells)} |", flush=True)


def sheet(args: argparse.Namespace) -> None:
    """Writes an image with a row for each of :data:`SHEET` and a column for each method."""
    samples = [
        (f"{name}, {level}", *damaged(args.data / "eval" / name, level, 0), x, y)
        for name, level, x, y in (DRAWINGS if "anime" in args.ours else SHEET)
    ]
    draw_page(make_methods(args.model, args.ours), samples, CELL, args.out)


def banner(args: argparse.Namespace) -> None:
    """Writes the README's image: parts of ``inputs/`` with bicubic and with the bundled model.

    Networks get the color of a JPEG smoothed, as from ``realesr image``.
    """
    samples = [(name, read_image(args.data / name), None, x, y) for name, x, y in BANNER]
    smoothed = {
        id(image): read_image(args.data / name, smooth_color=True) for name, image, *_ in samples
    }
    methods = make_methods(args.model, args.ours)
    for name, method in methods.items():
        if name != "bicubic":
            methods[name] = lambda image, upscale=method: upscale(smoothed[id(image)])
    draw_page(methods, samples, BANNER_CELL, args.out)


def draw_page(
    methods: dict[str, Method],
    samples: list[tuple[str, Image, Pixels | None, float, float]],
    cell: int,
    destination: Path,
) -> None:
    """Writes a row for each image and a column for each method, and one for the originals."""
    has_originals = any(hr is not None for _, _, hr, _, _ in samples)
    titles = [*methods, *(["original"] if has_originals else [])]
    rows = []
    for number, (name, lr, hr, x, y) in enumerate(samples, 1):
        results = [method(lr).pixels for method in methods.values()]
        results += [] if hr is None else [hr]
        cells = [Cell(each[square_around(each.shape, x, y, cell)]) for each in results]
        rows.append(Row(tuple(cells), f"{number}. {name} ({lr.size})"))
    save_sheet(draw_sheet(rows, titles), destination)


def named_file(text: str) -> tuple[str, Path]:
    """Parses ``name=file``."""
    name, _, path = text.partition("=")
    return name, Path(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for run in (table, sheet, banner):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.add_argument("--data", type=Path, required=True, help="folder of the images")
        command.add_argument(
            "--model",
            type=named_file,
            action="append",
            default=[],
            metavar="NAME=FILE",
            help="weights to compare with; may be repeated",
        )
        command.add_argument(
            "--ours",
            default="realesr-photo-x4",
            metavar="NAME",
            help="bundled model; one for drawings is compared on drawings (default: %(default)s)",
        )
        if run is not table:
            command.add_argument("--out", type=Path, required=True, help="the file to write")
        command.set_defaults(run=run)
    args = parser.parse_args()
    args.model = dict(args.model)
    args.run(args)


if __name__ == "__main__":
    main()
