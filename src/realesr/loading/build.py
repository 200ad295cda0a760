"""Construction of image upscalers from options and weights files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from realesr.errors import DeviceUnavailableError
from realesr.loading.exchange import make_onnx_backend, runtime_for
from realesr.loading.resolve import FaceFiles, NetworkFiles
from realesr.options import UpscaleOptions
from realesr.progress import Notice, Notify, no_notice
from realesr.weights.catalog import RECONSTRUCTIONS

if TYPE_CHECKING:
    from realesr.engine.backend import Backend
    from realesr.engine.precision import Precision
    from realesr.imaging.upscaler import ImageUpscaler
    from realesr.weights.parameters import Parameters

GPU_FACES = 4
"""Number of faces per batch on a GPU. On a CPU larger batches are slower, and each face takes a
gigabyte."""


def make_upscaler(
    options: UpscaleOptions,
    files: NetworkFiles | None,
    face_files: FaceFiles | None = None,
    *,
    notify: Notify = no_notice,
) -> ImageUpscaler:
    """Loads the networks onto their device. Imports PyTorch only if it is needed.

    Args:
        options: Options of upscaling.
        files: Weights of the upscaling network; None for a plain filter.
        face_files: Weights of the networks for faces; None without face restoration.
        notify: Receives a notice if an option has no effect.

    Raises:
        WeightsError: A network cannot be loaded.
        DeviceError: The device does not exist, or does not support the precision.
        MissingExtraError: Face restoration needs packages that are not installed.
    """
    upscaler = _make_enhancer(options, files, face_files, notify)
    if not (options.denoise or options.deblock):
        return upscaler
    from realesr.imaging.cleaning import CleaningUpscaler

    return CleaningUpscaler(upscaler, denoise=options.denoise, deblock=options.deblock)


def _make_enhancer(
    options: UpscaleOptions,
    files: NetworkFiles | None,
    face_files: FaceFiles | None,
    notify: Notify,
) -> ImageUpscaler:
    upscaler = _make_plain_upscaler(options, files, notify)
    if face_files is None or options.faces is None:
        return upscaler
    from realesr.engine.device import resolve_device
    from realesr.face.detection import load_detector
    from realesr.face.enhancer import FaceEnhancer
    from realesr.face.networks import FaceParser, Restorer

    _set_torch_threads(options)
    device = resolve_device(options.device)
    detector, parser = face_files.detector, face_files.parser
    return FaceEnhancer(
        upscaler,
        options.faces,
        restore=Restorer(face_files.restorer, device),
        detector=None if detector is None else load_detector(detector, device),
        parse=None if parser is None else FaceParser(parser, device),
        batch=1 if device == "cpu" else GPU_FACES,
    )


def _make_plain_upscaler(
    options: UpscaleOptions, files: NetworkFiles | None, notify: Notify
) -> ImageUpscaler:
    if files is None and options.model_name in RECONSTRUCTIONS:
        from realesr.engine.reconstruction import Reconstructor

        return Reconstructor(options.model_name)
    if files is None:
        from realesr.engine.interpolation import Interpolator

        return Interpolator(options.model_name)

    from realesr.engine.tiled import OVERLAP, TiledUpscaler

    backend: Backend
    tile, tile_pad = options.tile, options.tile_pad
    runtime = runtime_for(options, files.path)
    if runtime is None:
        backend = _make_backend(options, files, notify)
    else:
        backend = make_onnx_backend(runtime, options, files, notify)
        tile, tile_pad = backend.allowed_tiles(tile, tile_pad, OVERLAP)
    return TiledUpscaler(
        backend,
        tile=tile,
        memory_budget=options.memory_budget,
        sharers=options.sharers,
        tile_pad=tile_pad,
        pre_pad=options.pre_pad,
        alpha_upsampler=options.alpha_upsampler,
        color_lock=options.color_lock,
        strength=options.strength,
        consistency=options.consistency,
    )


def _make_backend(options: UpscaleOptions, files: NetworkFiles, notify: Notify) -> Backend:
    """Makes a native back end if it is available and the fastest, else one of PyTorch.

    Raises:
        WeightsError: The network cannot be loaded.
        DeviceError: The device does not exist, or does not support the precision, or the native
            engine is asked for and cannot be had.
    """
    from realesr.engine.device import kind_of, resolve_device
    from realesr.engine.precision import FP32, resolve_precision, selects_native

    device = resolve_device(options.device)
    is_compiled = options.is_compiled and kind_of(device) == "cuda"
    if options.is_compiled and not is_compiled:
        notify(Notice("option-without-effect", f"`is_compiled` does nothing on {device}"))

    make_in_torch = partial(_make_torch_backend, options, files, device, is_compiled=is_compiled)
    is_native = options.engine == "native"
    precision = "fp32" if is_native and options.precision == "auto" else options.precision
    if options.engine != "torch" and selects_native(precision, device):
        from realesr.engine.native.backend import NativeBackend
        from realesr.engine.native.networks import build_native

        network = build_native(*_read_parameters(files), options.threads)
        if network is not None:
            return NativeBackend(network, partial(make_in_torch, FP32))
    if is_native:
        raise DeviceUnavailableError(
            "`engine` native: it was not compiled on this machine, or does not compute this "
            f"network on {device} in {options.precision}: use auto"
        )
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
        load_model(files.path, other=files.other, weight=files.weight),
        device=device,
        precision=precision,
        is_compiled=is_compiled,
        batch_tiles=options.tile is None,
    )


def _set_torch_threads(options: UpscaleOptions) -> None:
    import torch

    if options.threads is not None:
        torch.set_num_threads(options.threads)


def _read_parameters(files: NetworkFiles) -> Parameters:
    """Reads and mixes parameters for the native engine.

    Raises:
        WeightsError: A file cannot be read.
    """
    from realesr.weights.parameters import read_parameters
    from realesr.weights.state_dict import interpolate

    parameters = read_parameters(files.path)
    if files.other is None:
        return parameters
    other = read_parameters(files.other)
    mixed = interpolate(parameters.arrays, other.arrays, files.weight)
    return parameters._replace(arrays=mixed)


def describe(options: UpscaleOptions, upscaler: ImageUpscaler) -> dict[str, str | None]:
    """Returns the names of model, device and precision; the last two are None for a filter."""
    description = upscaler.description
    return {
        "model": model_of(options),
        "device": description.device,
        "precision": description.precision,
    }


def model_of(options: UpscaleOptions) -> str:
    """Returns the name of the model, or the path of its file."""
    return options.model_name if options.model_path is None else str(options.model_path)
