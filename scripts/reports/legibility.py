"""Counts the characters of small text that can be read after upscaling.

python scripts/reports/legibility.py MODEL... --work FOLDER
pip install rapidocr-onnxruntime  # in any environment; --python names its interpreter

Lines of random words are drawn with Pillow's own font, dark on light and light on dark, and reduced
to a quarter by MATLAB's bicubic filter; one half is saved as JPEG of quality 60. Each model
upscales them, and RapidOCR, whose models come with its package, reads the results and the
originals. A character counts if it is in the longest common subsequence of the line and of what was
read.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from realesr.imaging.matlab import imresize

WORDS = [
    *("garden", "window", "station", "paper", "silver", "morning", "letter", "bridge", "winter"),
    *("number", "harbor", "candle", "market", "yellow", "forest", "engine", "island", "mirror"),
    *("pocket", "ticket", "1948", "2026", "350g", "12:45", "Berlin", "Paris"),
]
COLORS = (((245, 245, 240), (20, 20, 25)), ((30, 50, 90), (250, 250, 250)))
QUALITY = 60
READER = """
import json, sys
from rapidocr_onnxruntime import RapidOCR
engine = RapidOCR()
for path in sys.argv[1:]:
    found, _ = engine(path, use_det=False, use_cls=False)
    print(json.dumps(found[0][0] if found else ""), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="+", help="names or files")
    parser.add_argument("--work", type=Path, required=True, help="folder for all images")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has RapidOCR")
    parser.add_argument(
        "--heights", type=int, nargs=2, default=(10, 14), help="of text, reduced, px"
    )
    args = parser.parse_args()
    lines = draw(args.work, range(4 * args.heights[0], 4 * args.heights[1] + 1, 2))
    folders = {"original": args.work / "hr"}
    for model in args.models:
        folders[Path(model).stem] = upscale(model, args.work)
    total = sum(map(len, lines.values()))
    print(f"| Model | of {total} characters in {len(lines)} lines | share |\n|---|---|---|")
    for name, folder in folders.items():
        paths = [folder / f"{line}.png" for line in lines]
        read = subprocess.run(
            [args.python, "-c", READER, *map(str, paths)],
            check=True,
            capture_output=True,
            text=True,
        )
        texts = [json.loads(each) for each in read.stdout.splitlines() if each.startswith('"')]
        right = sum(map(common, lines.values(), texts))
        print(f"| {name} | {right} | {right / total:.1%} |", flush=True)


def draw(work: Path, heights: range) -> dict[str, str]:
    """Draws lines of these heights, px, and reduces them; returns their texts by name."""
    rng = random.Random(1)  # noqa: S311 - nothing is secret
    lines = {}
    for folder in ("hr", "lr"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for number, height in enumerate(height for height in heights for _ in COLORS):
        paper, ink = COLORS[number % len(COLORS)]
        text = " ".join(rng.sample(WORDS, 4))
        font = ImageFont.load_default(height)
        width = -(-int(font.getlength(text)) // 4) * 4 + 80
        image = Image.new("RGB", (width, 2 * (height // 4 * 4)), paper)
        ImageDraw.Draw(image).text((40, height // 3), text, ink, font)
        name = f"{height}-{number}"
        image.save(work / "hr" / f"{name}.png")
        small = imresize(np.asarray(image, np.float64) / 255, image.width // 4, image.height // 4)
        small_image = Image.fromarray((np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8))
        suffix = "png" if number % 4 < 2 else "jpg"
        small_image.save(work / "lr" / f"{name}.{suffix}", quality=QUALITY)
        lines[name] = text
    return lines


def upscale(model: str, work: Path) -> Path:
    """Upscales all lines with a model; returns the folder of the results."""
    output = work / Path(model).stem
    option = "--model-path" if Path(model).exists() else "-n"
    command = [sys.executable, "-m", "realesr", "image", str(work / "lr"), option, model]
    command += ["-s", "4", "--ext", "png", "--suffix", "", "-o", str(output), "-q"]
    subprocess.run(command, check=True)
    return output


def common(line: str, read: str) -> int:
    """Returns the number of characters, without spaces, that were read in their order."""
    one, other = line.replace(" ", ""), read.replace(" ", "")
    blocks = difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


if __name__ == "__main__":
    main()
