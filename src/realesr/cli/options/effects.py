"""Detection of options that are set but have no effect."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from realesr.cli.options.faces import FACE_ARGUMENTS
from realesr.media.formats import ImageFormat
from realesr.media.urls import is_url
from realesr.options import DEFAULT_MODEL, FileOptions, UpscaleOptions
from realesr.plan import Plan
from realesr.progress import Notice
from realesr.weights.catalog import BASELINES

_FINDING_FACES = {"detector", "confidence", "min_size", "only_center"}
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


def ineffective(
    args: argparse.Namespace, options: UpscaleOptions, files: FileOptions, plan: Plan
) -> Iterator[Notice]:
    """Yields notices about options that are set but have no effect.

    Effects that depend on the model or the device are checked when these are loaded.

    Args:
        args: Parsed command line, in which unset options of faces are None or false.
        options: Options of upscaling.
        files: Inputs and outputs.
        plan: The jobs.
    """
    given = [
        field for field, name in FACE_ARGUMENTS.items() if getattr(args, name) not in (None, False)
    ]
    if not args.face_enhance and given:
        yield _notice(given, "without `faces`")
    elif args.aligned and (idle := [field for field in given if field in _FINDING_FACES]):
        yield _notice(idle, "with `is_aligned`: no faces are looked for")
    if options.model_path is not None:
        if args.model_name != DEFAULT_MODEL:
            yield _notice(["model_name"], "with `model_path`")
    elif options.model_name in BASELINES:
        default = UpscaleOptions()
        names = [name for name in _OF_NETWORKS if getattr(options, name) != getattr(default, name)]
        if names:
            yield _notice(names, f"for {options.model_name}, which has no network")
    if options.tile is not None and options.memory_budget is not None:
        yield _notice(["memory_budget"], f"with `tile` {options.tile}")
    if options.tile == 0 and options.tile_pad is not None:
        yield _notice(["tile_pad"], "with `tile` 0: there are no tiles")
    yield from _of_files(args, files, plan)


def _of_files(args: argparse.Namespace, files: FileOptions, plan: Plan) -> Iterator[Notice]:
    images = [target for target in plan.targets if isinstance(target, ImageFormat)]
    has_quality = files.encoding.quality is not None
    if has_quality and images and not any(target.is_lossy for target in images):
        kinds = ", ".join(sorted(target.name for target in images))
        yield _notice(["quality"], f"for {kinds}, which loses nothing")
    if args.suffix != "out" and plan.is_of_one(files.output):
        yield _notice(["suffix"], "where `output` is a file name")
    is_folder = map(os.path.isdir, files.inputs)  # which never raises
    may_be_folder = any(is_folder) or any("*" in str(path) or is_url(path) for path in files.inputs)
    if files.recursive and not files.watch and not may_be_folder:
        yield _notice(["recursive"], "where no input is a folder")


def _notice(names: list[str], why: str) -> Notice:
    quoted = [f"`{name}`" for name in names]
    listed = ", ".join(quoted[:-1]) + " and " + quoted[-1] if len(quoted) > 1 else quoted[0]
    verb = "does" if len(quoted) == 1 else "do"
    return Notice("option-without-effect", f"{listed} {verb} nothing {why}")
