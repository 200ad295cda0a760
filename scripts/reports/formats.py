"""Reports how the command treats images of every format: a table, and a contact sheet.

    python scripts/reports/formats.py table --data DIR [DIR ...] > docs/formats.md
    python scripts/reports/formats.py sheet --out docs/alpha-and-depth.png

The table has a row for every image of the folders, and for a matrix of synthesized images: format,
depth, channels, with and without metadata. Each image goes through ``realesr image``, and the
result is read again. The sheet compares ``realesr`` with plain bicubic upscaling on transparent
images, which are made of the photographs in ``inputs/``, and on a 16-bit gradient.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms, ImageDraw

from realesr.cli.main import main as realesr
from realesr.imaging.alpha import composite
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.media.images.decode import read_image
from realesr.media.images.encode import encode_image
from realesr.options import EncodingOptions

SCALE = 4
INPUTS = Path(__file__).resolve().parents[2] / "inputs"
UINT8 = np.dtype(np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
ORIENTATION = 0x0112


def sample(depth: type, *, gray: bool, alpha: bool) -> Image:
    """Returns a smooth image of 32x24 px, uint8 or uint16."""
    y, x = np.mgrid[:24, :32].astype(np.float32)
    planes = [x / 31] * 3 if gray else [x / 31, y / 23, (x + y) / 54]
    peak = np.iinfo(depth).max
    pixels = np.rint(np.stack(planes, axis=2) * peak).astype(depth)
    alpha = np.rint(np.clip(x / 8, 0, 1) * peak).astype(depth) if alpha else None
    return Image(pixels, is_gray=gray, alpha=alpha)


def write_matrix(folder: Path) -> None:
    """Writes a file of every format, depth and number of channels; the name states them."""
    cases = [
        (suffix, depth, gray, alpha)
        for suffix, depths in {
            "png": (8, 16),
            "jpg": (8,),
            "webp": (8,),
            "tif": (8, 16),
            "bmp": (8,),
            "avif": (8, 16),
        }.items()
        for depth in depths
        for gray in (False, True)
        for alpha in (False, True)
        if not (alpha and suffix == "jpg") and not (gray and suffix == "webp")
    ]
    for suffix, depth, gray, alpha in cases:
        content = sample(np.uint8 if depth == 8 else np.uint16, gray=gray, alpha=alpha)
        kind = ("gray" if gray else "rgb") + ("-alpha" if alpha else "")
        options = EncodingOptions(lossless=suffix in ("webp", "avif"))
        for says, metadata in (("plain", Metadata()), ("metadata", camera_metadata(gray=gray))):
            path = folder / f"{suffix}-{depth}-{kind}-{says}.{suffix}"
            image = Image(content.pixels, is_gray=gray, alpha=content.alpha, metadata=metadata)
            path.write_bytes(b"".join(encode_image(image, path, options)))
    palette = PillowImage.fromarray(sample(np.uint8, gray=False, alpha=False).pixels).quantize(64)
    palette.save(folder / "png-palette.png")
    palette.save(folder / "png-palette-alpha.png", transparency=bytes(range(0, 256, 4)))
    exif = PillowImage.Exif()
    exif[ORIENTATION] = 6
    color = PillowImage.fromarray(sample(np.uint8, gray=False, alpha=False).pixels)
    icc = camera_metadata(gray=False).icc
    for suffix in ("jpg", "png", "tif", "webp", "avif"):
        color.save(folder / f"{suffix}-turned.{suffix}", exif=exif, icc_profile=icc, quality=95)
    cmyk = icc[:16] + b"CMYK" + icc[20:] if icc else None
    color.convert("CMYK").save(folder / "jpg-cmyk.jpg", icc_profile=cmyk, quality=95)


def camera_metadata(*, gray: bool) -> Metadata:
    """A profile that matches, EXIF and XMP."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = PillowImage.Exif()
    exif[0x010F] = "maker"
    exif[ORIENTATION] = 1
    space = b"GRAY" if gray else b"RGB "
    return Metadata(icc=icc[:16] + space + icc[20:], exif=exif.tobytes()[6:], xmp=XMP)


def describe(image: Image) -> tuple[str, ...]:
    """Size, depth, channels, metadata, mean color and alpha (0 to 255)."""
    channels = "gray" if image.is_gray else "RGB"
    if image.alpha is not None:
        channels += "+A"
    held = [name for name in ("icc", "exif", "xmp") if getattr(image.metadata, name)]
    # Colors count by their alpha: what stands under an invisible pixel means nothing.
    weights = np.ones(image.pixels.shape[:2]) if image.alpha is None else image.alpha
    mean = np.average(image.pixels, axis=(0, 1), weights=weights + 1e-9) / image.peak * 255
    color = " ".join(f"{value:.1f}" for value in (mean[:1] if image.is_gray else mean))
    if image.alpha is not None:
        color += f", {image.alpha.mean() / image.peak * 255:.1f}"
    depth = f"{8 * image.pixels.dtype.itemsize}"
    return str(image.size), depth, channels, " ".join(held).upper() or "-", color


def run(arguments: list[str]) -> str:
    """Carries out the command; returns what it said on standard error."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        realesr(["image", *arguments])
    return said.getvalue()


def rows_of(folder: Path) -> Iterator[tuple[str, ...]]:
    """A row for every image: its name, what it was, what it has become, what was said."""
    with tempfile.TemporaryDirectory() as name:
        said = run(["-i", str(folder), "-o", name, "--suffix", ""]).splitlines()
        for source in sorted(path for path in folder.iterdir() if path.is_file()):
            notes = [
                line.split(f"{source}: ", 1)[1]
                for line in said
                if f"{source}: " in line and line.startswith(("note", "error"))
            ]
            target = Path(name) / source.name
            before = describe(read_image(source))
            after = describe(read_image(target)) if target.exists() else ("-",) * len(before)
            # Where both say the same, the second is left out.
            pairs = zip(before, after, strict=True)
            same = [b if a != b or n == 4 else "=" for n, (a, b) in enumerate(pairs)]
            yield source.name, *before, *same, "; ".join(notes) or ""


def table(folders: list[Path]) -> None:
    """Prints the table in Markdown."""
    print("# What becomes of images of every kind\n")
    print(
        "Made by `scripts/reports/formats.py`. Mean colors are of 255, weighted by alpha; the alpha"
    )
    print("follows behind a comma. `=`: as before. Turned images have orientation 6.\n")
    head = ["size", "depth", "channels", "metadata", "mean"]
    titles = ["file", *head, *(f"out: {title}" for title in head), "said"]
    with tempfile.TemporaryDirectory() as name:
        matrix = Path(name)
        write_matrix(matrix)
        for title, folder in [("Synthesized", matrix), *((f.name, f) for f in folders)]:
            print(f"## {title}\n")
            print(f"| {' | '.join(titles)} |")
            print("|---" * len(titles) + "|")
            for row in rows_of(folder):
                print(f"| {' | '.join(row)} |")
            print()


CELL = 220
CASES = (
    # Photograph, shape of its alpha, and the center of the shown part as a fraction of its sides.
    ("cat.jpg", "disc", 0.8, 0.25),
    ("coffee.jpg", "disc", 0.2, 0.7),
    ("coffee.jpg", "rings", 0.5, 0.45),
    ("cat.jpg", "fade", 0.45, 0.5),
)
BACKGROUNDS = (255, 0)


def cell(image: Image, background: int, x: float, y: float) -> PillowImage.Image:
    """Returns a square part of an image on a gray background of 0 to 255."""
    laid = convert_depth(composite(image, background).pixels, UINT8)
    left = int(np.clip(x * laid.shape[1] - CELL / 2, 0, laid.shape[1] - CELL))
    top = int(np.clip(y * laid.shape[0] - CELL / 2, 0, laid.shape[0] - CELL))
    return PillowImage.fromarray(laid[top : top + CELL, left : left + CELL])


def plain(image: Image) -> Image:
    """Upscales color and alpha by bicubic interpolation; invisible colors then cause halos."""
    width, height = image.size.width * SCALE, image.size.height * SCALE
    alpha = image.pixels[..., 0] * 0 + image.peak if image.alpha is None else image.alpha
    planes = [*np.moveaxis(image.pixels, 2, 0), alpha]
    upscaled = [
        np.asarray(
            PillowImage.fromarray(plane.astype(np.float32)).resize(
                (width, height), PillowImage.Resampling.BICUBIC
            )
        )
        for plane in planes
    ]
    levels = np.clip(np.rint(upscaled), 0, image.peak).astype(image.pixels.dtype)
    return Image(np.stack(levels[:3], axis=2), alpha=levels[3])


def write_transparent(photo: Path, shape: str, folder: Path) -> Path:
    """Writes a photograph with alpha, black where it is invisible.

    Shapes are ``disc`` (antialiased), ``rings`` (about 7 px wide, 10 px apart) and ``fade`` (a disc
    whose alpha falls linearly to its border).
    """
    pixels = read_image(photo).pixels
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width] + 0.5
    inside = min(height, width) * 0.48 - np.hypot(x - width / 2, y - height / 2)
    alpha = {
        "disc": np.clip(inside + 0.5, 0, 1),
        "rings": np.where(inside > 0, np.clip(4 - np.abs(inside % 17 - 8.5), 0, 1), 0),
        "fade": np.clip(inside / (min(height, width) * 0.48), 0, 1),
    }[shape]
    path = folder / f"{photo.stem}-{shape}.png"
    image = Image(
        np.where(alpha[..., None] > 0, pixels, 0).astype(np.uint8),
        alpha=np.rint(alpha * 255).astype(np.uint8),
    )
    path.write_bytes(b"".join(encode_image(image, path)))
    return path


def gradient(folder: Path) -> tuple[Image, Image]:
    """Returns a dark gradient over 3 of 255 levels, upscaled: rounded to 8 bits, and in 16 bits."""
    ramp = np.linspace(20 * 257, 23 * 257, 56).astype(np.uint16)
    pixels = np.broadcast_to(ramp[None, :, None], (56, 56, 3)).copy()
    source, target = folder / "ramp.png", folder / "ramp_out.png"
    source.write_bytes(b"".join(encode_image(Image(pixels), source)))
    run(["-i", str(source), "-o", str(target)])
    deep = read_image(target)
    shallow = Image(convert_depth(convert_depth(deep.pixels, UINT8), deep.pixels.dtype))
    return stretched(shallow), stretched(deep)


def stretched(image: Image) -> Image:
    """Stretches the three levels of the gradient to the full range of 8 bits."""
    values = (image.pixels.astype(np.float32) / 257 - 20) / 3
    return Image(np.clip(np.rint(values * 255), 0, 255).astype(np.uint8))


def sheet(out: Path) -> None:
    """Draws bicubic and realesr side by side, on white and on black, and a stretched gradient."""
    titles = ["bicubic, on white", "realesr, on white", "bicubic, on black", "realesr, on black"]
    label = 18
    size = (len(titles) * CELL, (len(CASES) + 1) * CELL + 2 * label)
    page = PillowImage.new("RGB", size, (128, 128, 128))
    draw = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        draw.text((column * CELL + 4, 3), title, fill="white")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row, (photo, shape, x, y) in enumerate(CASES):
            source = write_transparent(INPUTS / photo, shape, folder)
            target = folder / f"large-{source.name}"
            run(["-i", str(source), "-o", str(target)])
            pair = plain(read_image(source)), read_image(target)
            for number, background in enumerate(BACKGROUNDS):
                for which, image in enumerate(pair):
                    place = ((2 * number + which) * CELL, label + row * CELL)
                    page.paste(cell(image, background, x, y), place)
        bottom = label + len(CASES) * CELL
        draw.text(
            (4, bottom + 3), "a 16-bit gradient over 3 levels of 255, stretched:", fill="white"
        )
        draw.text(
            (4 + 2 * CELL, bottom + 3), "left: rounded to 8 bits; right: as written", fill="white"
        )
        for column, image in zip((1, 2), gradient(folder), strict=True):
            page.paste(cell(image, 255, 0.5, 0.5), (column * CELL, bottom + label))
    page.save(out, optimize=True)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("table", "sheet"))
    parser.add_argument("--data", type=Path, nargs="+", help="folders of images for the table")
    parser.add_argument("--out", type=Path, help="the sheet, a PNG")
    args = parser.parse_args()
    if (args.data if args.what == "table" else args.out) is None:
        parser.error("table needs --data, and sheet needs --out")
    if args.what == "table":
        table(args.data)
    else:
        sheet(args.out)


if __name__ == "__main__":
    main()
