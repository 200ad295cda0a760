"""``realesr tune``: measures an input, tries models on it, and proposes a command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.cli.compare import common_options, load
from realesr.cli.options.model import add_device_options
from realesr.cli.printing import answer_text, tell
from realesr.cli.process import keep_memory
from realesr.cli.wording import print_notice
from realesr.comparison.entries import Entry, parse_entries
from realesr.comparison.inputs import find_inputs
from realesr.comparison.options import CompareOptions
from realesr.errors import InvalidOptionError, MissingWeightsError
from realesr.loading.build import model_of
from realesr.media.formats import VIDEOS
from realesr.options import UpscaleOptions
from realesr.outputs import check_writable
from realesr.overwriting import refuse_overwriting
from realesr.weights.catalog import find_local_weights, find_model

if TYPE_CHECKING:
    from realesr.imaging.image import Image
    from realesr.tuning.candidates import Candidate
    from realesr.tuning.trial import Trial

SHEETS = (".jpg", ".jpeg", ".png", ".html")
BASELINE = "bicubic"
SCALE = 4.0
EXAMPLES = """\
examples:
  realesr tune -i photo.jpg
  realesr tune -i clip.mp4 -o clip.html
  realesr tune realesr-photo-x4 my-network.pth -i scan.png -o sheet.png
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "tune",
        help="measure an image or clip, and propose options for it",
        description="Measures noise, blur, JPEG, interlacing and the size of the detail of a "
        "image or clip; runs suitable models that are on this machine on small parts of it; and "
        "proposes options, with the reasons and the expected time. Nothing is downloaded.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="models to try as well: names, or files of weights; NAME=MODEL gives it a name",
    )
    parser.add_argument("-i", "--input", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="sheet with parts of the results, .jpg or .png, or a page, .html "
        "(default: NAME-tune.jpg)",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    add_device_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code.

    Raises:
        RealesrError: The input cannot be read, or a model cannot be loaded.
    """
    kind, paths = find_inputs([args.input], notify=print_notice)
    if args.input.is_dir() or len(paths) != 1:
        raise InvalidOptionError(f"`inputs` {args.input}: name one image or clip of the folder")
    path = paths[0]
    output = args.output or Path(f"{path.stem}-tune.jpg")
    if output.suffix.lower() not in SHEETS:
        raise InvalidOptionError(f"`output` {output}: must end with one of {', '.join(SHEETS)}")
    common = common_options(args, SCALE)
    extra = _named_models(args.models, common)
    refuse_overwriting("`output`", output, (path,))
    check_writable(output)
    # The cheap checks are done. The following imports are slow.
    from realesr.cli.tune_report import TuneReport
    from realesr.media.images.decode import read_image
    from realesr.tuning.advice import advise, reduction
    from realesr.tuning.candidates import candidates_for
    from realesr.tuning.measure import measure_clip, measure_image

    keep_memory()
    measured, image = (measure_clip if kind is VIDEOS else measure_image)(path)
    candidates = candidates_for(measured)
    here = _available(candidates, extra)
    entries = _entries(here, extra, common)
    is_jpeg = measured.jpeg_quality is not None
    smoothed = read_image(path, smooth_color=True) if is_jpeg else image
    trials, parts = _try(entries, image, smoothed, here[0].model, reduction(measured))
    advice = advise(measured, here, trials)
    _write(output, path, entries, trials, parts, is_clip=kind is VIDEOS)
    missing = [each for each in candidates if each not in here]
    report = TuneReport(path, measured, trials, missing, advice, output)
    if args.json:
        answer_text(json.dumps(report.as_json(), indent=1))
    else:
        report.print()
    return 0


def _named_models(texts: Sequence[str], common: UpscaleOptions) -> tuple[Entry, ...]:
    """Returns the models that the command line names.

    Raises:
        UsageError: One of them is none, or holds ready results.
        UnreadableMediaError: A file of weights does not exist.
    """
    entries = parse_entries(texts, common)
    for entry in entries:
        if entry.results is not None:
            raise InvalidOptionError(
                f"{entry.results}: is no model to try, but ready results, which `realesr compare` "
                "shows"
            )
    return entries


def _available(candidates: Sequence[Candidate], extra: tuple[Entry, ...]) -> list[Candidate]:
    """Returns the suitable models that are here, and those that are named.

    Raises:
        MissingWeightsError: There are none.
    """
    named = {model_of(entry.options) for entry in extra if entry.options is not None}
    here = [
        each
        for each in candidates
        if each.model in named or find_local_weights(find_model(each.model))
    ]
    if not here:
        names = " ".join(each.model for each in candidates)
        raise MissingWeightsError(f"no suitable model is here: `realesr models fetch {names}`")
    return here


def _entries(
    here: list[Candidate], extra: tuple[Entry, ...], common: UpscaleOptions
) -> tuple[Entry, ...]:
    """Returns what is tried: the baseline, suitable models, and those that were named.

    What is named is tried, too, if it has the name of another: then its file is its name.
    """
    chosen = [Entry(name=BASELINE, options=replace(common, model_name=BASELINE))]
    for each in here:
        options = replace(common, model_name=each.model, denoise_strength=each.denoise_strength)
        chosen.append(Entry(name=each.model, options=options))
    suitable = {entry.name for entry in chosen}
    for entry in extra:
        if entry.options is None or entry.name not in suitable:
            chosen.append(entry)
        elif (model := model_of(entry.options)) not in suitable:
            chosen.append(replace(entry, name=model))
    return tuple(chosen)


def _try(
    entries: tuple[Entry, ...], image: Image, smoothed: Image, best: str, reduced_by: float
) -> tuple[list[Trial], tuple[Image, ...]]:
    """Runs all entries on parts of the image, and the best one on reduced parts, too.

    Args:
        entries: What is tried.
        image: The input, as plain filters get it.
        smoothed: The input, as networks get it.
        best: Name of the model that is also tried on reduced parts.
        reduced_by: Factor of the reduction; 1 for none.

    Returns:
        The trials, and the parts of the input.
    """
    from realesr.tuning.trial import cut_parts, detailed_regions, run_trial

    regions = detailed_regions(image)
    parts, for_networks = cut_parts(image, regions), cut_parts(smoothed, regions)
    trials = []
    for entry in entries:
        if entry.options is None:
            continue
        tell(f"trying {entry.name}")
        upscaler = load(entry.options)
        taken = for_networks if entry.has_network else parts
        trials.append(run_trial(entry.name, upscaler, taken, SCALE))
        if entry.name == best and reduced_by > 1:
            name = f"{entry.name}, reduced first"
            trials.append(run_trial(name, upscaler, taken, SCALE, reduced_by=reduced_by))
    return trials, parts


def _write(
    output: Path,
    path: Path,
    entries: tuple[Entry, ...],
    trials: list[Trial],
    parts: tuple[Image, ...],
    *,
    is_clip: bool,
) -> None:
    if output.suffix.lower() != ".html":
        from realesr.comparison.sheet import make_sheet, write_sheet

        columns = [("input", parts), *((each.name, each.results) for each in trials)]
        write_sheet(make_sheet(columns), output)
        return
    from realesr.cli.compare import make_content
    from realesr.comparison.page import write_page
    from realesr.geometry import Size

    options = CompareOptions(frames=24) if is_clip else CompareOptions(crop=Size(256, 192))
    content = make_content(
        entries, [path], options, SCALE, lambda entry, image: None, has_clips=is_clip
    )
    write_page(content, output, title=f"tune {path.name}", limit=options.limit)
