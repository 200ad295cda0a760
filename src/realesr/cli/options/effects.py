"""Detection of options that are set but have no effect."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from realesr.cli.options.faces import FACE_ARGUMENTS
from realesr.loading.notices import (
    idle_of_encoding,
    idle_of_filter,
    idle_of_tiles,
    without_effect,
)
from realesr.media.urls import is_url
from realesr.options import DEFAULT_MODEL, FileOptions, UpscaleOptions
from realesr.plan import Plan
from realesr.progress import Notice

_FINDING_FACES = {"detector", "confidence", "min_size", "only_center"}


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
        yield without_effect(given, "without `faces`")
    elif args.aligned and (idle := [field for field in given if field in _FINDING_FACES]):
        yield without_effect(idle, "with `is_aligned`: no faces are looked for")
    if options.model_path is not None and args.model_name != DEFAULT_MODEL:
        yield without_effect(["model_name"], "with `model_path`")
    yield from idle_of_filter(options)
    yield from idle_of_tiles(options)
    yield from _of_files(args, files, plan)


def _of_files(args: argparse.Namespace, files: FileOptions, plan: Plan) -> Iterator[Notice]:
    yield from idle_of_encoding(files.encoding, plan.targets)
    if args.suffix != "out" and plan.is_of_one(files.output):
        yield without_effect(["suffix"], "where `output` is a file name")
    is_folder = map(os.path.isdir, files.inputs)  # which never raises
    may_be_folder = any(is_folder) or any("*" in str(path) or is_url(path) for path in files.inputs)
    if files.recursive and not files.watch and not may_be_folder:
        yield without_effect(["recursive"], "where no input is a folder")
