"""The report of ``realesr tune``: measurements, trials, reasons, and command lines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from realesr.cli.printing import answer, printable
from realesr.cli.wording import with_flags
from realesr.options import DEFAULT_MODEL
from realesr.tuning.advice import Advice, expected_seconds
from realesr.tuning.candidates import Candidate
from realesr.tuning.measure import Measurements
from realesr.tuning.trial import Trial
from realesr.weights.catalog import find_model


@dataclass(frozen=True, slots=True)
class TuneReport:
    """Everything that ``realesr tune`` tells.

    Attributes:
        path: The input.
        measured: What was measured of it.
        trials: Runs of models.
        missing: Suitable models that are not on this machine.
        advice: What is proposed.
        output: The sheet or page.
    """

    path: Path
    measured: Measurements
    trials: Sequence[Trial]
    missing: Sequence[Candidate]
    advice: Advice
    output: Path

    def print(self) -> None:
        """Prints the report for people; the last lines are the commands."""
        count = self.measured.frames
        frames = "" if count == 1 else f", {count or 'unknown'} frames"
        answer(f"{self.path}: {self.measured.size} px{frames}")
        for name, value in _rows(self.measured):
            answer(f"  {name:<12}{value}")
        device = next((trial.device for trial in self.trials if trial.device), "cpu")
        answer("")
        answer(f"tried on {device}: seconds for a megapixel, and for all of the input as it is")
        names = [trial.name for trial in self.trials] + [each.model for each in self.missing]
        width = max(map(len, names))
        for trial in self.trials:
            whole = duration(expected_seconds(self.measured, trial))
            answer(f"  {trial.name:<{width}}  {trial.seconds_per_pixel * 1e6:7.2f}  {whole}")
        for each in self.missing:
            megabytes = find_model(each.model).weights.size_bytes / 1e6
            answer(f"  {each.model:<{width}}  not here ({megabytes:.0f} MB): {each.reason}")
        answer("")
        answer("proposed")
        reasons = [(with_flags(name), with_flags(reason)) for name, reason in self.advice.reasons]
        wide = max(len(name) for name, _ in reasons)
        for name, reason in reasons:
            answer(f"  {name:<{wide}}  {reason}")
        answer(f"  expected: {duration(self.advice.seconds)} in all; results: {self.output}")
        answer("")
        for command in commands_for(self.path, self.measured, self.advice):
            answer(command)

    def as_json(self) -> dict[str, Any]:
        """Returns the report for programs."""
        measured, advice = self.measured, self.advice
        return {
            "input": str(self.path),
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
                for trial in self.trials
            ],
            "not_here": [each.model for each in self.missing],
            "proposed": {
                "model": advice.model.model,
                "denoise_strength": advice.model.denoise_strength,
                "reduced_by": advice.reduced_by,
                "outscale": advice.outscale,
                "reasons": [[with_flags(text) for text in pair] for pair in advice.reasons],
                "seconds": advice.seconds,
                "commands": commands_for(self.path, measured, advice),
            },
            "sheet": str(self.output),
        }


def commands_for(path: Path, measured: Measurements, advice: Advice) -> list[str]:
    """Returns command lines in order, ready for a shell.

    Args:
        path: The input.
        measured: What was measured of it.
        advice: What is proposed.
    """
    verb, suffix = ("video", ".mkv") if measured.is_clip else ("image", ".png")
    source, commands = path, []
    if advice.joins_fields:
        whole = Path(f"{path.stem}-whole.mkv")
        filters = ("-vf", "bwdif=mode=send_frame", "-c:v", "ffv1", "-c:a", "copy")
        commands.append(_joined("ffmpeg", "-i", source, *filters, whole))
        source = whole
    if advice.reduced_by > 1:
        small = Path(f"{path.stem}-small{suffix}")
        how = ("-n", "lanczos", "-s", f"{1 / advice.reduced_by:.4g}")
        commands.append(_joined("realesr", verb, "-i", source, "-o", small, *how))
        source = small
    chosen = advice.model
    options = [] if chosen.model == DEFAULT_MODEL else ["-n", chosen.model]
    if chosen.denoise_strength is not None:
        options += ["-dn", f"{chosen.denoise_strength:g}"]
    if advice.outscale is not None:
        options += ["-s", f"{advice.outscale:g}"]
    return [*commands, _joined("realesr", verb, "-i", source, *options)]


def _joined(*words: str | Path) -> str:
    """Quotes words; a file whose name looks like an option gets its folder."""
    return " ".join(
        _quoted(f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word))
        for word in words
    )


def _quoted(word: str) -> str:
    r"""Quotes a word for a shell: ``$'a\x1b'`` if signs in it could not be typed or printed."""
    if printable(word) == word:
        return shlex.quote(word)
    escaped = "".join(
        rf"\{sign}" if sign in "\\'" else sign if printable(sign) == sign else _bytes_of(sign)
        for sign in word
    )
    return f"$'{escaped}'"


def _bytes_of(sign: str) -> str:
    return "".join(rf"\x{byte:02x}" for byte in os.fsencode(sign))


def _rows(measured: Measurements) -> list[tuple[str, str]]:
    traits = measured.traits
    blur = "no edges" if traits.blur is None else f"{traits.blur:.1f} px at sharp edges"
    upscaled = traits.native_scale > 1
    rows = [
        ("noise", f"{traits.noise:.1f} levels of 255"),
        ("blur", blur),
        ("blocks", f"steps every 8 px {traits.blockiness:.2f} times as high as others"),
        ("detail", f"fits into {measured.native_size} px" if upscaled else "fills its size"),
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
