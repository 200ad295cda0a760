"""Compares the shipped model with bicubic and realesr-general-x4v3: figures and a contact sheet.

    python scripts/compare.py table --data DIR --general realesr-general-x4v3.pth
    python scripts/compare.py sheet --data DIR --general realesr-general-x4v3.pth --out sheet.png
    python scripts/compare.py banner --data inputs --general realesr-general-x4v3.pth --out b.png

DIR holds ``Set5``, ``Set14`` and ``BSD100`` (each with ``HR`` and ``LRbicx4``), ``CID22val`` (clean
images), ``RealSRSet`` and ``RealESRGAN_inputs``. The figures come from basicsr and are taken on
the luma with 4 px cut off at the borders: PSNR (dB), SSIM, and NIQE (less is better). Needs the
extra ``train``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from realesr.degradation.levels import LEVELS
from realesr.degradation.operations import from_levels, jpeg, quantize
from realesr.degradation.pipeline import degrade
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.face.compatibility import restore_removed_torchvision_module
from realesr.imaging.image import Image, Pixels
from realesr.media.images.decode import read_image
from realesr.models.loader import load_model
from realesr.weights.catalog import find_model, find_weights

Method = Callable[[Image], Image]
Pair = tuple[Image, Pixels | None]

SCALE = 4
JPEG_QUALITY = 40

Rows = tuple[tuple[str, float, float], ...]

SHEET: Rows = (
    # Image, and the center of the part that is shown, as a share of its sides.
    ("RealSRSet/building.png", 0.5, 0.5),
    ("RealSRSet/dog.png", 0.45, 0.35),
    ("RealSRSet/oldphoto2.png", 0.5, 0.4),
    ("RealSRSet/oldphoto6.png", 0.5, 0.5),
    ("RealSRSet/tiger.png", 0.5, 0.4),
    ("RealSRSet/frog.png", 0.5, 0.45),
    ("RealSRSet/computer.png", 0.5, 0.5),
    ("RealESRGAN_inputs/0014.jpg", 0.5, 0.5),
    ("RealESRGAN_inputs/0030.jpg", 0.5, 0.5),
    ("RealESRGAN_inputs/wolf_gray.jpg", 0.5, 0.45),
)
CELL = 240
"""Side of a cell of the sheet, px: 60 px of the input."""
BANNER: Rows = (("cat.jpg", 0.38, 0.4), ("coffee.jpg", 0.5, 0.4))
BANNER_CELL = 400
LABEL = 18


def bicubic(image: Image) -> Image:
    """Pillow's bicubic, the baseline."""
    size = image.size.scaled(SCALE)
    small = PillowImage.fromarray(image.pixels)
    resized = small.resize((size.width, size.height), PillowImage.Resampling.BICUBIC)
    return Image(np.asarray(resized), is_gray=image.is_gray)


def make_methods(general: Path) -> dict[str, Method]:
    """Everything that is compared, by name."""
    ours = find_weights(find_model("realesr-photo-x4"))
    return {
        "bicubic": bicubic,
        "realesr-photo-x4": TiledUpscaler(TorchBackend(load_model(ours)), tile=512),
        "general-x4v3": TiledUpscaler(TorchBackend(load_model(general)), tile=512),
    }


def clean_pairs(folder: Path) -> Iterator[Pair]:
    """The low-resolution images that a set comes with, and the originals."""
    for path in sorted((folder / "HR").iterdir()):
        yield read_image(folder / "LRbicx4" / path.name), read_image(path).pixels


def jpeg_pairs(folder: Path) -> Iterator[Pair]:
    """The same, with JPEG damage on the low-resolution images."""
    for lr, hr in clean_pairs(folder):
        damaged = jpeg(from_levels(lr.pixels), JPEG_QUALITY)
        yield Image(quantize(damaged), is_gray=lr.is_gray), hr


def degraded_pairs(folder: Path) -> Iterator[Pair]:
    """Clean images, and what the first recipe's degradation makes of them; a fixed seed each."""
    for seed, path in enumerate(sorted(folder.iterdir())):
        hr = read_image(path).pixels
        lr = degrade(from_levels(hr), LEVELS["medium"], np.random.default_rng(seed))
        yield Image(quantize(lr)), hr


def real_pairs(folder: Path) -> Iterator[Pair]:
    """Images without an original: NIQE alone."""
    for path in sorted(folder.iterdir()):
        yield read_image(path), None


def table(args: argparse.Namespace) -> None:
    """Prints a Markdown table."""
    restore_removed_torchvision_module()
    warnings.simplefilter("ignore")
    from basicsr.metrics.niqe import calculate_niqe
    from basicsr.metrics.psnr_ssim import calculate_psnr, calculate_ssim

    sets = {
        "Set5, bicubic x1/4": clean_pairs(args.data / "Set5"),
        "Set14, bicubic x1/4": clean_pairs(args.data / "Set14"),
        f"BSD100 (50), bicubic x1/4, JPEG {JPEG_QUALITY}": jpeg_pairs(args.data / "BSD100"),
        "CID22val (8), medium damage": degraded_pairs(args.data / "CID22val"),
        "RealSRSet (20), as they are": real_pairs(args.data / "RealSRSet"),
    }
    methods = make_methods(args.general)
    print("| Set | Method | PSNR | SSIM | NIQE |\n|---|---|---|---|---|")
    for set_name, pairs in sets.items():
        scores: dict[str, list[list[float]]] = {name: [] for name in methods}
        for lr, hr in pairs:
            for name, method in methods.items():
                sr = method(lr).pixels[..., ::-1]
                niqe = float(calculate_niqe(sr, crop_border=SCALE))
                row = [np.nan, np.nan, niqe]
                if hr is not None:
                    options = {"crop_border": SCALE, "test_y_channel": True}
                    reference = hr[: sr.shape[0], : sr.shape[1], ::-1]
                    row[0] = calculate_psnr(sr, reference, **options)
                    row[1] = calculate_ssim(sr, reference, **options)
                scores[name].append(row)
        for name, rows in scores.items():
            psnr, ssim, niqe = np.mean(rows, axis=0)
            figures = "- | -" if np.isnan(psnr) else f"{psnr:.2f} | {ssim:.4f}"
            print(f"| {set_name} | {name} | {figures} | {niqe:.2f} |", flush=True)


def sheet(args: argparse.Namespace) -> None:
    """Writes an image with a row for each of :data:`SHEET` and a column for each method."""
    draw_page({"input": nearest, **make_methods(args.general)}, args.data, SHEET, CELL, args.out)


def banner(args: argparse.Namespace) -> None:
    """Writes the README's image: parts of ``inputs/`` with bicubic and with the shipped model."""
    methods = make_methods(args.general)
    del methods["general-x4v3"]
    draw_page(methods, args.data, BANNER, BANNER_CELL, args.out)


def draw_page(
    methods: dict[str, Method], folder: Path, rows: Rows, cell: int, destination: Path
) -> None:
    """Writes a PNG with a row for each image and a column for each method."""
    height = LABEL + len(rows) * (cell + LABEL)
    page = PillowImage.new("RGB", (len(methods) * cell, height), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(12)
    for column, name in enumerate(methods):
        draw.text((column * cell + 3, 2), name, "black", font)
    for row, (name, x, y) in enumerate(rows):
        top = LABEL + row * (cell + LABEL)
        image = read_image(folder / name)
        for column, method in enumerate(methods.values()):
            part = crop(method(image).pixels, x, y, cell)
            page.paste(PillowImage.fromarray(part), (column * cell, top))
        draw.text((3, top + cell + 2), f"{row + 1}. {name} ({image.size})", "black", font)
    page.save(destination, optimize=True)


def nearest(image: Image) -> Image:
    """The input's own pixels, upscaled."""
    return Image(image.pixels.repeat(SCALE, axis=0).repeat(SCALE, axis=1), is_gray=image.is_gray)


def crop(pixels: Pixels, x: float, y: float, side: int) -> Pixels:
    """The square around a point given as a share of the sides."""
    height, width = pixels.shape[:2]
    left = min(max(0, round(width * x) - side // 2), width - side)
    top = min(max(0, round(height * y) - side // 2), height - side)
    return pixels[top : top + side, left : left + side]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for run in (table, sheet, banner):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.add_argument("--data", type=Path, required=True, help="folder of the sets")
        command.add_argument("--general", type=Path, required=True, help="realesr-general-x4v3.pth")
        if run is not table:
            command.add_argument("--out", type=Path, required=True, help="the PNG to write")
        command.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
