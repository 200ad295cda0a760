"""Makes the views of pictures: upscales them, or reads ready results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from realesr.comparison.content import Budget, Comparison, Load, OnResult, Subject, View
from realesr.comparison.entries import INPUT, Entry, find_result
from realesr.comparison.options import CompareOptions
from realesr.comparison.regions import most_detailed_regions
from realesr.geometry import Region, Size
from realesr.imaging.alpha import composite
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.media.formats import IMAGES
from realesr.media.images.decode import read_image
from realesr.media.images.encode import encode_image
from realesr.options import EncodingOptions

DEFAULT_OUTSCALE = 4.0
"""All models give this size if none is asked for, so that their results can be compared."""


def compare_pictures(
    entries: Sequence[Entry],
    paths: Sequence[Path],
    options: CompareOptions,
    *,
    outscale: float,
    load: Load,
    on_result: OnResult = lambda entry, picture: None,
) -> Comparison:
    """Upscales pictures with every entry, one model after the other.

    Args:
        entries: What is compared.
        paths: The pictures.
        options: Encoding, limit of the size, and the part that is compared.
        outscale: Output px per input px along each side, for all entries.
        load: Loads the upscaler of an entry.
        on_result: Called after each result.

    Raises:
        InvalidOptionError: The page would be too large, or an entry does not fit the inputs.
        MediaError: A file cannot be read, or a result is too large for its format.
        RealesrError: A model is not available.
    """
    names = unique_names(paths)
    budget = Budget(options.limit, len(paths) * (len(entries) + 1))
    views: list[list[View]] = []
    sizes: list[Size] = []
    regions: list[Region | None] = []
    for path in paths:
        image, region = _read_part(path, options.crop)
        size = image.size.scaled(outscale)
        IMAGES.format_of(Path(f"-.{options.format}")).check_fits(
            path, size, channels=3, byte_depth=1
        )
        regions.append(region)
        sizes.append(size)
        views.append([_view(INPUT, image, "png", options)])
        budget.take(views[-1][0].data)
    for entry in entries:
        upscaler = None if entry.options is None else load(entry.options)
        for number, path in enumerate(paths):
            image, seconds = _read(path, regions[number]), None
            if upscaler is None:
                result = _read_result(
                    find_result(entry, path, is_only=len(paths) == 1), image, path, regions[number]
                )
            else:
                started = time.perf_counter()
                session = upscaler.session(path, is_video=False)
                (result,) = session.upscale_to([image], sizes[number])
                seconds = time.perf_counter() - started
            view = _view(entry.name, result, options.format, options, seconds)
            budget.take(view.data)
            views[number].append(view)
            on_result(entry.name, names[number])
    subjects = tuple(
        Subject(name=name, size=size, views=tuple(of_picture))
        for name, size, of_picture in zip(names, sizes, views, strict=True)
    )
    return Comparison(
        kind="pictures", entries=tuple(entry.name for entry in entries), subjects=subjects
    )


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Returns the names of files, with their folders where two have the same name."""
    names = [path.name for path in paths]
    return [
        name if names.count(name) == 1 else path.as_posix()
        for name, path in zip(names, paths, strict=True)
    ]


def crop_image(image: Image, region: Region) -> Image:
    """Returns a part of an image, which shares its pixels."""
    alpha = None if image.alpha is None else image.alpha[region.slices]
    return replace(image, pixels=image.pixels[region.slices], alpha=alpha)


def _read_part(path: Path, crop: Size | None) -> tuple[Image, Region | None]:
    image = read_image(path)
    if crop is None:
        return image, None
    (region,) = most_detailed_regions(image.pixels, crop)
    return crop_image(image, region), region


def _read(path: Path, region: Region | None) -> Image:
    image = read_image(path)
    return image if region is None else crop_image(image, region)


def _read_result(path: Path, part: Image, source: Path, region: Region | None) -> Image:
    """Reads a ready result; of a part of the input, only that part."""
    result = read_image(path)
    if region is None:
        return result
    whole = read_image(source).size
    across, down = result.size.width / whole.width, result.size.height / whole.height
    size = Size(max(1, round(region.size.width * across)), max(1, round(region.size.height * down)))
    x = min(round(region.x * across), result.size.width - size.width)
    y = min(round(region.y * down), result.size.height - size.height)
    return crop_image(result, Region(x=x, y=y, size=size))


def _view(
    name: str, image: Image, suffix: str, options: CompareOptions, seconds: float | None = None
) -> View:
    """Encodes an image for a browser: 8 bits, on white, its color profile alone kept."""
    if image.alpha is not None:
        image = composite(image)
    pixels = np.ascontiguousarray(convert_depth(image.pixels, np.dtype(np.uint8)))
    image = Image(pixels, image.is_gray, metadata=Metadata(icc=image.metadata.icc))
    encoding = EncodingOptions(quality=None if suffix == "png" else options.quality)
    parts = encode_image(image, Path(f"{name}.{suffix}"), encoding)
    return View(
        name=name,
        mime=f"image/{suffix}",
        data=b"".join(parts),
        size=image.size,
        seconds=seconds,
    )
