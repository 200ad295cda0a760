"""The recipe of a training run.

Builders turn the recipe into plain parameters; networks, losses and datasets do not depend on it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from realesr.degradation.levels import LEVELS
from realesr.degradation.pipeline import DegradationConfig

Target = Literal["hr", "mix"]
"""Target of a loss: the clean image, or its mixture with the teacher's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitConfig:
    """Weights to start from.

    Attributes:
        weights: Name in the catalog, or a file (relative to the data root or the working folder).
        mix: Second network of the same architecture to interpolate with.
        share: Fraction of ``weights`` in the mixture, 0 to 1.
        partial: Whether parameters of other names or shapes are left out, as when a network of
            another scale is the start; the rest keeps its first values.
    """

    weights: str
    mix: str | None = None
    share: float = 0.5
    partial: bool = False

    def __post_init__(self) -> None:
        _check_share("generator.init.share", self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """The network that is trained.

    Attributes:
        architecture: Name of an architecture of :data:`realesr.models.registry.ARCHITECTURES`.
        parameters: Hyperparameters of the architecture; the scale is the recipe's.
        init: Weights to start from; None starts from random ones.
        initialization: Random initial values (:mod:`realesr.training.initialization`):
            ``identity`` lets an upscaling of the input pass, ``smooth`` a smooth one, ``kaiming``
            is ESRGAN's, ``normal`` SRCNN's, ``uniform`` ISR's, ``default`` PyTorch's.
    """

    architecture: str = "srvgg"
    parameters: Mapping[str, int | float | str] = field(default_factory=dict)
    init: str | InitConfig | None = None
    initialization: Literal["default", "identity", "smooth", "kaiming", "normal", "uniform"] = (
        "default"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """The network that distinguishes generated images from real ones.

    Attributes:
        kind: ``unet`` (Real-ESRGAN), ``vgg`` (SRGAN), ``patch`` (PatchGAN) or ``projected``
            (on the features of EfficientNet-Lite0).
        num_feat: Features of the first convolution.
        init: Weights file to start from.
        learning_rate: Highest learning rate; None takes the generator's.
        warmup_steps: First steps, in which the generator does not learn; its warm-up follows.
        adaptive: Whether steps are skipped while the generator's adversarial loss rises.
    """

    kind: str = "unet"
    num_feat: int = 64
    init: str | None = None
    learning_rate: float | None = None
    warmup_steps: int = 0
    adaptive: bool = False

    def __post_init__(self) -> None:
        _check_least("discriminator.", self, num_feat=1, warmup_steps=0)
        if self.learning_rate is not None:
            _check_least("discriminator.", self, learning_rate=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """A larger network whose output is part of the target.

    Attributes:
        model: Name in the catalog, or a file.
        share: Fraction of the teacher's output in the target ``mix``, 0 to 1; the rest is the clean
            image.
        patches: Number of patches on a CPU, where the teacher's outputs are computed once and
            stored; the run repeats these patches, rotated and flipped. A GPU computes them live.
        color_lock: Whether the output's low frequencies are set to those of the clean image.
    """

    model: str
    share: float = 0.5
    patches: int = 4096
    color_lock: bool = True

    def __post_init__(self) -> None:
        _check_least("teacher.", self, patches=1)
        _check_share("teacher.share", self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """A tar file or a folder of images.

    Attributes:
        path: Relative to the data root.
        share: Relative frequency with which images of this source are drawn; None for the number
            of its images.
        manifest: CSV file as ``data.manifest``, for this source; None takes that one.
    """

    path: str
    share: float | None = None
    manifest: str | None = None

    def __post_init__(self) -> None:
        if self.share is not None:
            _check_least("", self, share=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Images, patches and their damage.

    Attributes:
        sources: Where the images are.
        damage: Relative frequency of each level of damage: names of
            :data:`realesr.degradation.levels.LEVELS` or of the recipe's own ``[levels]``.
        manifest: CSV file with the columns ``file`` and ``licence``, relative to the data root;
            None takes every image.
        licenses: An image is used if its license in the manifest starts with one of these.
        sharpen: Whether targets (and so inputs) are made from USM-sharpened images.
        degrain: Whether grain is removed from even areas of images, so that the network does not
            learn to make it.
        smallest_zoom: Images are reduced before a patch is cut, by a factor between this and 1, so
            that few images show more textures; Real-ESRGAN keeps smaller copies for that.
        recolor: Share of patches whose channels are shuffled and whose gamma is changed.
        batch_size: Number of patches per step in each process.
        lr_size: Side of the low-resolution patches, px.
        margin: Low-resolution px around a patch that are degraded with it and cut off, so that the
            blur does not see the borders of the patch.
        pair_pool: Number of patches in the pool from which batches are mixed (Real-ESRGAN's
            training pair pool); 0 disables it.
        damage_groups: Number of groups of a batch that share their damage, which is then done to
            all images of a group at once on the device; 0 damages each image by itself on the CPU.
        cache_mib: Size of each worker's cache of decoded images, MiB.
    """

    sources: Sequence[SourceConfig]
    damage: Mapping[str, float] = field(default_factory=lambda: {"paper": 1.0})
    manifest: str | None = None
    licenses: Sequence[str] = ()
    sharpen: bool = False
    degrain: bool = False
    smallest_zoom: float = 1.0
    recolor: float = 0.0
    batch_size: int = 16
    lr_size: int = 48
    margin: int = 4
    pair_pool: int = 0
    damage_groups: int = 0
    cache_mib: int = 512

    def __post_init__(self) -> None:
        _check_least("data.", self, batch_size=1, lr_size=1, margin=0, pair_pool=0)
        _check_least("data.", self, damage_groups=0, cache_mib=0)
        if not self.sources:
            raise ValueError("data.sources is empty")
        if all(source.share == 0 for source in self.sources):
            raise ValueError("data.sources: a share must be above 0")
        _check_shares("data.damage", self.damage)
        _check_licenses(self)
        if not 0 < self.smallest_zoom <= 1:
            raise ValueError("data.smallest_zoom must be above 0 and at most 1")
        _check_share("data.recolor", self.recolor)
        if self.pair_pool % self.batch_size:
            raise ValueError("data.pair_pool must be a multiple of data.batch_size")
        if self.damage_groups and self.batch_size % self.damage_groups:
            raise ValueError("data.batch_size must be a multiple of data.damage_groups")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLossConfig:
    """A loss on pixel values (``l1``, ``mse``, ``charbonnier``, ``averaged_l1``)."""

    weight: float
    target: Target = "hr"

    def __post_init__(self) -> None:
        _check_least("", self, weight=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyConfig:
    """A loss on the lightness and the color of blurred images."""

    weight: float
    luma: float = 1.0
    chroma: float = 1.0

    def __post_init__(self) -> None:
        _check_least("", self, weight=0, luma=0, chroma=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptualConfig:
    """A loss on the features of an image network.

    Attributes:
        weights: File of the network's parameters, relative to the data root or the working folder;
            EfficientNet's come with a package.
        layers: VGG19's layers with their weights; empty for those of the reference.
        target: ``hr``, the clean image, or ``mix``, mixed with the teacher's output.
    """

    weight: float
    weights: str | None = None
    layers: Mapping[str, float] = field(default_factory=dict)
    target: Target = "hr"

    def __post_init__(self) -> None:
        _check_least("", self, weight=0)
        if self.layers:
            _check_shares("layers", self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class GanConfig:
    """The adversarial loss.

    Attributes:
        mode: Form of the loss.
        target: What the discriminator takes for real: ``hr``, the clean image, or ``mix``, mixed
            with the teacher's output.
    """

    weight: float
    mode: Literal["vanilla", "lsgan", "hinge", "relativistic"] = "vanilla"
    target: Target = "hr"

    def __post_init__(self) -> None:
        _check_least("", self, weight=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossesConfig:
    """The generator's losses; ``name = 0.5`` is short for ``name = { weight = 0.5 }``.

    Attributes:
        l1, mse, charbonnier: Losses on pixels.
        averaged_l1: Loss on the mean colors of areas of 16x16 px.
        weave: Loss on errors that repeat with the pixels of the input.
        consistency: Loss on lightness and color of blurred images.
        squeezenet, efficientnet: Feature distances (LPIPS without learned weights).
        texture: Distance of local Gram matrices of SqueezeNet's features.
        vgg: ESRGAN's perceptual loss.
        srgan_vgg: SRGAN's perceptual loss: VGG19's last feature, after the activation.
        ldl: Locally discriminative learning, against artifacts.
        gan: The adversarial loss.
    """

    l1: PixelLossConfig | None = None
    mse: PixelLossConfig | None = None
    charbonnier: PixelLossConfig | None = None
    averaged_l1: PixelLossConfig | None = None
    weave: PixelLossConfig | None = None
    consistency: ConsistencyConfig | None = None
    squeezenet: PerceptualConfig | None = None
    efficientnet: PerceptualConfig | None = None
    texture: PerceptualConfig | None = None
    vgg: PerceptualConfig | None = None
    srgan_vgg: PerceptualConfig | None = None
    ldl: PixelLossConfig | None = None
    gan: GanConfig | None = None

    def __post_init__(self) -> None:
        losses = [getattr(self, f.name) for f in dataclasses.fields(self)]
        if not any(loss is not None and loss.weight > 0 for loss in losses):
            raise ValueError("there is no loss: give at least one, such as [losses] l1 = 1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """Steps, learning rate and moving average.

    Attributes:
        total_steps: Optimizer steps of the whole run.
        warmup_steps: Steps of linear growth of the learning rate from 0.
        decay_steps: Last steps, in which the learning rate falls along a half cosine to 0.
        milestones: Steps at which the learning rate is multiplied by ``milestone_factor``.
        milestone_factor: Factor at each milestone.
        learning_rate: Highest learning rate.
        betas: Adam's decay rates.
        ema_decay: Decay of the moving average per step, in [0, 1).
        freeze_norms: Step from which batch normalization keeps its statistics and uses them, as it
            does after the training; None never.
    """

    total_steps: int
    warmup_steps: int = 500
    decay_steps: int = 5000
    milestones: Sequence[int] = ()
    milestone_factor: float = 0.5
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    ema_decay: float = 0.999
    freeze_norms: int | None = None

    def __post_init__(self) -> None:
        _check_least("schedule.", self, total_steps=1, warmup_steps=0, decay_steps=0)
        _check_least("schedule.", self, learning_rate=0, milestone_factor=0)
        if self.freeze_norms is not None:
            _check_least("schedule.", self, freeze_norms=0)
        if any(step < 1 for step in self.milestones):
            raise ValueError("schedule.milestones must be steps of 1 or more")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError("schedule.betas must be from 0 to below 1")
        if not 0 <= self.ema_decay < 1:
            raise ValueError("schedule.ema_decay must be from 0 to below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationConfig:
    """Validation: clean images that are not in the training data, and metrics.

    Attributes:
        images: Folder, relative to the data root.
        levels: Names of :data:`realesr.degradation.levels.FIXED_LEVELS`.
        squeezenet: File of SqueezeNet's parameters for the feature distance.
        efficientnet: Number of the EfficientNet-Lite for feature distances, 0 or 2; None for none.
        niqe: File of NIQE's parameters.
        every: Number of steps between validations.
        sheet: Number of images on the contact sheet.
    """

    images: str
    levels: Sequence[str] = ("light", "medium", "heavy")
    squeezenet: str | None = None
    efficientnet: Literal[0, 2] | None = None
    niqe: str | None = None
    every: int = 1000
    sheet: int = 4

    def __post_init__(self) -> None:
        _check_least("validation.", self, every=1, sheet=0)
        if not self.levels:
            raise ValueError("validation.levels is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole training run.

    Attributes:
        name: Name of the resulting weights file.
        scale: High-resolution px per low-resolution px, along each side.
        levels: Levels of damage that this recipe defines.
        precision: ``auto`` takes bfloat16 where the hardware has it, float16 on older GPUs.
        seed: Seed; together with the index of a patch it determines all randomness.
        log_every: Number of steps between lines of the log.
        save_every: Number of steps between checkpoints.
    """

    name: str
    data: DataConfig
    losses: LossesConfig
    schedule: ScheduleConfig
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig | None = None
    teacher: TeacherConfig | None = None
    validation: ValidationConfig | None = None
    levels: Mapping[str, DegradationConfig] = field(default_factory=dict)
    scale: int = 4
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = 0
    log_every: int = 100
    save_every: int = 1000

    def __post_init__(self) -> None:
        _check_least("", self, scale=1, seed=0, log_every=1, save_every=1)
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2**63, not {self.seed}")
        if not self.name or {"/", "\\", "\0"} & set(self.name) or self.name.startswith("."):
            raise ValueError(f"name {self.name!r} must be the name of a file, without a folder")
        if (self.losses.gan is None) != (self.discriminator is None):
            raise ValueError("losses.gan and [discriminator] need each other")
        mixed = [f.name for f in dataclasses.fields(self.losses) if self._targets_mix(f.name)]
        if mixed and self.teacher is None:
            raise ValueError(f"losses.{mixed[0]}.target = 'mix' needs a [teacher]")
        for level in self.data.damage:
            if level not in self.levels and level not in LEVELS:
                known = ", ".join([*LEVELS, *self.levels])
                raise ValueError(f"data.damage.{level} is not a level of damage; known: {known}")

    def _targets_mix(self, loss: str) -> bool:
        return getattr(getattr(self.losses, loss), "target", "hr") == "mix"

    @property
    def damage(self) -> tuple[tuple[DegradationConfig, float], ...]:
        """Levels of damage at the recipe's scale, with their probabilities."""
        total = sum(self.data.damage.values())
        known = {**LEVELS, **self.levels}
        return tuple(
            (dataclasses.replace(known[name], scale=self.scale), share / total)
            for name, share in self.data.damage.items()
        )


def _check_least(place: str, config: object, **bounds: float) -> None:
    """Raises ValueError if a number is less than its bound, infinite, or no number."""
    for name, bound in bounds.items():
        _check_number(f"{place}{name}", getattr(config, name), bound)


def _check_number(name: str, value: float, bound: float) -> None:
    if not bound <= value < math.inf:
        kind = "" if math.isfinite(value) else "a finite number, "
        raise ValueError(f"{name} must be {kind}{bound:g} or more, not {value:g}")


def _check_share(place: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{place} must be from 0 to 1, not {value:g}")


def _check_shares(place: str, shares: Mapping[str, float]) -> None:
    """Raises ValueError unless shares are 0 or more, and one is more."""
    for name, share in shares.items():
        _check_number(f"{place}.{name}", share, 0)
    if not sum(shares.values()) > 0:
        raise ValueError(f"{place}: a share must be above 0")


def _check_licenses(data: DataConfig) -> None:
    """Raises ValueError unless licenses and manifests, which name them, are there or both not."""
    for source in data.sources:
        manifest = source.manifest or data.manifest
        if data.licenses and not manifest:
            raise ValueError(
                f"data.licenses: {source.path} has no manifest that names licenses: set "
                "data.manifest, or the manifest of the source"
            )
        if manifest and not data.licenses:
            raise ValueError(
                f"data.licenses is empty: name the licenses of {manifest} that may be used"
            )
