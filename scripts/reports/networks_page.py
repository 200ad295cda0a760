"""Shows the kinds of networks of the literature on three free photographs, on one page.

    pip install scikit-image matplotlib  # for the photographs
    python scripts/reports/networks_page.py --runs DIR --x4plus RealESRGAN_x4plus.pth
    python scripts/reports/networks_page.py --runs DIR --times

DIR holds the folders of the runs of ``realesr train``, each with its weights. The photographs are
an old one with grain, as it is; a clean one; and foliage, both of which are reduced to a quarter by
MATLAB's bicubic filter. ``docs/lineage.md`` says where they come from. With ``--times`` no page is
made: seconds of processor for a megapixel of the result are printed, those of one thread.
"""

from __future__ import annotations

import argparse
import time
from importlib import util
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from realesr import Upscaler
from realesr.cli.main import main as realesr
from realesr.imaging.matlab import imresize

SCALE = 4
OLD_PART = (185, 130, 345, 290)
"""Left, top, right, bottom, px: the face in ``grace_hopper.jpg``."""
RUNS = {
    "perceptual CNN": "enhancer-x4-small",
    "EDSR": "edsr-x4-small",
    "WDSR": "wdsr-x4-small",
    "SRGAN": "srgan-x4-small",
    "RDN": "rdn-x4-small",
    "ESRGAN": "esrgan-x4-small",
}
"""Recipes by the names on the page, in the order of their years."""
SHIPPED = "realesr-photo-x4"
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--x4plus", type=Path, metavar="FILE", help="the official weights, too")
    parser.add_argument("--out", type=Path, default=Path("networks.html"), metavar="FILE")
    parser.add_argument("--times", action="store_true", help="measure instead")
    args = parser.parse_args()
    weights = {name: args.runs / recipe / f"{recipe}.safetensors" for name, recipe in RUNS.items()}
    with TemporaryDirectory() as folder:
        write_photographs(Path(folder))
        if args.times:
            files = [*weights.values(), *([args.x4plus] if args.x4plus else [])]
            upscalers = {path.stem: Upscaler.from_file(path, threads=1) for path in files}
            upscalers[SHIPPED] = Upscaler.from_name(SHIPPED, threads=1)
            print_times(upscalers, np.asarray(Image.open(Path(folder) / "1-old.png")))
            return
        entries = ["bicubic", *(f"{name}={path}" for name, path in weights.items()), SHIPPED]
        if args.x4plus:
            entries.append(f"RealESRGAN_x4plus={args.x4plus}")
        options = ["-i", folder, "-o", str(args.out), "--title", "Kinds of networks"]
        raise SystemExit(realesr(["compare", *entries, *options]))


def write_photographs(folder: Path) -> None:
    """Writes the inputs: 160, 128 and 128 px a side."""
    old = package("matplotlib") / "mpl-data/sample_data/grace_hopper.jpg"
    Image.open(old).convert("RGB").crop(OLD_PART).save(folder / "1-old.png")
    for name, file in (("2-clean", "astronaut.png"), ("3-foliage", "grass.png")):
        pixels = np.asarray(Image.open(package("skimage") / "data" / file))
        height, width = pixels.shape[:2]
        small = imresize(pixels, width // SCALE, height // SCALE)
        Image.fromarray(small).save(folder / f"{name}.png")


def package(name: str) -> Path:
    """Returns the folder of an installed package, which is not imported."""
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit("pip install scikit-image matplotlib: their sample images are needed")
    return Path(spec.origin).parent


def print_times(upscalers: dict[str, Upscaler], pixels: np.ndarray) -> None:
    """Prints the best of some upscalings; the time of the processor does not count waiting."""
    for name, upscaler in upscalers.items():
        seconds = []
        for _ in range(REPEATS):
            started = time.process_time()
            result = upscaler(pixels)
            seconds.append(time.process_time() - started)
        height, width = result.shape[:2]
        print(f"{name:32}{min(seconds) / (height * width / 1e6):8.2f} s", flush=True)


if __name__ == "__main__":
    main()
