"""Finding or downloading the weights files that options need. Imports nothing large."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from realesr.errors import InvalidOptionError, MissingWeightsError
from realesr.face.dependencies import check_extra
from realesr.loading.notices import idle_of_mixture, notify_of_resize
from realesr.options import UpscaleOptions
from realesr.progress import Notice, Notify, Progress, no_notice, no_progress
from realesr.weights.catalog import BASELINES, ModelSpec, Spec, find_model, find_spec

DownloadProgress = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress display for the download of a named file."""

DEFAULT_DENOISE_STRENGTH = 0.5
"""Default of the reference's ``inference_realesrgan.py``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceFiles:
    """Weights files of face restoration.

    Attributes:
        restorer: Weights of the restoration network.
        detector: Weights of the face detector; None if the images are aligned faces.
        parser: Weights of the face parser; None if the images are aligned faces.
    """

    restorer: Path
    detector: Path | None = None
    parser: Path | None = None


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """Weights files of an upscaling network.

    Attributes:
        path: The weights file.
        other: A second file to mix with, whose network keeps more noise or is more faithful; None
            for no mixture.
        weight: Fraction of ``path`` in the mixture, 0 to 1.
    """

    path: Path
    other: Path | None = None
    weight: float = 1.0


def ensure_files(
    options: UpscaleOptions,
    *,
    downloading: DownloadProgress = lambda name: nullcontext(no_progress),
    notify: Notify = no_notice,
) -> NetworkFiles | None:
    """Finds or downloads the weights of the upscaling network. Imports nothing large.

    Args:
        options: Options of upscaling.
        downloading: Shows the progress of a download.
        notify: Receives a notice if an option has no effect, a file is not the published one, or
            asks for something that is left out.

    Returns:
        The files; None for a plain filter.

    Raises:
        UnknownModelError: The catalog has no such model.
        WeightsError: The weights are not available.
        InvalidOptionError: An option needs a second weights file that is missing.
        MissingExtraError: Face restoration needs packages that are not installed.
    """
    faces = options.faces
    if faces is not None and faces.weight > 0 and not faces.is_aligned:
        check_extra()
    if options.model_path is not None:
        files = _files_of_path(options.model_path, options)
        notify_of_resize(options.model_path, notify)
        return files
    if options.model_name in BASELINES:
        return None
    return _files_of_model(
        find_model(options.model_name),
        options,
        partial(_obtain, downloading=downloading, notify=notify),
        notify,
    )


def _files_of_path(path: Path, options: UpscaleOptions) -> NetworkFiles:
    """Returns a file, and the partner beside it that an option mixes it with.

    Raises:
        MissingWeightsError: There is no such file.
        InvalidOptionError: There is no such partner, or two options want one.
    """
    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such file of weights")
    strength, sharpness = options.denoise_strength, options.sharpness
    denoises = strength is not None and strength != 1
    if denoises and sharpness != 1:
        raise InvalidOptionError(
            f"`denoise_strength` and `sharpness` both mix {path.name} with a partner: drop one"
        )
    if denoises and strength is not None:
        return NetworkFiles(path, _weak_denoise_file(path), strength)
    if sharpness != 1:
        return _mixture(path, _faithful_file(path), sharpness)
    return NetworkFiles(path)


def _files_of_model(
    spec: ModelSpec, options: UpscaleOptions, obtain: Callable[[Spec], Path], notify: Notify
) -> NetworkFiles:
    """Finds or downloads a model of the catalog, and the partner that options mix it with.

    Raises:
        WeightsError: The weights are not available.
    """
    for notice in idle_of_mixture(options):
        notify(notice)
    strength, sharpness = options.denoise_strength, options.sharpness
    path = obtain(spec)
    if spec.weak_denoise_model is not None:
        strength = DEFAULT_DENOISE_STRENGTH if strength is None else strength
        if strength != 1:
            return NetworkFiles(path, obtain(find_model(spec.weak_denoise_model)), strength)
    elif spec.faithful_model is not None and sharpness != 1:
        return _mixture(path, obtain(find_model(spec.faithful_model)), sharpness)
    return NetworkFiles(path)


def _mixture(crisp: Path, faithful: Path, sharpness: float) -> NetworkFiles:
    """Returns the mixture of both ends of a model; one file alone at the faithful end."""
    return NetworkFiles(crisp, faithful, sharpness) if sharpness else NetworkFiles(faithful)


def ensure_face_files(
    options: UpscaleOptions,
    *,
    downloading: DownloadProgress = lambda name: nullcontext(no_progress),
    notify: Notify = no_notice,
) -> FaceFiles | None:
    """Finds or downloads the weights of face restoration. Imports nothing large.

    Args:
        options: Options of upscaling.
        downloading: Shows the progress of a download.
        notify: Receives a notice if the model is not made for faces, an option has no effect, or a
            file is not the published one.

    Returns:
        The files; None without face restoration.

    Raises:
        WeightsError: The weights are not available.
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


def _weak_denoise_file(path: Path) -> Path:
    """Returns the file with ``-wdn`` in its name in the same folder, as the reference does.

    Raises:
        InvalidOptionError: There is no such file.
    """
    other = path.with_name(path.name.replace("general-x4v3", "general-wdn-x4v3"))
    if other == path or not other.is_file():
        raise InvalidOptionError(
            f"`denoise_strength` mixes {path.name} with a partner that keeps noise, "
            "realesr-general-wdn-x4v3 in the folder of realesr-general-x4v3, which is not there: "
            "put it there, or leave the option out"
        )
    return other


def _faithful_file(path: Path) -> Path:
    """Returns the file with ``-faithful`` at the end of its name in the same folder.

    Raises:
        InvalidOptionError: There is no such file.
    """
    other = path.with_name(f"{path.stem}-faithful{path.suffix}")
    if not other.is_file():
        raise InvalidOptionError(
            f"`sharpness` mixes {path.name} with its faithful end, {other.name} in the same "
            "folder, which is not there: put it there, or leave the option out"
        )
    return other
