"""``realesr compare``: a page that shows results side by side, and what people think of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.options.model import add_device_options, device_options
from realesr.cli.options.parsers import memory, seconds, size
from realesr.cli.printing import tell
from realesr.cli.process import keep_memory
from realesr.cli.tally import print_tally, refuse_beside_tally
from realesr.cli.wording import print_notice
from realesr.comparison.entries import parse_entries
from realesr.comparison.inputs import find_inputs
from realesr.comparison.options import (
    CLIP_FORMATS,
    DEFAULT_LIMIT,
    FORMATS,
    QUESTIONS,
    CompareOptions,
)
from realesr.errors import InvalidOptionError
from realesr.loading.notices import idle_of_tiles, without_effect
from realesr.media.formats import IMAGES
from realesr.options import Target, UpscaleOptions
from realesr.outputs import check_writable
from realesr.overwriting import refuse_overwriting
from realesr.progress import Notice

if TYPE_CHECKING:
    from realesr.comparison.content import Comparison, OnResult
    from realesr.comparison.entries import Entry
    from realesr.imaging.upscaler import ImageUpscaler

DEFAULT_OUTSCALE = 4.0
PAGES = (".html", ".htm")

EXAMPLES = """\
examples:
  realesr compare bicubic realesr-photo-x4 -i photos/ -o page.html
  realesr compare old=a.pth new=b.pth truth=originals/ -i small/ --crop 200x150
  realesr compare bicubic realesr-anime-x4 -i clip.mp4 --frames 48 -s 2
  realesr compare bicubic realesr-photo-x4 -i photos/ -o quiz.html --blind
  realesr compare --tally ratings-*.json
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "compare",
        help="a page that shows models side by side, and blind ratings",
        description="Makes one HTML file that shows images or clips as several models upscale "
        "them: a slider, side by side, and the difference. It needs no network. With --blind it "
        "asks which results are better; --tally counts the answers.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "entries",
        nargs="*",
        metavar="MODEL",
        help="a name of `realesr models list`, a plain filter such as bicubic, a file of weights, "
        "or a folder of ready results; NAME=MODEL gives it a name",
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "-i",
        "--input",
        type=Path,
        nargs="+",
        metavar="PATH",
        default=[],
        help="images or clips, folders, or patterns",
    )
    files.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        default=Path("comparison.html"),
        help="the page (default: %(default)s)",
    )
    files.add_argument(
        "--format",
        choices=(*FORMATS, *CLIP_FORMATS),
        help="format of the images or clips within (default: webp; clips: mp4)",
    )
    files.add_argument(
        "--quality", type=int, default=90, metavar="N", help="of images, 1 to 100 (default: 90)"
    )
    files.add_argument(
        "--crf", type=float, default=16, metavar="N", help="of clips; lower is better (default: 16)"
    )
    files.add_argument(
        "--limit",
        type=memory,
        default=DEFAULT_LIMIT,
        metavar="SIZE",
        help="largest page, such as 500M (default: 100M)",
    )
    files.add_argument("--title", help="title of the page (default: the names of the models)")
    _add_content_options(parser)
    blind = parser.add_argument_group("blind")
    blind.add_argument("--blind", action="store_true", help="hide the names, and ask")
    blind.add_argument(
        "--ask",
        choices=QUESTIONS,
        help="with --blind: which of two is better, or 1 to 5 for each (default: pairs)",
    )
    blind.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the shuffling (default: 0)"
    )
    blind.add_argument(
        "--tally", type=Path, nargs="+", metavar="JSON", help="count exported answers, and end"
    )
    blind.add_argument("--json", action="store_true", help="--tally as JSON")
    add_device_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=partial(run, parser))


def _add_content_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("content")
    group.add_argument(
        "-s",
        "--outscale",
        type=float,
        default=DEFAULT_OUTSCALE,
        metavar="X",
        help="scale factor of all models (default: 4)",
    )
    group.add_argument(
        "-dn",
        "--denoise-strength",
        type=float,
        metavar="X",
        help="0 keeps noise, 1 removes it; only for realesr-general-x4v3 (default: 0.5)",
    )
    group.add_argument(
        "--crop", type=size, metavar="WxH", help="of each image only the part with most detail"
    )
    group.add_argument(
        "--start",
        type=seconds,
        default=Fraction(0),
        metavar="TIME",
        help="start in clips, in seconds or as 0:01:30",
    )
    group.add_argument(
        "--frames", type=int, default=48, metavar="N", help="most frames of a clip (default: 48)"
    )


def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code.

    Args:
        parser: Its parser, which knows the defaults.
        args: Parsed command line.

    Raises:
        RealesrError: The page cannot be made, or answers cannot be read.
    """
    if args.tally is not None:
        refuse_beside_tally(args, defaults=parser.parse_args([]))
        return print_tally(args.tally, as_json=args.json)
    _check_questions(args)
    common = common_options(args, args.outscale, args.denoise_strength)
    entries = parse_entries(args.entries, common)
    kind, paths = find_inputs(args.input, notify=print_notice)
    has_clips = kind is not IMAGES
    options = _compare_options(args, has_clips=has_clips)
    least = 2 if options.ask == "pairs" else 1
    if options.blind and len(entries) < least:
        raise InvalidOptionError(f"`blind` with `ask` {options.ask} needs {least} models or more")
    if args.output.suffix.lower() not in PAGES:
        raise InvalidOptionError(f"`output` {args.output}: the name of a page ends with .html")
    refuse_overwriting("`output`", args.output, paths)
    check_writable(args.output)
    for notice in _ineffective(options, has_clips=has_clips):
        print_notice(notice)
    # The cheap checks are done. The following imports are slow.
    from realesr.comparison.blind import blinded
    from realesr.comparison.page import write_page

    keep_memory()
    results = len(entries) * len(paths)
    done = 0

    def show_progress(entry: str, image: str) -> None:
        nonlocal done
        done += 1
        if not args.quiet:
            tell(f"{done}/{results} {entry}: {image}")

    plain = make_content(entries, paths, options, args.outscale, show_progress, has_clips=has_clips)
    content = blinded(plain, ask=options.ask, seed=options.seed) if options.blind else plain
    names = " / ".join(entry.name for entry in entries)
    title = args.title or ("Which is better?" if options.blind else names)
    size_bytes = write_page(content, args.output, title=title, limit=options.limit)
    if not args.quiet:
        tell(f"{args.output}: {size_bytes / 1e6:.1f} MB")
    return 0


def _check_questions(args: argparse.Namespace) -> None:
    """Refuses a page without models or images, and options of blind pages and answers for others.

    Raises:
        InvalidOptionError: Something is missing.
    """
    if args.ask is not None and not args.blind:
        raise InvalidOptionError(f"`ask` {args.ask} is a question of `blind` pages: add `blind`")
    if args.json:
        raise InvalidOptionError("--json is for the result of --tally: name the files of answers")
    if not args.entries or not args.input:
        raise InvalidOptionError("name the models to compare, and the images with `inputs`")


def _ineffective(options: CompareOptions, *, has_clips: bool) -> Iterator[Notice]:
    """Yields notices about options that are set but have no effect."""
    default = CompareOptions()
    of_others = ("quality",) if has_clips else ("crf", "start", "frames")
    names = [name for name in of_others if getattr(options, name) != getattr(default, name)]
    if names:
        yield without_effect(names, f"for {'clips' if has_clips else 'images'}")
    if not has_clips and options.format == "png" and options.quality != default.quality:
        yield without_effect(["quality"], "for PNG, which loses nothing")
    if not options.blind and options.seed != default.seed:
        yield without_effect(["seed"], "without `blind`")


def common_options(
    args: argparse.Namespace, outscale: float, denoise_strength: float | None = None
) -> UpscaleOptions:
    """Returns the options of all models, and tells which have no effect.

    Raises:
        InvalidOptionError: A value is outside its range.
    """
    options = replace(
        device_options(args), target=Target(outscale=outscale), denoise_strength=denoise_strength
    )
    for notice in idle_of_tiles(options):
        print_notice(notice)
    return options


def _compare_options(args: argparse.Namespace, *, has_clips: bool) -> CompareOptions:
    options = CompareOptions(
        quality=args.quality,
        crf=args.crf,
        limit=args.limit,
        crop=args.crop,
        start=args.start,
        frames=args.frames,
        blind=args.blind,
        ask=args.ask or QUESTIONS[0],
        seed=args.seed,
    )
    if args.format is None:
        return options
    return replace(options, **{"clip_format" if has_clips else "format": args.format})


def make_content(
    entries: Sequence[Entry],
    paths: Sequence[Path],
    options: CompareOptions,
    outscale: float,
    on_result: OnResult,
    *,
    has_clips: bool,
) -> Comparison:
    """Makes the views; what reads videos is imported only for clips."""
    if has_clips:
        from realesr.comparison.clips import compare_clips

        return compare_clips(
            entries,
            paths,
            options,
            outscale=outscale,
            load=load,
            on_result=on_result,
            notify=print_notice,
        )
    from realesr.comparison.images import compare_images

    return compare_images(
        entries,
        paths,
        options,
        outscale=outscale,
        load=load,
        on_result=on_result,
        notify=print_notice,
    )


def load(options: UpscaleOptions) -> ImageUpscaler:
    """Finds or downloads the weights of a model, and loads it.

    Raises:
        RealesrError: The model is not available.
    """
    from realesr.cli.reporter import download_bar
    from realesr.loading.build import make_upscaler
    from realesr.loading.resolve import ensure_files

    files = ensure_files(options, downloading=download_bar, notify=print_notice)
    return make_upscaler(options, files, notify=print_notice)
