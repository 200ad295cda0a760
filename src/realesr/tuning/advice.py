"""From measurements and trials to options, with the reasons, and command lines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from realesr.geometry import Size
from realesr.options import DEFAULT_MODEL
from realesr.tuning.candidates import Candidate
from realesr.tuning.measure import Measurements
from realesr.tuning.trial import Trial

SCALE = 4
"""Native scale of the candidates."""
ENLARGED = 2.0
"""Factor from which on an input is reduced first. On nine pictures enlarged by 1.5, 2 and 3 that
changed the PSNR of realesr-photo-x4 by -0.6, -0.5 and +1.0 dB and the SSIM by -0.001, +0.005 and
+0.010; it keeps more texture, and takes less time by the square of the factor."""
ENLARGED_FIELDS = 3.0
"""The same for what was deinterlaced, which is soft from top to bottom alone."""
BLOCKY = 1.4
"""Blockiness from which on blocks are told of; pictures without JPEG reach 1.3."""
LARGE_PIXELS = 100_000_000
LONG_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is proposed.

    Attributes:
        model: Name of the model.
        reasons: Pairs of an option, or a word for what is done first, and its reason.
        commands: Command lines in order, ready for a shell.
        seconds: Expected time for the whole input, s; None if the number of frames is unknown.
    """

    model: str
    reasons: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    seconds: float | None


def advise(
    path: Path,
    measured: Measurements,
    candidates: Sequence[Candidate],
    trials: Sequence[Trial],
) -> Advice:
    """Proposes options for an input.

    Args:
        path: The input.
        measured: What was measured.
        candidates: Suitable models, the most suitable one first.
        trials: Runs of those that are on this machine, at least one of them a candidate.

    Raises:
        ValueError: No candidate was tried.
    """
    times = {trial.name: trial.seconds_per_pixel for trial in trials}
    chosen = next((each for each in candidates if each.model in times), None)
    if chosen is None:
        raise ValueError("no candidate was tried")
    first = _first_steps(path, measured)
    area = first.size.area
    seconds = None if measured.frames is None else times[chosen.model] * area * measured.frames
    options, reasons = _options(chosen, measured, area)
    verb = "video" if measured.is_clip else "image"
    if measured.is_clip and (seconds is None or seconds > LONG_S):
        reasons.append(
            ("pieces", "an interrupted run goes on; `--frames 48` or `--start` makes a sample")
        )
    return Advice(
        model=chosen.model,
        reasons=(*first.reasons, *reasons, *_remarks(measured)),
        commands=(*first.commands, _joined("realesr", verb, "-i", first.source, *options)),
        seconds=seconds,
    )


def reduction(measured: Measurements) -> float:
    """Returns the factor by which an input should be reduced first; 1 for not at all."""
    has_fields = measured.is_combed or measured.says_interlaced
    factor = measured.traits.native_scale
    return factor if factor >= (ENLARGED_FIELDS if has_fields else ENLARGED) else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _FirstSteps:
    """What is done before upscaling: its reasons and commands, and what comes out."""

    source: Path
    size: Size
    reasons: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]


def _first_steps(path: Path, measured: Measurements) -> _FirstSteps:
    source, size = path, measured.size
    reasons, commands = [], []
    if measured.says_interlaced:
        reasons.append(("--deinterlace auto", "the file says that it is interlaced; the default"))
    elif measured.is_combed:
        share = f"{measured.traits.comb:.0%} of the pixels are combed, but it is not marked"
        reasons.append(("deinterlace", share))
        if measured.is_clip:
            whole = Path(f"{path.stem}-whole.mkv")
            filters = ("-vf", "bwdif=mode=send_frame", "-c:v", "ffv1", "-c:a", "copy")
            commands.append(_joined("ffmpeg", "-i", source, *filters, whole))
            source = whole
    factor = reduction(measured)
    if factor > 1:
        size = measured.native_size
        reasons.append(
            ("reduce first", f"enlarged before, or soft: {size} px would hold its detail")
        )
        verb, suffix = ("video", ".mkv") if measured.is_clip else ("image", ".png")
        small = Path(f"{path.stem}-small{suffix}")
        how = ("-n", "lanczos", "-s", f"{1 / factor:.4g}")
        commands.append(_joined("realesr", verb, "-i", source, "-o", small, *how))
        source = small
    return _FirstSteps(source=source, size=size, reasons=tuple(reasons), commands=tuple(commands))


def _options(
    chosen: Candidate, measured: Measurements, area: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Returns the options of the upscaling command, and reasons."""
    options = [] if chosen.model == DEFAULT_MODEL else ["-n", chosen.model]
    reasons = [(f"-n {chosen.model}", chosen.reason)]
    if chosen.denoise_strength is not None:
        strength = f"{chosen.denoise_strength:g}"
        options += ["-dn", strength]
        reasons.append((f"-dn {strength}", f"noise of {measured.traits.noise:.1f} levels"))
    pixels = area * SCALE**2
    if pixels > LARGE_PIXELS and not measured.is_clip:
        options += ["-s", "2"]
        reasons.append(("-s 2", f"x4 would have {pixels / 1e6:.0f} megapixels"))
    return options, reasons


def expected_seconds(measured: Measurements, trial: Trial) -> float | None:
    """Returns the time that a model would take for the whole input as it is, s."""
    if measured.frames is None:
        return None
    return trial.seconds_per_pixel * measured.size.area * measured.frames


def _remarks(measured: Measurements) -> list[tuple[str, str]]:
    """Returns what needs no option."""
    quality, blockiness = measured.jpeg_quality, measured.traits.blockiness
    if quality is not None and quality < 60:
        return [
            ("JPEG", f"quality {quality}: the networks remove its blocks, plain filters do not")
        ]
    if blockiness > BLOCKY:
        return [("blocks", f"steps every 8 px are {blockiness:.1f} times as high as others: an old "
                 "JPEG or video; the networks remove them")]  # fmt: skip
    return []


def _joined(*words: object) -> str:
    texts = [str(word) for word in words]
    # A name that looks like an option would be taken for one.
    return shlex.join(f"./{text}" if _is_odd_name(word) else text
                      for word, text in zip(words, texts, strict=True))  # fmt: skip


def _is_odd_name(word: object) -> bool:
    return isinstance(word, Path) and str(word).startswith("-")
