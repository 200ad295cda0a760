"""From measurements and trials to options, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from realesr.tuning.candidates import Candidate
from realesr.tuning.measure import Measurements
from realesr.tuning.trial import Trial

SCALE = 4
"""Native scale of the candidates."""
UPSCALED = 2.0
"""Factor from which on an input is reduced first. On nine images upscaled by 1.5, 2 and 3 that
changed the PSNR of realesr-photo-x4 by -0.6, -0.5 and +1.0 dB and the SSIM by -0.001, +0.005 and
+0.010; it keeps more texture, and takes less time by the square of the factor."""
UPSCALED_FIELDS = 3.0
"""The same for what was deinterlaced, which is soft from top to bottom alone."""
BLOCKY = 1.4
"""Blockiness from which on blocks are told of; images without JPEG reach 1.3."""
LARGE_PIXELS = 100_000_000
LONG_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is proposed.

    Attributes:
        model: The model, with its options.
        joins_fields: Whether a clip must be deinterlaced by another program first, because it does
            not say that it is interlaced.
        reduced_by: Factor by which the input is reduced first; 1 for not at all.
        outscale: Scale factor of the result; None for that of the model.
        reasons: Pairs of an option, or a word for what is done first, and its reason.
        seconds: Expected time for the whole input, s; None if the number of frames is unknown.
    """

    model: Candidate
    joins_fields: bool
    reduced_by: float
    outscale: float | None
    reasons: tuple[tuple[str, str], ...]
    seconds: float | None


def advise(
    measured: Measurements, candidates: Sequence[Candidate], trials: Sequence[Trial]
) -> Advice:
    """Proposes options for an input.

    Args:
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
    reduced_by = reduction(measured)
    area = measured.size.area if reduced_by == 1 else measured.native_size.area
    seconds = None if measured.frames is None else times[chosen.model] * area * measured.frames
    is_huge = area * SCALE**2 > LARGE_PIXELS and not measured.is_clip
    reasons = _reasons_of_first_steps(measured, reduced_by)
    reasons.append((f"`model_name` {chosen.model}", chosen.reason))
    if chosen.denoise_strength is not None:
        strength = f"`denoise_strength` {chosen.denoise_strength:g}"
        reasons.append((strength, f"noise of {measured.traits.noise:.1f} levels"))
    if is_huge:
        reasons.append(("`outscale` 2", f"x4 would have {area * SCALE**2 / 1e6:.0f} megapixels"))
    if measured.is_clip and (seconds is None or seconds > LONG_S):
        reasons.append(("pieces", "an interrupted run goes on; `frames` 48 makes a sample"))
    return Advice(
        model=chosen,
        joins_fields=measured.is_clip and measured.is_combed and not measured.says_interlaced,
        reduced_by=reduced_by,
        outscale=2.0 if is_huge else None,
        reasons=(*reasons, *_remarks(measured)),
        seconds=seconds,
    )


def reduction(measured: Measurements) -> float:
    """Returns the factor by which an input should be reduced first; 1 for not at all."""
    has_fields = measured.is_combed or measured.says_interlaced
    factor = measured.traits.native_scale
    return factor if factor >= (UPSCALED_FIELDS if has_fields else UPSCALED) else 1.0


def expected_seconds(measured: Measurements, trial: Trial) -> float | None:
    """Returns the time that a model would take for the whole input as it is, s."""
    if measured.frames is None:
        return None
    return trial.seconds_per_pixel * measured.size.area * measured.frames


def _reasons_of_first_steps(measured: Measurements, reduced_by: float) -> list[tuple[str, str]]:
    reasons = []
    if measured.says_interlaced:
        reasons.append(("`deinterlace` auto", "the file says that it is interlaced; the default"))
    elif measured.is_combed:
        share = f"{measured.traits.comb:.0%} of the pixels are combed, but it is not marked"
        reasons.append(("fields", share))
    if reduced_by > 1:
        size = measured.native_size
        reasons.append(
            ("reduce first", f"upscaled before, or soft: {size} px would hold its detail")
        )
    return reasons


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
