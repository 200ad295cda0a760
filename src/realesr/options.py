"""Options as dataclasses that validate their values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.option_types import adopt_types

MAX_THREADS = 1024
"""Upper limit of threads: more than any machine has cores. Far larger values crash libraries."""
DEFAULT_MODEL = "realesr-photo-x4"
DEFAULT_MAX_PIXELS = 200_000_000
"""Default limit of an input image, px: at x4 the result alone takes 9.6 GB."""

MAX_NOISE = 50.0
"""Largest standard deviation of noise that is removed, levels of 8 bits."""

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "mixed")
ENGINES = ("auto", "native", "torch", "onnxruntime", "openvino")
ALPHA_UPSAMPLERS = ("realesrgan", "bicubic")
STRIPPABLE = ("location", "maker-notes")
DEINTERLACING = ("auto", "off")

MAX_WORKERS = 256
"""Upper limit of worker processes: far more only exhaust a machine."""
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOptionError(f"{option} {value}: must be one of {', '.join(choices)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Size of the results. At most one way is set; without any, the model's native scale applies.

    Attributes:
        outscale: Output px per input px along each side, above 0, at most 64.
        width: Width, px; without ``height`` the aspect ratio is kept.
        height: Height, px; without ``width`` the aspect ratio is kept.
        fit: Box that the result fits into, px; the aspect ratio is kept.

    Raises:
        InvalidOptionError: A number is outside its range, or more than one way is set.
    """

    outscale: float | None = None
    width: int | None = None
    height: int | None = None
    fit: Size | None = None

    def __post_init__(self) -> None:
        adopt_types(self)
        if self.outscale is not None and not 0 < self.outscale <= 64:
            raise InvalidOptionError(
                f"`outscale` {self.outscale:g}: must be above 0 and at most 64"
            )
        for option, side in (("`width`", self.width), ("`height`", self.height)):
            if side is not None and side < 1:
                raise InvalidOptionError(f"{option} {side}: must be a positive number of pixels")
        ways = (
            self.outscale is not None,
            self.width is not None or self.height is not None,
            self.fit is not None,
        )
        if sum(ways) > 1:
            raise InvalidOptionError(
                "`outscale`, `width` with `height`, and `fit` are three ways to set the size: "
                "choose one"
            )

    @property
    def is_in_pixels(self) -> bool:
        """Whether a size is asked for, and not a factor."""
        return self.width is not None or self.height is not None or self.fit is not None

    def size_of(self, source: Size, scale: float) -> Size:
        """Returns the size of a result, px.

        Args:
            source: Size of the input, px.
            scale: Native scale of the model.
        """
        if self.fit is not None:
            return source.fitted(self.fit.width, self.fit.height)
        if self.width is not None and self.height is not None:
            return Size(self.width, self.height)
        if self.width is not None or self.height is not None:
            return source.fitted(self.width, self.height)
        return source.scaled(self.outscale or scale)


FACE_MODELS = ("GFPGANv1.3", "GFPGANv1.4", "RestoreFormer")
FACE_DETECTORS = ("retinaface_resnet50", "retinaface_mobile0.25", "yunet")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceOptions:
    """Options of face restoration.

    Attributes:
        model: Name of the restoration network.
        detector: Name of the face detector.
        weight: Weight of the restored face in the result, 0 to 1; 0 disables restoration.
        min_size: Smallest longer side of a face that is restored, input px.
        confidence: Lowest score of a detection that is restored, 0 to 1; None for the detector's
            default.
        only_center: Whether only the face nearest the center is restored.
        is_aligned: Whether the images are cropped and aligned faces.
        report: File that receives boxes, scores and landmarks as JSON lines, or None.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    model: str = "GFPGANv1.3"
    detector: str = "retinaface_resnet50"
    weight: float = 1.0
    min_size: int = 16
    confidence: float | None = None
    only_center: bool = False
    is_aligned: bool = False
    report: Path | None = None

    def __post_init__(self) -> None:
        adopt_types(self)
        _check_choice("`model`", self.model, FACE_MODELS)
        _check_choice("`detector`", self.detector, FACE_DETECTORS)
        for option, number in (
            ("`weight`", self.weight),
            ("`confidence`", self.confidence),
        ):
            if number is not None and not 0 <= number <= 1:
                raise InvalidOptionError(f"{option} {number:g}: must be between 0 and 1")
        if self.min_size < 0:
            raise InvalidOptionError(f"`min_size` {self.min_size}: must be 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleOptions:
    """Options of upscaling.

    Attributes:
        model_name: Name of a model in the catalog, or of a plain filter.
        model_path: File of weights, or ONNX network, to use instead of a model of the catalog, or
            None.
        target: Size of the results.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``mixed``.
        engine: What computes the network: ``auto``, ``native``, ``torch``, ``onnxruntime`` or
            ``openvino``.
        tile: Side of a tile in input px; 0 disables tiling; None fits tiles to the free memory.
        memory_budget: Memory for tiles, bytes; None for a fraction of the free memory.
        sharers: Number of processes that share the free memory, if there is no budget.
        threads: Number of CPU threads, 1 to :data:`MAX_THREADS`; None for one per core.
        tile_pad: Context around a tile in input px; None for the network's receptive field.
        pre_pad: Reflected px that are added at the right and lower borders and cut off again.
        is_compiled: Whether ``torch.compile`` compiles the network for a GPU.
        denoise_strength: From 0, which keeps noise, to 1, which removes it; for models with a weak
            denoise model. None is 0.5 for these models.
        sharpness: Share of a model's crisp weights in a mixture with its faithful ones, 0 to 1; for
            models with both. 1 is the model as it is shipped.
        alpha_upsampler: ``realesrgan`` upscales alpha with the network, ``bicubic`` with a filter.
        strength: How much of the network's detail is taken over a plain upscaling, 0 to 1.
        consistency: How far results are corrected so that, reduced, they are their inputs, 0 to 1;
            for clean inputs.
        color_lock: Whether results keep the low frequencies of their inputs: brightness and color.
        faces: Options of face restoration; None disables it.
        stabilize: Whether the details of a video's frames are averaged along the movement.
        denoise: Standard deviation of the noise that is removed before the network, levels of 8
            bits, up to :data:`MAX_NOISE`; 0 removes none.
        deblock: Strength against block edges before the network, 0 to 1.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    model_name: str = DEFAULT_MODEL
    model_path: Path | None = None
    target: Target = field(default_factory=Target)
    device: str = "auto"
    precision: str = "auto"
    engine: str = "auto"
    tile: int | None = None
    memory_budget: int | None = None
    sharers: int = 1
    threads: int | None = None
    tile_pad: int | None = None
    pre_pad: int = 0
    is_compiled: bool = False
    denoise_strength: float | None = None
    sharpness: float = 1.0
    alpha_upsampler: str = "realesrgan"
    strength: float = 1.0
    consistency: float = 0.0
    color_lock: bool = True
    faces: FaceOptions | None = None
    stabilize: bool = False
    denoise: float = 0.0
    deblock: float = 0.0

    def __post_init__(self) -> None:
        adopt_types(self)
        if not _DEVICE.fullmatch(self.device):
            raise InvalidOptionError(
                f"`device` {self.device}: must be auto, cpu, cuda, cuda:N or mps"
            )
        if self.tile is not None and self.tile < 0:
            raise InvalidOptionError(
                f"`tile` {self.tile}: must be auto, 0 (no tiles) or a number of pixels"
            )
        for option, pixels in (("`tile_pad`", self.tile_pad), ("`pre_pad`", self.pre_pad)):
            if pixels is not None and pixels < 0:
                raise InvalidOptionError(f"{option} {pixels}: must be 0 or more")
        for option, number in (
            ("`memory_budget`", self.memory_budget),
            ("`sharers`", self.sharers),
            ("`threads`", self.threads),
        ):
            if number is not None and number < 1:
                raise InvalidOptionError(f"{option} {number}: must be 1 or more")
        if self.threads is not None and self.threads > MAX_THREADS:
            raise InvalidOptionError(f"`threads` {self.threads}: must be at most {MAX_THREADS}")
        strength = self.denoise_strength
        if strength is not None and not 0 <= strength <= 1:
            raise InvalidOptionError(f"`denoise_strength` {strength:g}: must be between 0 and 1")
        for option, share in (
            ("`sharpness`", self.sharpness),
            ("`strength`", self.strength),
            ("`consistency`", self.consistency),
        ):
            if not 0 <= share <= 1:
                raise InvalidOptionError(f"{option} {share:g}: must be between 0 and 1")
        if not 0 <= self.denoise <= MAX_NOISE:
            raise InvalidOptionError(
                f"`denoise` {self.denoise:g}: must be between 0 and {MAX_NOISE:g}"
            )
        if not 0 <= self.deblock <= 1:
            raise InvalidOptionError(f"`deblock` {self.deblock:g}: must be between 0 and 1")
        _check_choice("`precision`", self.precision, PRECISIONS)
        _check_choice("`engine`", self.engine, ENGINES)
        _check_choice("`alpha_upsampler`", self.alpha_upsampler, ALPHA_UPSAMPLERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Processes that share the work of a run.

    Attributes:
        devices: Devices of the processes, as in :class:`UpscaleOptions`.
        each: Number of processes on each device.

    Raises:
        InvalidOptionError: A number is outside its range, or a device occurs twice.
    """

    devices: tuple[str, ...] = ("auto",)
    each: int = 1

    def __post_init__(self) -> None:
        adopt_types(self)
        if not 1 <= self.each * len(self.devices) <= MAX_WORKERS:
            raise InvalidOptionError(
                f"`workers` {self.each}: must be at least 1, and at most {MAX_WORKERS} in all"
            )
        if len(set(self.devices)) != len(self.devices):
            raise InvalidOptionError(
                f"`device` {', '.join(self.devices)}: names one twice; `workers` 2 puts two "
                "processes on each"
            )

    @property
    def count(self) -> int:
        """Number of processes."""
        return self.each * len(self.devices)


ONE_WORKER = WorkerOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """A Ray cluster that does the work of a run.

    Attributes:
        address: ``HOST:PORT`` of its head, ``auto`` for the one that this machine belongs to, or
            ``local`` for one that begins and ends with the run.
        each: Number of workers on each GPU or, without GPUs, on each machine.
        device: Device of the workers, as in :class:`UpscaleOptions`.
        threads: CPU threads of a worker without a GPU; None shares those of a machine equally.

    Raises:
        InvalidOptionError: A number is outside its range, or the device has a number.
    """

    address: str
    each: int = 1
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        adopt_types(self)
        if not 1 <= self.each <= MAX_WORKERS:
            raise InvalidOptionError(f"`workers` {self.each}: must be 1 to {MAX_WORKERS}")
        if ":" in self.device:
            raise InvalidOptionError(
                f"`device` {self.device}: the cluster deals out its GPUs; leave the number away"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """Options of image encoding.

    Attributes:
        quality: Quality of lossy formats, 1 to 100; None for a visually lossless value.
        lossless: Whether formats with both modes are written losslessly.
        strip_metadata: Whether metadata is left out, all but the description of color.
        strip: Parts of the metadata that are left out: ``location``, ``maker-notes``.

    Raises:
        InvalidOptionError: A value is outside its range, or both options are set.
    """

    quality: int | None = None
    lossless: bool = False
    strip_metadata: bool = False
    strip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        adopt_types(self)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise InvalidOptionError(f"`quality` {self.quality}: must be between 1 and 100")
        if self.quality is not None and self.lossless:
            raise InvalidOptionError("`lossless` leaves nothing for `quality` to say: drop one")
        for part in self.strip:
            _check_choice("`strip`", part, STRIPPABLE)


DEFAULT_ENCODING = EncodingOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Inputs and outputs of a run.

    Attributes:
        inputs: Files, folders, and patterns such as ``scans/*.png``.
        output: A folder; for a single input also a file, if the name has a known suffix.
        recursive: Whether folders are searched recursively and mirrored in the output.
        skip_existing: Whether inputs whose output exists are skipped.
        watch: Whether input folders are watched for new files, and may be empty at the start.
        suffix: Text that is appended to the name with an underscore; empty for none.
        ext: Suffix of the outputs without its dot; ``auto`` keeps the format of each input.
        encoding: Options of image encoding.
        max_pixels: Largest accepted input, px.
        shard: Number of a part of all inputs, from 1, and the number of parts; None for all.

    Raises:
        InvalidOptionError: The suffix has a path separator, or a number is not positive.
    """

    inputs: tuple[Path, ...]
    output: Path
    recursive: bool = False
    skip_existing: bool = False
    watch: bool = False
    suffix: str = "out"
    ext: str = "auto"
    encoding: EncodingOptions = DEFAULT_ENCODING
    max_pixels: int = DEFAULT_MAX_PIXELS
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        adopt_types(self)
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            raise InvalidOptionError(
                f"`shard` {self.shard[0]}/{self.shard[1]}: parts are numbered from 1, as in 1/8 to "
                "8/8"
            )
        if "/" in self.suffix or "\\" in self.suffix or "\0" in self.suffix:
            raise InvalidOptionError(f"`suffix` {self.suffix!r} must not hold a path separator")
        if self.max_pixels < 1:
            raise InvalidOptionError(f"`max_pixels` {self.max_pixels}: must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """Options of reading and writing videos.

    Attributes:
        codec: ffmpeg's name of an encoder; None for the default of the container.
        crf: Quality in the encoder's scale, lower is better; None for a visually lossless value.
        preset: Name of the encoder's speed preset; None for the encoder's default.
        pix_fmt: ffmpeg's name of a pixel format; None for the chroma and depth of the source.
        encoder_args: Further arguments for ffmpeg's output.
        ffmpeg: Path of ffmpeg; None searches for it.
        start: Start of the excerpt, s from the beginning of the video.
        end: End of the excerpt, s from the beginning of the video; None for the end of the video.
        frames: Largest number of frames that are read; None for all.
        fps: Constant frame rate at which the same frames play, 1/s; None keeps every frame's time.
        deinterlace: ``auto`` deinterlaces interlaced frames, ``off`` leaves them unchanged.
        is_strict: Whether a frame that cannot be decoded fails the job.
        video_stream: Number of the stream that is upscaled; None for the first film.
        smooth_color: Whether networks get the color of JPEG frames smoothed.

    Raises:
        InvalidOptionError: A value is outside its range.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    encoder_args: tuple[str, ...] = ()
    ffmpeg: Path | None = None
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    frames: int | None = None
    fps: Fraction | None = None
    deinterlace: str = "auto"
    is_strict: bool = False
    video_stream: int | None = None
    smooth_color: bool = True

    def __post_init__(self) -> None:
        adopt_types(self)
        if self.start < 0:
            raise InvalidOptionError(f"`start` {float(self.start):g}: must be 0 or more seconds")
        if self.end is not None and self.end <= self.start:
            raise InvalidOptionError(
                f"`end` {float(self.end):g}: must be after `start` {float(self.start):g}"
            )
        if self.frames is not None and self.frames < 1:
            raise InvalidOptionError(f"`frames` {self.frames}: must be 1 or more")
        if self.video_stream is not None and self.video_stream < 0:
            raise InvalidOptionError(f"`video_stream` {self.video_stream}: must be 0 or more")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise InvalidOptionError(f"`fps` {float(self.fps):g}: must be above 0 and at most 1000")
        _check_choice("`deinterlace`", self.deinterlace, DEINTERLACING)

    @property
    def is_excerpt(self) -> bool:
        """Whether only a part of the video is read."""
        return self.start > 0 or self.end is not None or self.frames is not None


DEFAULT_VIDEO = VideoOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceOptions:
    """Options of videos that are made in pieces, so that an interrupted run can go on.

    Attributes:
        piece_frames: Number of frames in a piece; None for as many as take some minutes, and for
            short videos in one pass.
        restart: Whether pieces of an earlier run are thrown away.
        keep_pieces: Whether pieces are kept when they have been joined.
        finish: Whether the pieces that are there are joined, and nothing is upscaled.
        preview: Distance of the frames that are written as JPEG, too; None for none.

    Raises:
        InvalidOptionError: A value is outside its range, or two contradict each other.
    """

    piece_frames: int | None = None
    restart: bool = False
    keep_pieces: bool = False
    finish: bool = False
    preview: int | None = None

    def __post_init__(self) -> None:
        adopt_types(self)
        if self.preview is not None and self.preview < 1:
            raise InvalidOptionError(f"`preview` {self.preview}: must be 1 or more")
        if self.piece_frames is not None and self.piece_frames < 1:
            raise InvalidOptionError(f"`piece_frames` {self.piece_frames}: must be 1 or more")
        if self.restart and self.finish:
            raise InvalidOptionError(
                "`restart` throws pieces away, and `finish` joins them: choose one"
            )


DEFAULT_PIECES = PieceOptions()


DAMAGE_LEVELS = (
    *("bicubic", "clean", "light", "medium", "heavy"),
    *("camera", "compressed", "noisy", "classical", "paper"),
)
FIXED_DAMAGE_LEVELS = ("clean", "light", "medium", "heavy")


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageOptions:
    """Options of the damage that is done to clean images.

    Attributes:
        level: Name of the level.
        is_fixed: Whether the parameters are the fixed ones of evaluation; else they are random.
        order: Number of rounds; None for what the level says.
        scale: Input px per result px, along each side.
        seed: Seed of all random numbers.

    Raises:
        InvalidOptionError: A value is outside its range, or two contradict each other.
    """

    level: str = "medium"
    is_fixed: bool = False
    order: int | None = None
    scale: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        adopt_types(self)
        _check_choice("`level`", self.level, DAMAGE_LEVELS)
        if self.is_fixed:
            _check_choice("with `is_fixed`, `level`", self.level, FIXED_DAMAGE_LEVELS)
            if self.order is not None:
                raise InvalidOptionError("`order` counts random rounds, and `is_fixed` has none")
        if self.order is not None and not 1 <= self.order <= 10:
            raise InvalidOptionError(f"`order` {self.order}: must be between 1 and 10")
        if not 1 <= self.scale <= 16:
            raise InvalidOptionError(f"`scale` {self.scale}: must be between 1 and 16")
