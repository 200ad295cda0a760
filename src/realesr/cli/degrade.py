"""``realesr degrade``: makes images smaller and worse, as the papers describe it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.options.files import add_file_options, add_output_options, file_options
from realesr.cli.options.images import add_image_options
from realesr.cli.overwriting import refuse_beside
from realesr.cli.printing import answer, tell
from realesr.cli.watch import check_watchable, watch
from realesr.cli.wording import print_notice
from realesr.errors import InvalidOptionError, MediaError
from realesr.media.formats import STANDARD_STREAM, STILL_IMAGES
from realesr.options import (
    DAMAGE_LEVELS,
    DamageOptions,
    EncodingOptions,
    FileOptions,
    Target,
    UpscaleOptions,
)
from realesr.plan import Plan, make_plan
from realesr.progress import Reporter

if TYPE_CHECKING:
    from realesr.degradation.degrader import Degrader
    from realesr.imaging.image import Image

FIGURES = (".png", ".jpg", ".jpeg", ".webp")
"""Suffixes of figures."""
EXAMPLES = """\
examples:
  realesr degrade photo.png --level heavy -o bad.png
  realesr degrade clean/ -r -o damaged/ --suffix '' --level paper --seed 1
  realesr degrade photo.png --level paper --order 3 --show-steps steps.png
  realesr degrade clean/ --level medium --fixed --scale 2
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "degrade",
        help="make images smaller and worse, to train and to measure with",
        description="Blurs, reduces, adds noise and compresses, in rounds, as the Real-ESRGAN "
        "paper describes it. What becomes of a file depends on --seed and on its name. Of an "
        "animation, the first image is taken.",
        epilog=EXAMPLES,
    )
    add_file_options(parser, STILL_IMAGES, ext="png")
    default = DamageOptions()
    group = parser.add_argument_group("damage")
    group.add_argument(
        "--level",
        default=default.level,
        choices=DAMAGE_LEVELS,
        help="how strong: ranges from which parameters are drawn; paper is that of Real-ESRGAN, "
        "bicubic no damage at all, classical one round without ringing; camera, compressed and "
        "noisy add noise and JPEG to the small image (default: %(default)s)",
    )
    group.add_argument(
        "--fixed",
        action="store_true",
        help="the fixed parameters of the level that `realesr evaluate` takes; only the noise is "
        "random",
    )
    group.add_argument(
        "--order",
        type=int,
        metavar="N",
        help="number of rounds of blur, resize, noise and JPEG (default: as the level says, two "
        "at most)",
    )
    group.add_argument(
        "--scale",
        type=int,
        metavar="N",
        default=default.scale,
        help="how many times smaller (default: %(default)s)",
    )
    group.add_argument(
        "--seed", type=int, metavar="N", default=0, help="of all randomness (default: 0)"
    )
    group.add_argument(
        "--show-steps",
        type=Path,
        metavar="FILE",
        help="draw the first image that can be read after each step, with the parameters, into an "
        "image file",
    )
    add_image_options(parser, has_networks=False, has_animations=False)
    add_output_options(parser, "a line of JSON for each file on standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code.

    Raises:
        RealesrError: The run could not start.
    """
    damage = DamageOptions(
        level=args.level,
        is_fixed=args.fixed,
        order=args.order,
        scale=args.scale,
        seed=args.seed,
    )
    encoding = EncodingOptions(
        quality=args.quality,
        lossless=args.lossless,
        strip_metadata=args.strip_metadata,
        strip=tuple(args.strip),
    )
    files = file_options(args, ext="png", encoding=encoding, max_pixels=args.max_pixels)
    if files.watch:
        check_watchable(files)
    plan = make_plan(files, STILL_IMAGES)
    sides = {"--show-steps": args.show_steps, "--metrics-file": args.metrics_file}
    refuse_beside(sides, plan)
    if args.show_steps is not None:
        _check_figure(args.show_steps, plan)
    if args.dry_run:
        for job in plan.jobs:
            answer(f"{job.source} -> {job.destination}")
        return 0
    # The cheap checks are done. The following imports are slow.
    from realesr.degradation.degrader import degrader_of
    from realesr.media.images.decode import read_image

    degrader = degrader_of(damage)
    if args.show_steps is not None:
        read = partial(read_image, max_pixels=args.max_pixels, is_strict=args.strict)
        _draw_steps(degrader, plan, args.show_steps, read)
    return _degrade(args, files, plan, degrader, damage)


def _degrade(
    args: argparse.Namespace,
    files: FileOptions,
    plan: Plan,
    degrader: Degrader,
    damage: DamageOptions,
) -> int:
    from realesr.cli.metrics_file import MetricsReporter
    from realesr.cli.reporter import JsonReporter, TqdmReporter, report_to
    from realesr.media.images.files import ImageFiles
    from realesr.pipeline.executors.base import of_jobs
    from realesr.pipeline.executors.local import LocalExecutor
    from realesr.pipeline.units import units_of

    medium = ImageFiles(encoding=files.encoding, max_pixels=files.max_pixels, is_strict=args.strict)
    options = UpscaleOptions(target=Target(outscale=1 / damage.scale))
    terminal = TqdmReporter(is_quiet=args.quiet, is_verbose=args.verbose > 0)
    reporter: Reporter = terminal
    if args.json:
        constants = {"level": damage.level, "seed": str(damage.seed)}
        stream = sys.stderr if files.output == STANDARD_STREAM else sys.stdout
        reporter = report_to(reporter, JsonReporter(lambda: constants, stream))
    if args.metrics_file is not None:
        reporter = report_to(reporter, MetricsReporter(args.metrics_file))
    failed = 0
    for part in watch(files, STILL_IMAGES, notify=print_notice) if files.watch else (plan,):
        with closing(terminal):
            units = units_of(part, options, medium)
            report = LocalExecutor(lambda _: degrader).run(units, of_jobs(reporter))
        failed += len(report.failed)
    if failed:
        tell(f"{failed} images failed")
    return 1 if failed else 0


def _check_figure(figure: Path, plan: Plan) -> None:
    """Refuses a figure that has nothing to show, or no known format.

    Raises:
        InvalidOptionError: There is no image in a file, or the suffix is another one.
    """
    if figure.suffix.lower() not in FIGURES:
        raise InvalidOptionError(f"--show-steps {figure}: must end with {', '.join(FIGURES)}")
    if not plan.jobs:
        raise InvalidOptionError("--show-steps draws the first file, and there is none")
    if plan.jobs[0].source == STANDARD_STREAM:
        raise InvalidOptionError("--show-steps draws a file, not what comes from standard input")


def _draw_steps(
    degrader: Degrader, plan: Plan, figure: Path, read: Callable[[Path], Image]
) -> None:
    """Draws the steps of the first image that can be read, as the run below does them."""
    from realesr.degradation.figure import StepsFigure
    from realesr.imaging.sheets import save_sheet

    for job in plan.jobs:
        own = degrader.session(job.source, is_video=False)
        try:
            hr = own.clean(read(job.source))
        except MediaError:  # the run below tells
            continue
        steps = StepsFigure(hr, job.source.name)
        save_sheet(steps.finish(replace(own, observe=steps).degrade(hr)), figure)
        return
