"""From options to something that upscales images: weights found or downloaded, network loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realesr.errors import InvalidOptionError
from realesr.face.dependencies import check_extra
from realesr.options import UpscaleOptions
from realesr.progress import Notify, Progress, ignore, no_progress
from realesr.weights.catalog import BASELINES, Spec, cache_folder, find_model, find_spec

if TYPE_CHECKING:
    from realesr.engine.backend import Backend
    from realesr.engine.precision import Precision
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.weights.numpy_checkpoint import Arrays

DownloadProgress = Callable[[str], AbstractContextManager[Progress]]
"""Opens a display for the download of a file, by its name."""

GPU_FACES = 4
"""Faces that a GPU gets at a time; on a CPU more than one are slower, and take a gigabyte each."""
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
            notify(f"--denoise-strength does nothing for {spec.name}, which has no partner")
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
            notify("--face-report does nothing at --face-weight 0: no faces are looked for")
        return None
    if faces.is_aligned and faces.report is not None:
        notify("--face-report does nothing with --aligned: no faces are looked for")
    model = options.model_name if options.model_path is None else options.model_path.name
    if "anime" in model:
        notify(f"{model} is made for drawings, and --face-enhance for photographs of faces")

    names = {"restorer": faces.model}
    if not faces.is_aligned:
        names |= {"detector": faces.detector, "parser": "parsenet"}
    obtain = partial(_obtain, downloading=downloading, notify=notify)
    return FaceFiles(**{part: obtain(find_spec(name)) for part, name in names.items()})


def _obtain(spec: Spec, *, downloading: DownloadProgress, notify: Notify) -> Path:
    from realesr.weights.fetch import ensure_weights

    with downloading(spec.weights.name) as on_progress:
        return ensure_weights(spec, on_progress=on_progress, notify=notify)


def make_upscaler(
    options: UpscaleOptions,
    files: NetworkFiles | None,
    face_files: FaceFiles | None = None,
    *,
    notify: Notify = ignore,
) -> ImageUpscaler:
    """Loads the networks onto their device. Imports PyTorch where it is needed.

    Args:
        options: What is asked for.
        files: The weights of what upscales.
        face_files: The weights that faces take.
        notify: Receives a sentence where an option does nothing.

    Raises:
        WeightsError, DeviceError: They cannot be loaded, or it is not there.
        MissingExtraError: Faces need packages that are not installed.
    """
    # PyTorch's threads would spin for a while after their work, and take the cores from encoders.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    # Where PyTorch keeps what it compiles, which would be gone with the next start of the machine.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "compiled"))
    upscaler = _make_plain_upscaler(options, files, notify)
    if face_files is None or options.faces is None:
        return upscaler
    from realesr.engine.device import resolve_device
    from realesr.face.detection import load_detector
    from realesr.face.enhancer import FaceEnhancer
    from realesr.face.networks import Parser, Restorer

    _set_torch_threads(options)
    device = resolve_device(options.device)
    detector, parser = face_files.detector, face_files.parser
    return FaceEnhancer(
        upscaler,
        options.faces,
        restore=Restorer(face_files.restorer, device),
        detector=None if detector is None else load_detector(detector, device),
        parse=None if parser is None else Parser(parser, device),
        batch=1 if device == "cpu" else GPU_FACES,
    )


def _make_plain_upscaler(
    options: UpscaleOptions, files: NetworkFiles | None, notify: Notify
) -> ImageUpscaler:
    if files is None:
        from realesr.engine.interpolation import Interpolator

        return Interpolator(options.model_name)

    from realesr.engine.tiled import TiledUpscaler

    return TiledUpscaler(
        _make_backend(options, files, notify),
        tile=options.tile,
        memory_budget=options.memory_budget,
        tile_pad=options.tile_pad,
        pre_pad=options.pre_pad,
        alpha_upsampler=options.alpha_upsampler,
    )


def _make_backend(options: UpscaleOptions, files: NetworkFiles, notify: Notify) -> Backend:
    """Natively on a CPU where that can be, else in PyTorch.

    Raises:
        WeightsError, DeviceError: The network cannot be loaded, or the device is not there.
    """
    from realesr.engine.device import kind_of, resolve_device
    from realesr.engine.precision import FP32, resolve_precision, selects_native

    device = resolve_device(options.device)
    is_compiled = options.is_compiled and kind_of(device) == "cuda"
    if options.is_compiled and not is_compiled:
        notify(f"--compile does nothing on {device}")

    make_in_torch = partial(_make_torch_backend, options, files, device, is_compiled=is_compiled)
    if selects_native(options.precision, device):
        from realesr.engine.native.backend import NativeBackend
        from realesr.engine.native.networks import build_native

        parameters = _read_parameters(files)
        network = None if parameters is None else build_native(parameters, options.threads)
        if network is not None:
            return NativeBackend(network, partial(make_in_torch, FP32))
    return make_in_torch(resolve_precision(options.precision, device))


def _make_torch_backend(
    options: UpscaleOptions,
    files: NetworkFiles,
    device: str,
    precision: Precision,
    *,
    is_compiled: bool,
) -> Backend:
    from realesr.engine.pytorch.backend import TorchBackend
    from realesr.models.loader import load_model

    _set_torch_threads(options)
    return TorchBackend(
        load_model(files.path, partner=files.partner, share=files.share),
        device=device,
        precision=precision,
        is_compiled=is_compiled,
        batch_tiles=options.tile is None,
    )


def _set_torch_threads(options: UpscaleOptions) -> None:
    import torch

    if options.threads is not None:
        torch.set_num_threads(options.threads)


def _read_parameters(files: NetworkFiles) -> Arrays | None:
    """Without PyTorch, unless only that can read them, or tell what is wrong with them.

    Returns:
        None where they are no plain arrays even in PyTorch.

    Raises:
        WeightsError: They cannot be read.
    """
    from realesr.weights.numpy_checkpoint import read_arrays
    from realesr.weights.state_dict import interpolate

    def read(path: Path) -> Arrays | None:
        arrays = read_arrays(path)
        if arrays is None:
            from realesr.weights.torch_checkpoint import load_state_dict

            state = load_state_dict(path)
            with suppress(TypeError, RuntimeError):  # sparse, or without values
                arrays = {name: tensor.numpy() for name, tensor in state.items()}
        return arrays

    parameters = read(files.path)
    if parameters is None or files.partner is None:
        return parameters
    partner = read(files.partner)
    return None if partner is None else interpolate(parameters, partner, files.share)


def describe(options: UpscaleOptions, upscaler: ImageUpscaler) -> dict[str, str | None]:
    """Model, device and precision in words; a baseline has none of the latter two."""
    model = options.model_name if options.model_path is None else str(options.model_path)
    device, precision = (getattr(upscaler, name, None) for name in ("device", "precision"))
    return {
        "model": model,
        "device": device,
        "precision": None if precision is None else precision.name,
    }


def _partner_beside(path: Path) -> Path:
    """The reference's rule: the same name with ``-wdn`` in it, in the same folder."""
    partner = path.with_name(path.name.replace("general-x4v3", "general-wdn-x4v3"))
    if partner == path or not partner.is_file():
        raise InvalidOptionError(
            f"--denoise-strength mixes {path.name} with a partner that keeps noise, "
            "realesr-general-wdn-x4v3 beside realesr-general-x4v3, which is not there: "
            "put it there, or leave the option out"
        )
    return partner
