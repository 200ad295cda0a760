"""Makes the views of images: upscales them, or reads ready results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realesr.comparison.content import Budget, Comparison, Load, OnResult, Subject, View
from realesr.comparison.entries import INPUT, Entry
from realesr.comparison.options import CompareOptions
from realesr.comparison.regions import most_detailed_regions
from realesr.comparison.results import find_results, looks_alike, thumbnail
from realesr.geometry import Region, Size
from realesr.imaging.alpha import composite
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Metadata
from realesr.imaging.upscaler import ImageUpscaler
from realesr.media.formats import IMAGES
from realesr.media.images.decode import read_image
from realesr.media.images.encode import encode_image
from realesr.options import EncodingOptions
from realesr.progress import Notice, Notify, no_notice


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """An image.

    Attributes:
        path: Its file.
        whole: Its size, px.
        region: What is compared of it; None for all.
        size: Size of the results of that, px.
        seen: Thumbnail of that.
    """

    path: Path
    whole: Size
    region: Region | None
    size: Size
    seen: NDArray[np.float32]


def compare_images(
    entries: Sequence[Entry],
    paths: Sequence[Path],
    options: CompareOptions,
    *,
    outscale: float,
    load: Load,
    on_result: OnResult = lambda entry, image: None,
    notify: Notify = no_notice,
) -> Comparison:
    """Upscales images with every entry, one model after the other.

    Args:
        entries: What is compared.
        paths: The images.
        options: Encoding, limit of the size, and the part that is compared.
        outscale: Output px per input px along each side, for all entries.
        load: Loads the upscaler of an entry.
        on_result: Called after each result.
        notify: Receives a sentence for everything that is not read, and for ready results that do
            not fit their inputs.

    Raises:
        InvalidOptionError: The page would be too large, or an entry does not fit the inputs.
        MediaError: A file cannot be read, or a result is too large for its format.
        RealesrError: A model is not available.
    """
    names = unique_names(paths)
    ready = find_results(entries, paths, IMAGES)
    budget = Budget(options.limit, len(paths) * (len(entries) + 1))
    sources: list[_Source] = []
    views: list[list[View]] = []
    for path in paths:
        source, part = _open(path, options, outscale, notify)
        sources.append(source)
        views.append([_view(INPUT, part, "png", options)])
        budget.take(views[-1][0].data)
    for entry in entries:
        upscaler = None if entry.options is None else load(entry.options)
        for number, (source, of_image) in enumerate(zip(sources, views, strict=True)):
            if upscaler is None:
                file = ready[entry.name][number]
                result, seconds = _read_result(file, source, outscale, notify), None
            else:
                result, seconds = _upscale(upscaler, source, smooth_color=entry.has_network)
            view = _view(entry.name, result, options.format, options, seconds)
            budget.take(view.data)
            of_image.append(view)
            on_result(entry.name, names[number])
    subjects = tuple(
        Subject(name=name, size=source.size, views=tuple(of_image))
        for name, source, of_image in zip(names, sources, views, strict=True)
    )
    return Comparison(
        kind="images", entries=tuple(entry.name for entry in entries), subjects=subjects
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


def _open(
    path: Path, options: CompareOptions, outscale: float, notify: Notify
) -> tuple[_Source, Image]:
    """Reads an image, and chooses the part of it that is compared."""
    image = read_image(path, notify=_telling(path, notify))
    whole, region = image.size, None
    if options.crop is not None:
        (region,) = most_detailed_regions(image.pixels, options.crop)
        image = crop_image(image, region)
    size = image.size.scaled(outscale)
    target = IMAGES.format_of(Path(f"-.{options.format}"))
    target.check_fits(path, size, channels=3, byte_depth=1)
    seen = thumbnail(image)
    return _Source(path=path, whole=whole, region=region, size=size, seen=seen), image


def _telling(path: Path, notify: Notify) -> Notify:
    """Returns what puts the name of a file before notices."""
    return lambda notice: notify(replace(notice, message=f"{path}: {notice.message}"))


def _upscale(
    upscaler: ImageUpscaler, source: _Source, *, smooth_color: bool
) -> tuple[Image, float]:
    """Returns the result that ``realesr image`` makes, and how long it took, s."""
    image = read_image(source.path, smooth_color=smooth_color)
    if source.region is not None:
        image = crop_image(image, source.region)
    started = time.perf_counter()
    session = upscaler.session(source.path, is_video=False)
    (result,) = session.upscale_to([image], source.size)
    return result, time.perf_counter() - started


def _read_result(path: Path, source: _Source, outscale: float, notify: Notify) -> Image:
    """Reads a ready result; if only a region of the input is compared, what lies there."""
    tell = _telling(path, notify)
    result = read_image(path, notify=tell)
    expected = source.whole.scaled(outscale)
    if result.size != expected:
        words = f"has {result.size} px, and {source.path} has {expected} px at `outscale` "
        tell(Notice("result-differs", f"{words}{outscale:g}: it is shown as large as the others"))
    if source.region is not None:
        result = crop_image(result, _scaled(source.region, source.whole, result.size))
    if not looks_alike(thumbnail(result), source.seen):
        tell(Notice("result-differs", f"does not look like {source.path}: is it its result?"))
    return result


def _scaled(region: Region, whole: Size, size: Size) -> Region:
    """Returns where a region of an image lies in another size of it."""
    across, down = size.width / whole.width, size.height / whole.height
    width = max(1, round(region.size.width * across))
    height = max(1, round(region.size.height * down))
    x = min(round(region.x * across), size.width - width)
    y = min(round(region.y * down), size.height - height)
    return Region(x=x, y=y, size=Size(width, height))


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
