"""Chooses the models that suit an input, the most suitable one first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from realesr.tuning.measure import Measurements

DRAWING = 0.7
"""Even share from which on an image is taken for a drawing."""
SURELY_DRAWING = 0.9
"""Even share from which on it is no photograph: 32, as they are and upscaled 2 and 3 times, have at
most 0.85. Upscaling makes photographs even: three of them pass :data:`DRAWING`."""
MAYBE_DRAWING = 0.35
"""Even share from which on it may be one: shaded, or a photograph that compression has smoothed."""
NOISY = 8.0
"""Deviation of noise in luma that the eye notices everywhere, levels."""
GRAINY = 4.0
"""Deviation of noise that texture alone does not explain, levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model with the options that suit an input.

    Attributes:
        model: Name in the catalog.
        reason: Why it suits.
        denoise_strength: As of ``realesr-general-x4v3``; None for other models.
    """

    model: str
    reason: str
    denoise_strength: float | None = None


def candidates_for(measured: Measurements) -> tuple[Candidate, ...]:
    """Returns models for an input, the most suitable one first."""
    # Without edges there is nothing to tell a drawing by.
    flat = 0.0 if measured.traits.blur is None else measured.traits.flat_share
    photo = _for_photographs(measured)
    if flat >= DRAWING:
        reason = f"{flat:.0%} of the plain areas are even, as in a drawing"
        if flat >= SURELY_DRAWING:
            return _for_drawings(measured, reason)
        doubt = f"compare with {photo[0].model}, if it is a photograph"
        first, *others = _for_drawings(measured, f"{reason}; {doubt}")
        return (first, photo[0], *others)
    if flat < MAYBE_DRAWING:
        return photo
    drawing, *_ = _for_drawings(measured, "if it is a drawing")
    doubt = f"but {flat:.0%} of it is even: compare with {drawing.model}, if it is a drawing"
    return (replace(photo[0], reason=f"{photo[0].reason}; {doubt}"), drawing, *photo[1:])


def _for_drawings(measured: Measurements, reason: str) -> tuple[Candidate, ...]:
    other = "realesr-animevideov3" if measured.is_clip else "RealESRGAN_x4plus_anime_6B"
    told = "made for anime videos" if measured.is_clip else "more detail in anime images, slower"
    return (
        Candidate(model="realesr-anime-x4", reason=reason),
        Candidate(model=other, reason=told),
    )


def _for_photographs(measured: Measurements) -> tuple[Candidate, ...]:
    noise = measured.traits.noise
    default = Candidate(
        model="realesr-photo-x4", reason="for photographs, clean or damaged; small and fast"
    )
    detailed = Candidate(model="RealESRGAN_x4plus", reason="the most detail, slow")
    if noise >= NOISY:
        strong = Candidate(
            model="realesr-general-x4v3",
            reason=f"noise of {noise:.1f} levels: it can remove all of it",
            denoise_strength=1.0,
        )
        order = (strong, default)
    else:
        strength = 0.5 if noise >= GRAINY else 0.2
        gentle = Candidate(
            model="realesr-general-x4v3",
            reason="little noise: a low strength keeps texture and grain",
            denoise_strength=strength,
        )
        order = (default, gentle)
    return order if measured.is_clip else (*order, detailed)
