"""``realesr tune``: measures an input, tries models on it, and proposes a command line."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realesr.cli.compare import load
from realesr.cli.options.model import add_device_options, device_names
from realesr.cli.process import keep_memory
from realesr.comparison.entries import Entry, parse_entries
from realesr.comparison.inputs import find_inputs
from realesr.comparison.options import CompareOptions
from realesr.errors import InvalidOptionError, MissingWeightsError
from realesr.media.formats import VIDEOS
from realesr.options import Target, UpscaleOptions
from realesr.weights.catalog import find_local_weights, find_model

if TYPE_CHECKING:
    from realesr.imaging.image import Image
    from realesr.tuning.advice import Advice
    from realesr.tuning.candidates import Candidate
    from realesr.tuning.measure import Measurements
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
        help="measure a picture or clip, and propose options for it",
        description="Measures noise, blur, JPEG, interlacing and the size of the detail of a "
        "picture or clip; runs suitable models that are on this machine on small parts of it; and "
        "proposes options, with the reasons and the expected time. Nothing is downloaded.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="models to try as well, as for `realesr compare`",
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
    kind, paths = find_inputs([args.input])
    if args.input.is_dir() or len(paths) != 1:
        raise InvalidOptionError(f"`inputs` {args.input}: name one picture or clip of the folder")
    path = paths[0]
    output = args.output or Path(f"{path.stem}-tune.jpg")
    if output.suffix.lower() not in SHEETS or output.resolve() == path.resolve():
        raise InvalidOptionError(f"`output` {output}: must be a new {', '.join(SHEETS)} file")
    common = UpscaleOptions(
        target=Target(outscale=SCALE),
        device=device_names(args)[0],
        precision=args.precision,
        tile=args.tile,
        memory_budget=args.memory_budget,
        threads=args.threads,
        tile_pad=args.tile_pad,
        pre_pad=args.pre_pad,
        is_compiled=args.compile,
    )
    extra = parse_entries(args.models, common)
    # The cheap checks are done. The following imports are slow.
    from realesr.tuning.advice import advise, reduction
    from realesr.tuning.candidates import candidates_for
    from realesr.tuning.measure import measure_clip, measure_picture

    keep_memory()
    measured, image = (measure_clip if kind is VIDEOS else measure_picture)(path)
    candidates = candidates_for(measured)
    here = [each for each in candidates if find_local_weights(find_model(each.model))]
    if not here:
        names = " ".join(each.model for each in candidates)
        raise MissingWeightsError(f"no suitable model is here: `realesr models fetch {names}`")
    entries = _entries(here, extra, common)
    trials, parts = _try(entries, image, here[0].model, reduction(measured))
    advice = advise(path, measured, here, trials)
    _write(output, path, entries, trials, parts, is_clip=kind is VIDEOS)
    missing = [each for each in candidates if each not in here]
    if args.json:
        print(json.dumps(_as_json(path, measured, trials, missing, advice, output), indent=1))
    else:
        _print(path, measured, trials, missing, advice, output)
    return 0


def _entries(
    here: list[Candidate], extra: tuple[Entry, ...], common: UpscaleOptions
) -> tuple[Entry, ...]:
    """Returns what is tried: the baseline, suitable models, and those that were named."""
    chosen = [Entry(name=BASELINE, options=replace(common, model_name=BASELINE))]
    for each in here:
        options = replace(common, model_name=each.model, denoise_strength=each.denoise_strength)
        chosen.append(Entry(name=each.model, options=options))
    names = {entry.name for entry in chosen}
    return (*chosen, *(entry for entry in extra if entry.name not in names and entry.options))


def _try(
    entries: tuple[Entry, ...], image: Image, best: str, reduced_by: float
) -> tuple[list[Trial], tuple[Image, ...]]:
    """Runs all entries on parts of the image, and the best one on reduced parts, too."""
    from realesr.tuning.trial import detailed_parts, run_trial

    parts = detailed_parts(image)
    trials = []
    for entry in entries:
        if entry.options is None:
            continue
        print(f"trying {entry.name}", file=sys.stderr)
        upscaler = load(entry.options)
        trials.append(run_trial(entry.name, upscaler, parts, SCALE))
        if entry.name == best and reduced_by > 1:
            name = f"{entry.name}, reduced first"
            trials.append(run_trial(name, upscaler, parts, SCALE, reduced_by=reduced_by))
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
        entries, [path], options, SCALE, lambda entry, picture: None, has_clips=is_clip
    )
    write_page(content, output, title=f"tune {path.name}", limit=options.limit)


def _print(
    path: Path,
    measured: Measurements,
    trials: list[Trial],
    missing: list[Candidate],
    advice: Advice,
    output: Path,
) -> None:
    from realesr.tuning.advice import expected_seconds

    frames = "" if not measured.is_clip else f", {measured.frames or 'unknown'} frames"
    print(f"{path}: {measured.size} px{frames}")
    for name, value in _rows(measured):
        print(f"  {name:<12}{value}")
    device = next((trial.device for trial in trials if trial.device), "cpu")
    print(f"\ntried on {device}: seconds for a megapixel, and for all of the input as it is")
    width = max(len(trial.name) for trial in trials)
    for trial in trials:
        whole = duration(expected_seconds(measured, trial))
        print(f"  {trial.name:<{width}}  {trial.seconds_per_pixel * 1e6:7.2f}  {whole}")
    for each in missing:
        megabytes = find_model(each.model).weights.size_bytes / 1e6
        print(f"  {each.model:<{width}}  not here ({megabytes:.0f} MB): {each.reason}")
    print("\nproposed")
    wide = max(len(name) for name, _ in advice.reasons)
    for name, reason in advice.reasons:
        print(f"  {name:<{wide}}  {reason}")
    print(f"  expected: {duration(advice.seconds)} in all; results: {output}\n")
    for command in advice.commands:
        print(command)


def _rows(measured: Measurements) -> list[tuple[str, str]]:
    traits = measured.traits
    blur = "no edges" if traits.blur is None else f"{traits.blur:.1f} px at sharp edges"
    enlarged = traits.native_scale > 1
    rows = [
        ("noise", f"{traits.noise:.1f} levels of 255"),
        ("blur", blur),
        ("blocks", f"steps every 8 px {traits.blockiness:.2f} times as high as others"),
        ("detail", f"fits into {measured.native_size} px" if enlarged else "fills its size"),
        ("even areas", f"{traits.flat_share:.0%}"),
    ]
    if measured.jpeg_quality is not None:
        rows.append(("JPEG", f"quality {measured.jpeg_quality}"))
    if measured.is_clip:
        says = "says so" if measured.says_interlaced else "does not say so"
        rows.append(("interlaced", f"{max(traits.comb, 0):.1%} of the rows; the file {says}"))
    return rows


def duration(seconds: float | None) -> str:
    """Returns a time in words, to two digits."""
    if seconds is None:
        return "unknown"
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _as_json(
    path: Path,
    measured: Measurements,
    trials: list[Trial],
    missing: list[Candidate],
    advice: Advice,
    output: Path,
) -> dict[str, Any]:
    from realesr.tuning.advice import expected_seconds

    return {
        "input": str(path),
        "size": [measured.size.width, measured.size.height],
        "frames": measured.frames,
        "jpeg_quality": measured.jpeg_quality,
        "says_interlaced": measured.says_interlaced,
        "traits": asdict(measured.traits),
        "trials": [
            {
                "model": trial.name,
                "seconds_per_megapixel": trial.seconds_per_pixel * 1e6,
                "seconds": expected_seconds(measured, trial),
            }
            for trial in trials
        ],
        "not_here": [each.model for each in missing],
        "advice": asdict(advice),
        "sheet": str(output),
    }
