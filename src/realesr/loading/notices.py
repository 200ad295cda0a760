"""Notices that models and options give before anything is loaded. Imports nothing large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from realesr.media.formats import Format, ImageFormat
from realesr.options import EncodingOptions, UpscaleOptions
from realesr.progress import Notice, Notify
from realesr.weights.catalog import BASELINES, ModelSpec, find_model
from realesr.weights.content import is_ncnn

_OF_NETWORKS = (
    "device",
    "precision",
    "engine",
    "tile",
    "memory_budget",
    "threads",
    "tile_pad",
    "pre_pad",
    "is_compiled",
    "denoise_strength",
    "sharpness",
    "alpha_upsampler",
    "color_lock",
    "strength",
    "consistency",
)


def without_effect(names: Sequence[str], why: str) -> Notice:
    """Returns the notice that options do nothing.

    Args:
        names: Their names, at least one.
        why: Why not, or where; the end of the sentence.
    """
    quoted = [f"`{name}`" for name in names]
    listed = ", ".join(quoted[:-1]) + " and " + quoted[-1] if len(quoted) > 1 else quoted[0]
    verb = "does" if len(quoted) == 1 else "do"
    return Notice("option-without-effect", f"{listed} {verb} nothing {why}")


def idle_of_filter(
    options: UpscaleOptions, default: UpscaleOptions | None = None
) -> Iterator[Notice]:
    """Yields a notice if options of networks are set for a plain filter.

    Args:
        options: Options of upscaling.
        default: What counts as not set; None for the defaults of the class.
    """
    if options.model_path is not None or options.model_name not in BASELINES:
        return
    usual = UpscaleOptions() if default is None else default
    names = [name for name in _OF_NETWORKS if getattr(options, name) != getattr(usual, name)]
    if names:
        yield without_effect(names, f"for {options.model_name}, which has no network")


def idle_of_tiles(options: UpscaleOptions) -> Iterator[Notice]:
    """Yields notices about options of tiles that others leave without effect."""
    if options.tile is not None and options.memory_budget is not None:
        yield without_effect(["memory_budget"], f"with `tile` {options.tile}")
    if options.tile == 0 and options.tile_pad is not None:
        yield without_effect(["tile_pad"], "with `tile` 0: there are no tiles")


def idle_of_mixture(options: UpscaleOptions) -> Iterator[Notice]:
    """Yields notices about options that mix a model of the catalog, which has no partner.

    Raises:
        UnknownModelError: The catalog has no such model.
    """
    if options.model_path is not None or options.model_name in BASELINES:
        return
    spec: ModelSpec = find_model(options.model_name)
    for option, is_given, partner in (
        ("denoise_strength", options.denoise_strength is not None, spec.weak_denoise_model),
        ("sharpness", options.sharpness != 1, spec.faithful_model),
    ):
        if is_given and partner is None:
            yield without_effect([option], f"for {spec.name}, which has no partner")


def idle_of_encoding(encoding: EncodingOptions, targets: Iterable[Format]) -> Iterator[Notice]:
    """Yields a notice if a quality is set for images, all of which lose nothing.

    Args:
        encoding: Options of encoding.
        targets: Formats of the outputs.
    """
    images = [target for target in targets if isinstance(target, ImageFormat)]
    if encoding.quality is not None and images and not any(each.is_lossy for each in images):
        kinds = ", ".join(sorted({target.name for target in images}))
        yield without_effect(["quality"], f"for {kinds}, which loses nothing")


def notify_of_resize(path: Path, notify: Notify) -> None:
    """Tells that a graph of ncnn resizes what its network gives, which is left out.

    Args:
        path: Weights file of any kind.
        notify: Receives the notice.

    Raises:
        MissingWeightsError, UnsupportedCheckpointError: It is of ncnn, and cannot be read.
    """
    if not is_ncnn(path):
        return
    from realesr.weights.ncnn.read import resized_by

    factor = resized_by(path)
    if factor != 1:
        notify(
            Notice(
                "resize-left-out",
                f"{path} resizes the result of its network by {factor:g}, which is left out: "
                "`outscale` gives any size",
            )
        )
