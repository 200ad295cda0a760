"""The losses of a run, built from its recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from realesr.errors import InvalidOptionError
from realesr.training.discriminators import LEAST_SIDE, TAKES_ANY_SIZE
from realesr.training.losses import adversarial, pixel
from realesr.training.losses.consistency import Consistency
from realesr.training.losses.ldl import ldl
from realesr.training.recipe import (
    GanConfig,
    LossesConfig,
    PerceptualConfig,
    PixelLossConfig,
    Target,
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The images of a step, float32 RGB in [0, 1].

    Attributes:
        lr: (N, 3, h, w), damaged images.
        hr: (N, 3, H, W), clean images.
        mix: (N, 3, H, W), clean images mixed with the teacher's output; ``hr`` without a teacher.
        step: Number of the step, from 0.
    """

    lr: Tensor
    hr: Tensor
    mix: Tensor
    step: int = 0


Loss = Callable[[Tensor, Batch], Tensor]

PHASES = 16
"""The largest stride of the feature networks, px."""


class Objective:
    """Computes the losses of generator and discriminator.

    Args:
        losses: Name, weight and function of each loss on images.
        gan: The adversarial loss, if there is one.
        discriminator: Discriminator of the adversarial loss.
    """

    def __init__(
        self,
        losses: dict[str, tuple[float, Loss]],
        *,
        gan: GanConfig | None = None,
        discriminator: nn.Module | None = None,
    ) -> None:
        self._losses = losses
        self._gan = gan
        self._discriminator = discriminator

    def generator(self, sr: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Computes the generator's losses, weighted, by name; their sum is minimized."""
        found = {name: weight * loss(sr, batch) for name, (weight, loss) in self._losses.items()}
        if self._gan is not None and self._discriminator is not None:
            self._discriminator.requires_grad_(False)
            fake = self._logits(sr, batch.step)
            real = None
            if self._gan.mode == "relativistic":
                real = self._logits(_target(batch, self._gan.target), batch.step).detach()
            loss = adversarial.generator_loss(self._gan.mode, fake, real)
            found["gan"] = self._gan.weight * loss
            self._discriminator.requires_grad_(True)
        return found

    def discriminator(self, sr: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Computes the discriminator's loss on generated and real images, and its mean logits."""
        assert self._gan is not None and self._discriminator is not None  # noqa: S101 - for mypy
        real = self._logits(_target(batch, self._gan.target), batch.step)
        fake = self._logits(sr.detach(), batch.step)
        loss = adversarial.discriminator_loss(self._gan.mode, fake, real)
        return {
            "discriminator": loss,
            "real": real.detach().float().mean(),
            "fake": fake.detach().float().mean(),
        }

    def _logits(self, images: Tensor, step: int) -> Tensor:
        assert self._discriminator is not None  # noqa: S101 - for mypy
        is_large = min(images.shape[2:]) >= LEAST_SIDE + PHASES
        if is_large and isinstance(self._discriminator, TAKES_ANY_SIZE):
            down, right = phase(step)  # for the reason that it gives
            images = images[..., down:, right:]
        logits: Tensor = self._discriminator(images)
        return logits


def build_objective(
    config: LossesConfig,
    *,
    find: Callable[[str], Path],
    device: torch.device,
    discriminator: nn.Module | None,
    average: nn.Module,
) -> Objective:
    """Builds the losses that a recipe asks for.

    Args:
        config: The recipe's losses.
        find: Finds a file by the name that the recipe gives.
        device: Device of the feature networks.
        discriminator: The discriminator, if there is one.
        average: The generator's moving average.

    Raises:
        InvalidOptionError: A loss needs a file that the recipe does not name.
        WeightsError: A file is missing or does not fit.
    """
    losses: dict[str, tuple[float, Loss]] = {}

    def add(name: str, weight: float, loss: Loss) -> None:
        losses[name] = (weight, loss)

    for name, function in _PIXEL_LOSSES.items():
        pixel_config: PixelLossConfig | None = getattr(config, name)
        if pixel_config is not None:
            add(name, pixel_config.weight, _on_target(function, pixel_config.target))
    if config.weave is not None:
        target = config.weave.target

        def repeated(sr: Tensor, batch: Batch) -> Tensor:
            scale = sr.shape[-1] // batch.lr.shape[-1]
            return pixel.weave(sr, _target(batch, target), scale)

        add("weave", config.weave.weight, repeated)
    if config.consistency is not None:
        luma, chroma = config.consistency.luma, config.consistency.chroma
        consistency = Consistency(luma_weight=luma, chroma_weight=chroma).to(device)
        add("consistency", config.consistency.weight, lambda sr, b: consistency(sr, b.hr))
    for name, build in _PERCEPTUAL.items():
        perceptual: PerceptualConfig | None = getattr(config, name)
        if perceptual is not None:
            add(name, perceptual.weight, build(perceptual, find, device))
    if config.ldl is not None:

        def discriminative(sr: Tensor, batch: Batch) -> Tensor:
            with torch.no_grad():
                smoothed = average(batch.lr)
            return ldl(sr, batch.hr, smoothed)

        add("ldl", config.ldl.weight, discriminative)
    return Objective(losses, gan=config.gan, discriminator=discriminator)


_PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": pixel.l1,
    "mse": pixel.mse,
    "charbonnier": pixel.charbonnier,
    "averaged_l1": pixel.averaged_l1,
}


def _on_target(function: Callable[[Tensor, Tensor], Tensor], target: Target) -> Loss:
    return lambda sr, batch: function(sr, _target(batch, target))


def _target(batch: Batch, name: Target) -> Tensor:
    return batch.mix if name == "mix" else batch.hr


def _weights(config: PerceptualConfig, name: str, find: Callable[[str], Path]) -> Path:
    if config.weights is None:
        raise InvalidOptionError(
            f"losses.{name}.weights is missing: name the file of the network's parameters, by "
            f"--perceptual-weights FILE or --set losses.{name}.weights=FILE"
        )
    return find(config.weights)


def _squeezenet(
    config: PerceptualConfig, find: Callable[[str], Path], device: torch.device
) -> Loss:
    from realesr.perceptual.distance import feature_distance
    from realesr.perceptual.squeezenet import squeezenet

    network = squeezenet(_weights(config, "squeezenet", find)).to(device)
    return _feature_loss(network, config.target, lambda a, b: feature_distance(a, b).mean())


def _texture(config: PerceptualConfig, find: Callable[[str], Path], device: torch.device) -> Loss:
    from realesr.perceptual.distance import texture_distance
    from realesr.perceptual.squeezenet import TEXTURE_WINDOWS, squeezenet

    network = squeezenet(_weights(config, "texture", find)).to(device)
    return _feature_loss(
        network, config.target, lambda a, b: texture_distance(a, b, TEXTURE_WINDOWS)
    )


def _efficientnet(
    config: PerceptualConfig, find: Callable[[str], Path], device: torch.device
) -> Loss:
    from realesr.perceptual.distance import feature_distance
    from realesr.perceptual.efficientnet import efficientnet_lite

    network = efficientnet_lite(0).to(device)
    return _feature_loss(network, config.target, lambda a, b: feature_distance(a, b).mean())


def _vgg(config: PerceptualConfig, find: Callable[[str], Path], device: torch.device) -> Loss:
    from realesr.perceptual.distance import l1_distance
    from realesr.perceptual.vgg import ESRGAN_LAYERS, vgg19

    layers = dict(config.layers) or ESRGAN_LAYERS
    network = vgg19(_weights(config, "vgg", find), tuple(layers)).to(device)
    return _feature_loss(network, config.target, lambda a, b: l1_distance(a, b, layers))


def _srgan_vgg(config: PerceptualConfig, find: Callable[[str], Path], device: torch.device) -> Loss:
    from realesr.perceptual.distance import mse_distance
    from realesr.perceptual.vgg import SRGAN_LAYERS, vgg19

    layers = dict(config.layers) or SRGAN_LAYERS
    network = vgg19(_weights(config, "srgan_vgg", find), tuple(layers)).to(device)
    return _feature_loss(network, config.target, lambda a, b: mse_distance(a, b, layers))


_PERCEPTUAL: dict[str, Callable[[PerceptualConfig, Callable[[str], Path], torch.device], Loss]] = {
    "squeezenet": _squeezenet,
    "efficientnet": _efficientnet,
    "texture": _texture,
    "vgg": _vgg,
    "srgan_vgg": _srgan_vgg,
}


def phase(step: int) -> tuple[int, int]:
    """Returns the shift of images, px down and right, before features are computed.

    Feature networks sample every second, fourth, ... px. Patches always start at a multiple of the
    scale, so without a shift a generator optimizes only these px: a pattern with a period of 2 px
    appears in flat areas. All shifts occur within ``PHASES**2`` steps.
    """
    return step % PHASES, step // PHASES % PHASES


def _feature_loss(
    network: Callable[[Tensor], dict[str, Tensor]],
    target: Target,
    distance: Callable[[dict[str, Tensor], dict[str, Tensor]], Tensor],
) -> Loss:
    def loss(sr: Tensor, batch: Batch) -> Tensor:
        down, right = phase(batch.step)
        with torch.no_grad():
            real = network(_target(batch, target)[..., down:, right:])
        return distance(network(sr[..., down:, right:]), real)

    return loss
