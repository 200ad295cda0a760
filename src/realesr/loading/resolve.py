"""From options to files of weights: found on this machine, or downloaded. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.face.dependencies import check_extra
from realesr.options import UpscaleOptions
from realesr.progress import Notice, Notify, Progress, ignore, no_progress
from realesr.weights.catalog import BASELINES, Spec, find_model, find_spec

DownloadProgress = Callable[[str], AbstractContextManager[Progress]]
"""Opens a display for the download of a file, by its name."""

DEFAULT_DENOISE_STRENGTH = 0.5
"""As in the reference's ``inference_realesrgan.py``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceFiles:
    """The weights that restoring faces takes.

    Attributes:
        restorer: What restores.
        detector: What finds faces; None where images are aligned faces.
        parser: What outlines them; None there, too.
    """

    restorer: Path
    detector: Path | None = None
    parser: Path | None = None


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """The weights that make a network.

    Attributes:
        path: The file.
        partner: Another one, that keeps noise, to mix it with; None for no mixture.
        share: How much of the mixture is ``path``.
    """

    path: Path
    partner: Path | None = None
    share: float = 1.0


def ensure_files(
    options: UpscaleOptions,
    *,
    downloading: DownloadProgress = lambda name: nullcontext(no_progress),
    notify: Notify = ignore,
) -> NetworkFiles | None:
    """Finds, or downloads, the weights that are asked for. Loads nothing heavy.

    Args:
        options: What is asked for.
        downloading: Shows a download.
        notify: Receives a sentence where an option does nothing, or a file is not as published.

    Returns:
        None for a baseline, which needs none.

    Raises:
        UnknownModelError, WeightsError: They cannot be had.
        InvalidOptionError: A mixture is asked for whose partner is not there.
        MissingExtraError: Faces are asked for, and a package for them is not installed.
    """
    faces = options.faces
    if faces is not None and faces.weight > 0 and not faces.is_aligned:
        check_extra()
    strength = options.denoise_strength
    if options.model_path is not None:
        if strength is None or strength == 1:
            return NetworkFiles(options.model_path)
        return NetworkFiles(options.model_path, _partner_beside(options.model_path), strength)
    if options.model_name in BASELINES:
        return None

    obtain = partial(_obtain, downloading=downloading, notify=notify)
    spec = find_model(options.model_name)
    path = obtain(spec)
    if spec.weak_denoise_model is None:
        if strength is not None:
            notify(
                Notice(
                    "option-without-effect",
                    f"`denoise_strength` does nothing for {spec.name}, which has no partner",
                )
            )
        return NetworkFiles(path)
    strength = DEFAULT_DENOISE_STRENGTH if strength is None else strength
    if strength == 1:
        return NetworkFiles(path)
    return NetworkFiles(path, obtain(find_model(spec.weak_denoise_model)), strength)


def ensure_face_files(
    options: UpscaleOptions,
    *,
    downloading: DownloadProgress = lambda name: nullcontext(no_progress),
    notify: Notify = ignore,
) -> FaceFiles | None:
    """Finds, or downloads, the weights that faces take. Loads nothing heavy.

    Args:
        options: What is asked for.
        downloading: Shows a download.
        notify: Receives a sentence where faces and the model do not go together, or a file is not
            as published.

    Returns:
        None where nothing is done about faces.

    Raises:
        WeightsError: The weights cannot be had.
    """
    faces = options.faces
    if faces is None:
        return None
    if faces.weight == 0:
        if faces.report is not None:
            notify(
                Notice(
                    "option-without-effect",
                    "`report` does nothing at `weight` 0: no faces are looked for",
                )
            )
        return None
    if faces.is_aligned and faces.report is not None:
        notify(
            Notice(
                "option-without-effect",
                "`report` does nothing with `is_aligned`: no faces are looked for",
            )
        )
    model = options.model_name if options.model_path is None else options.model_path.name
    if "anime" in model:
        notify(
            Notice(
                "model-mismatch",
                f"{model} is made for drawings, and `faces` for photographs of faces",
            )
        )

    names = {"restorer": faces.model}
    if not faces.is_aligned:
        names |= {"detector": faces.detector, "parser": "parsenet"}
    obtain = partial(_obtain, downloading=downloading, notify=notify)
    return FaceFiles(**{part: obtain(find_spec(name)) for part, name in names.items()})


def _obtain(spec: Spec, *, downloading: DownloadProgress, notify: Notify) -> Path:
    from realesr.weights.fetch import ensure_weights

    with downloading(spec.weights.name) as on_progress:
        return ensure_weights(spec, on_progress=on_progress, notify=notify)


def _partner_beside(path: Path) -> Path:
    """The reference's rule: the same name with ``-wdn`` in it, in the same folder."""
    partner = path.with_name(path.name.replace("general-x4v3", "general-wdn-x4v3"))
    if partner == path or not partner.is_file():
        raise InvalidOptionError(
            f"`denoise_strength` mixes {path.name} with a partner that keeps noise, "
            "realesr-general-wdn-x4v3 beside realesr-general-x4v3, which is not there: "
            "put it there, or leave the option out"
        )
    return partner
