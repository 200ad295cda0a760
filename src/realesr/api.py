"""Upscaling from Python: arrays with :class:`Upscaler`, files with the two functions.

Nothing here changes settings of the process; what the command sets is in
:mod:`realesr.cli.process`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from realesr import __version__
from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.imaging.image import PIXEL_DTYPES, Image
from realesr.imaging.upscaler import ImageUpscaler
from realesr.loading.build import make_upscaler
from realesr.loading.identity import identity_of
from realesr.loading.notices import idle_of_encoding, idle_of_filter, idle_of_tiles
from realesr.loading.resolve import FaceFiles, NetworkFiles, ensure_face_files, ensure_files
from realesr.media.formats import IMAGES, VIDEOS, AnyMediaType
from realesr.media.images.limits import check_result
from realesr.options import (
    DEFAULT_MAX_PIXELS,
    DEFAULT_MODEL,
    DEFAULT_PIECES,
    DEFAULT_VIDEO,
    EncodingOptions,
    FaceOptions,
    FileOptions,
    PieceOptions,
    Target,
    UpscaleOptions,
    VideoOptions,
)
from realesr.pipeline.executors.base import Executor, of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.executors.pieces import PieceExecutor
from realesr.pipeline.units import MediaIO, units_of
from realesr.plan import make_plan
from realesr.progress import (
    Event,
    Failed,
    Finished,
    Notify,
    Outcome,
    Started,
    Warned,
    no_notice,
    no_report,
)

Array = NDArray[Any]
AnyPath = str | PathLike[str]

_PEAK = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class Upscaler:
    """Upscales images held as arrays. Made by :meth:`from_name` or :meth:`from_file`.

    Example:
        >>> from realesr import Upscaler
        >>> upscaler = Upscaler.from_name("realesr-photo-x4")
        >>> upscaler(np.zeros((30, 40, 3), np.uint8)).shape
        (120, 160, 3)
    """

    _upscaler: ImageUpscaler
    _options: UpscaleOptions
    _network: NetworkFiles | None
    _faces: FaceFiles | None

    @classmethod
    def from_name(
        cls,
        name: str = DEFAULT_MODEL,
        *,
        device: str = "auto",
        precision: str = "auto",
        engine: str = "auto",
        tile: int | None = None,
        tile_pad: int | None = None,
        pre_pad: int = 0,
        memory_budget: int | None = None,
        threads: int | None = None,
        is_compiled: bool = False,
        denoise_strength: float | None = None,
        sharpness: float = 1.0,
        alpha_upsampler: str = "realesrgan",
        strength: float = 1.0,
        consistency: float = 0.0,
        color_lock: bool = True,
        denoise: float = 0.0,
        deblock: float = 0.0,
        faces: FaceOptions | None = None,
        notify: Notify = no_notice,
    ) -> Self:
        """Loads a model of the catalog, or a plain filter; downloads it if it is not here.

        Args:
            name: A name of ``realesr models list``.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``mixed``.
            engine: ``auto``, ``native``, ``torch``, ``onnxruntime`` or ``openvino``.
            tile: Side of a tile in input px; 0 takes images whole; None fits it to the memory.
            tile_pad: Context around a tile in px; None for what the network needs.
            pre_pad: Reflected px added right and below before the network, and cut off after it.
            memory_budget: Memory for tiles, bytes; None for a share of what is free.
            threads: Number of CPU threads; None for one per core.
            is_compiled: Whether ``torch.compile`` compiles the network for a GPU.
            denoise_strength: 0 keeps noise, 1 removes it; only for realesr-general-x4v3.
            sharpness: 0 is faithful and soft, 1 crisp; for bundled models.
            alpha_upsampler: ``realesrgan`` sends alpha through the network, ``bicubic`` does not.
            strength: How much of the network's detail is taken over a plain upscaling, 0 to 1.
            consistency: How far results are corrected so that, reduced, they are their inputs, 0
                to 1; for clean inputs.
            color_lock: Whether brightness and color follow the input; networks shift them.
            denoise: Standard deviation of the noise that is removed before, levels of 8 bits.
            deblock: Strength against the edges of 8x8 blocks before upscaling, 0 to 1.
            faces: How faces are restored; None for not at all.
            notify: Receives a notice if an argument has no effect, or a file is not the published
                one.

        Raises:
            UnknownModelError: No model has that name.
            InvalidOptionError: An argument has a value outside its range.
            WeightsError: The weights cannot be had.
            DeviceError: The device, or the precision on it, is not there.
        """
        return cls._from_options(
            UpscaleOptions(
                model_name=name,
                device=device,
                precision=precision,
                engine=engine,
                tile=tile,
                tile_pad=tile_pad,
                pre_pad=pre_pad,
                memory_budget=memory_budget,
                threads=threads,
                is_compiled=is_compiled,
                denoise_strength=denoise_strength,
                sharpness=sharpness,
                alpha_upsampler=alpha_upsampler,
                strength=strength,
                consistency=consistency,
                color_lock=color_lock,
                denoise=denoise,
                deblock=deblock,
                faces=faces,
            ),
            notify,
        )

    @classmethod
    def from_file(
        cls,
        path: AnyPath,
        *,
        device: str = "auto",
        precision: str = "auto",
        engine: str = "auto",
        tile: int | None = None,
        tile_pad: int | None = None,
        pre_pad: int = 0,
        memory_budget: int | None = None,
        threads: int | None = None,
        is_compiled: bool = False,
        denoise_strength: float | None = None,
        sharpness: float = 1.0,
        alpha_upsampler: str = "realesrgan",
        strength: float = 1.0,
        consistency: float = 0.0,
        color_lock: bool = True,
        denoise: float = 0.0,
        deblock: float = 0.0,
        faces: FaceOptions | None = None,
        notify: Notify = no_notice,
    ) -> Self:
        """Loads a file: weights of PyTorch, ncnn or Keras, or an ONNX network.

        Args:
            path: The file; its architecture is read off the parameters.
            device: As for :meth:`from_name`, and so are all below.
            precision: See there.
            engine: See there; ``auto`` is onnxruntime for an ONNX network.
            tile: See there.
            tile_pad: See there.
            pre_pad: See there.
            memory_budget: See there.
            threads: See there.
            is_compiled: See there.
            denoise_strength: Share of ``path`` in a mixture with its weak-denoise partner beside
                it; only for files of realesr-general-x4v3.
            sharpness: Share of ``path`` in a mixture with its faithful end beside it, whose name
                has ``-faithful`` at its end.
            alpha_upsampler: See there.
            strength: See there.
            consistency: See there.
            color_lock: See there.
            denoise: See there.
            deblock: See there.
            faces: See there.
            notify: See there.

        Raises:
            InvalidOptionError, WeightsError, DeviceError: As for :meth:`from_name`.
        """
        return cls._from_options(
            UpscaleOptions(
                model_path=Path(path),
                device=device,
                precision=precision,
                engine=engine,
                tile=tile,
                tile_pad=tile_pad,
                pre_pad=pre_pad,
                memory_budget=memory_budget,
                threads=threads,
                is_compiled=is_compiled,
                denoise_strength=denoise_strength,
                sharpness=sharpness,
                alpha_upsampler=alpha_upsampler,
                strength=strength,
                consistency=consistency,
                color_lock=color_lock,
                denoise=denoise,
                deblock=deblock,
                faces=faces,
            ),
            notify,
        )

    @classmethod
    def _from_options(cls, options: UpscaleOptions, notify: Notify) -> Self:
        for notice in (*idle_of_filter(options), *idle_of_tiles(options)):
            notify(notice)
        network = ensure_files(options, notify=notify)
        faces = ensure_face_files(options, notify=notify)
        upscaler = make_upscaler(options, network, faces, notify=notify)
        return cls(upscaler, options, network, faces)

    @property
    def scale(self) -> int:
        """Output px per input px along each side, where no size is asked for."""
        return self._upscaler.scale

    def __call__(
        self,
        pixels: Array,
        *,
        outscale: float | None = None,
        width: int | None = None,
        height: int | None = None,
        fit: tuple[int, int] | None = None,
    ) -> Array:
        """Upscales an image.

        Args:
            pixels: (H, W) gray, (H, W, 3) RGB or (H, W, 4) RGB and alpha; uint8 or uint16 over
                the full range, or floating point in [0, 1], which is computed from 16 bits.
                Reverse the channels of OpenCV's BGR: ``pixels[..., ::-1]``.
            outscale: Scale factor; the model's own if None.
            width: Width in px instead; alone it keeps the aspect ratio.
            height: Height in px instead; alone it keeps the aspect ratio.
            fit: Width and height of a box in px instead, into which the result just fits.

        Returns:
            The same channels and dtype, larger.

        Raises:
            TypeError: It is no NumPy array.
            ValueError: The array has another shape or dtype, or floats outside of [0, 1].
            InvalidOptionError: A size is outside its range.
            OutOfMemoryError: The result, or the smallest tile, does not fit into memory.
        """
        _check(pixels)
        dtype = pixels.dtype
        image = _as_image(_as_integers(pixels))
        target = _target(outscale, width, height, fit)
        size = target.size_of(image.size, self.scale)
        held = 3 if image.alpha is None else 4
        check_result(size, pixel_bytes=held * image.pixels.dtype.itemsize)
        (upscaled,) = self._upscaler.upscale_to([image], size)
        result: Array = upscaled.pixels
        if image.is_gray:
            result = np.ascontiguousarray(result[..., 0])
        elif upscaled.alpha is not None:
            result = np.dstack((result, upscaled.alpha))
        if dtype.kind == "u":
            return result.astype(dtype, copy=False)  # which may have the other order of bytes
        return (result / np.float64(_PEAK)).astype(dtype)


def upscale_image(
    source: AnyPath,
    output: AnyPath,
    *,
    upscaler: Upscaler | None = None,
    outscale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    fit: tuple[int, int] | None = None,
    quality: int | None = None,
    lossless: bool = False,
    strip_metadata: bool = False,
    strip: tuple[str, ...] = (),
    max_pixels: int = DEFAULT_MAX_PIXELS,
    strict: bool = False,
    smooth_color: bool = True,
    on_event: Callable[[Event], None] = no_report,
) -> Outcome:
    """Upscales an image file, as ``realesr image`` does: metadata, depth and alpha are kept.

    Args:
        source: The input.
        output: The output, whose suffix decides the format; a name with another suffix, or without
            one, is that of a folder.
        upscaler: A loaded model; None for the default one. Load it once for many files.
        outscale: Scale factor; the model's own if None.
        width: Width in px instead; alone it keeps the aspect ratio.
        height: Height in px instead; alone it keeps the aspect ratio.
        fit: Width and height of a box in px instead, into which the result just fits.
        quality: 1 to 100, for JPEG, WebP and AVIF; None hides the loss.
        lossless: Whether WebP and AVIF are encoded losslessly.
        strip_metadata: Whether metadata is left out, all but the description of color.
        strip: Parts of the metadata that are left out: ``location``, ``maker-notes``.
        max_pixels: A larger input is refused, px.
        strict: Whether an input with damaged pixels is refused; else there is a notice.
        smooth_color: Whether the color blocks of a JPEG are smoothed before a network gets them, as
            far as the file leaves color open.
        on_event: Receives events of :mod:`realesr.progress`: tiles, notices, the end.

    Returns:
        Where the output is, its size, and how long it took.

    Raises:
        InvalidOptionError: An argument has a value outside its range, or the output would replace
            the input.
        MediaError: The input cannot be read, or the output cannot be written.
        WeightsError, DeviceError: The model cannot be loaded, or memory does not suffice.
    """
    from realesr.media.pictures import PictureFiles

    _check_upscaler(upscaler)
    encoding = EncodingOptions(
        quality=quality, lossless=lossless, strip_metadata=strip_metadata, strip=strip
    )
    return _upscale_file(
        FileOptions(
            inputs=(Path(source),), output=Path(output), encoding=encoding, max_pixels=max_pixels
        ),
        IMAGES,
        PictureFiles(
            encoding=encoding,
            max_pixels=max_pixels,
            is_strict=strict,
            smooth_color=smooth_color and _has_network(upscaler),
        ),
        upscaler,
        UpscaleOptions(target=_target(outscale, width, height, fit)),
        on_event,
    )


def upscale_video(
    source: AnyPath,
    output: AnyPath,
    *,
    upscaler: Upscaler | None = None,
    outscale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    fit: tuple[int, int] | None = None,
    video: VideoOptions = DEFAULT_VIDEO,
    pieces: PieceOptions = DEFAULT_PIECES,
    stabilize: bool = False,
    on_event: Callable[[Event], None] = no_report,
) -> Outcome:
    """Upscales a video file, as ``realesr video`` does: times, sound and other streams are kept.

    More than a few minutes of work are done in pieces, so that the same call goes on after an
    interruption, and so does the command with the same options.

    Args:
        source: The input.
        output: The output, whose suffix decides the container; or a folder.
        upscaler: A loaded model; None for the default one. Load it once for many files.
        outscale: Scale factor; the model's own if None.
        width: Width in px instead; alone it keeps the aspect ratio.
        height: Height in px instead; alone it keeps the aspect ratio.
        fit: Width and height of a box in px instead, into which the result just fits.
        video: Excerpt and encoding: a :class:`realesr.options.VideoOptions`. A plain filter gets
            the color of JPEG frames as it is.
        pieces: How long pieces are, and what becomes of earlier ones: a
            :class:`realesr.options.PieceOptions`.
        stabilize: Whether details are averaged along the movement, so that they do not flicker.
        on_event: Receives events of :mod:`realesr.progress`: frames, notices, the end.

    Returns:
        Where the output is, its size, its number of frames, and how long it took.

    Raises:
        InvalidOptionError, MediaError, WeightsError, DeviceError: As for :func:`upscale_image`.
    """
    from realesr.media.moving import MovingFiles

    _check_upscaler(upscaler)
    smooth_color = video.smooth_color and _has_network(upscaler)
    return _upscale_file(
        FileOptions(inputs=(Path(source),), output=Path(output)),
        VIDEOS,
        MovingFiles.from_options(replace(video, smooth_color=smooth_color)),
        upscaler,
        UpscaleOptions(target=_target(outscale, width, height, fit), stabilize=stabilize),
        on_event,
        pieces,
    )


def _has_network(upscaler: Upscaler | None) -> bool:
    """Returns whether a network does the work; the default is one."""
    return upscaler is None or upscaler._network is not None


def _check_upscaler(upscaler: object) -> None:
    if upscaler is not None and not isinstance(upscaler, Upscaler):
        raise TypeError(f"upscaler must be an Upscaler, not {type(upscaler).__name__}")


def _target(
    outscale: float | None, width: int | None, height: int | None, fit: tuple[int, int] | None
) -> Target:
    try:
        box = None if fit is None else Size(*map(index, fit))
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"`fit` {fit!r}: must be a width and a height, px") from error
    return Target(outscale=outscale, width=width, height=height, fit=box)


def _upscale_file(
    files: FileOptions,
    kind: AnyMediaType,
    media: MediaIO,
    upscaler: Upscaler | None,
    options: UpscaleOptions,
    on_event: Callable[[Event], None],
    pieces: PieceOptions | None = None,
) -> Outcome:
    ends: list[Finished | Failed] = []

    def report(event: Event) -> None:
        on_event(event)
        if isinstance(event, Started):
            for notice in idle:
                on_event(Warned(event.source, notice))
        elif isinstance(event, Finished | Failed):
            ends.append(event)

    plan = make_plan(files, kind)
    idle = (*idle_of_encoding(files.encoding, plan.targets),)
    if len(plan.jobs) + len(plan.refused) != 1:
        (source,) = files.inputs
        raise InvalidOptionError(f"`source` {source}: name one file; the command takes folders")
    loaded = upscaler if upscaler is not None else Upscaler.from_name()
    options = replace(loaded._options, target=options.target, stabilize=options.stabilize)
    preview = None if pieces is None else pieces.preview
    executor: Executor = LocalExecutor(lambda options: loaded._upscaler)
    if pieces is not None:
        executor = PieceExecutor(
            executor,
            lambda options: loaded._upscaler,
            identify=lambda unit: identity_of(
                unit.options, loaded._network, loaded._faces, version=__version__
            ),
            options=pieces,
        )
    executor.run(units_of(plan, options, media, preview=preview), of_jobs(report))
    (end,) = ends
    if isinstance(end, Failed):
        raise end.error
    return end.outcome


def _check(pixels: Any) -> None:
    """Refuses what is no image.

    Raises:
        TypeError: It is no NumPy array.
        ValueError: It has another shape or dtype than images have.
    """
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"pixels must be a NumPy array, not {type(pixels).__name__}")
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ValueError(f"pixels must be (H, W), (H, W, 3) or (H, W, 4), not {pixels.shape}")
    if pixels.dtype.kind != "f" and pixels.dtype.newbyteorder("=") not in PIXEL_DTYPES:
        raise ValueError(f"pixels must be uint8, uint16 or floats, not {pixels.dtype}")


def _as_integers(pixels: Array) -> Array:
    """Returns floats in [0, 1] as uint16; anything else as it is."""
    if pixels.dtype.kind != "f":
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.size and not (pixels.min() >= 0 and pixels.max() <= 1):  # NaN is neither
        raise ValueError("pixels of floating point must lie in [0, 1]")
    return np.rint(pixels.astype(np.float64) * _PEAK).astype(np.uint16)


def _as_image(pixels: Array) -> Image:
    if pixels.ndim == 2:
        return Image(np.repeat(pixels[..., None], 3, axis=2), is_gray=True)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return Image(
            np.ascontiguousarray(pixels[..., :3]), alpha=np.ascontiguousarray(pixels[..., 3])
        )
    return Image(pixels)
