"""Discriminators: networks that map images, (N, 3, H, W) RGB in [0, 1], to logits of being real."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm as parametrized

from realesr.errors import InvalidOptionError
from realesr.perceptual.efficientnet import efficientnet_lite

SLOPE = 0.2
"""Negative slope of the leaky ReLUs, as in all three papers."""
_EPSILON = 1e-6

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def _spectral(module: ModuleT) -> ModuleT:
    """Normalizes a layer's weights by their spectral norm (Miyato et al., 2018).

    PyTorch's older implementation names parameters as in published checkpoints: ``weight_orig``,
    ``weight_u``, ``weight_v``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.utils.spectral_norm(module)


class UNetDiscriminator(nn.Module):
    """Real-ESRGAN's U-Net with spectral normalization (Wang et al., 2021, section 3.3).

    It gives a logit for each pixel. Parameter names are those of the published ``*_netD.pth``
    files.

    Args:
        num_feat: Features of the first convolution; 64 in the paper.
        skip: Whether features of the encoder are added in the decoder.
    """

    def __init__(self, *, num_feat: int = 64, skip: bool = True) -> None:
        super().__init__()
        self._skip = skip
        f = num_feat
        self.conv0 = nn.Conv2d(3, f, 3, padding=1)
        self.conv1 = _spectral(nn.Conv2d(f, 2 * f, 4, 2, 1, bias=False))
        self.conv2 = _spectral(nn.Conv2d(2 * f, 4 * f, 4, 2, 1, bias=False))
        self.conv3 = _spectral(nn.Conv2d(4 * f, 8 * f, 4, 2, 1, bias=False))
        self.conv4 = _spectral(nn.Conv2d(8 * f, 4 * f, 3, 1, 1, bias=False))
        self.conv5 = _spectral(nn.Conv2d(4 * f, 2 * f, 3, 1, 1, bias=False))
        self.conv6 = _spectral(nn.Conv2d(2 * f, f, 3, 1, 1, bias=False))
        self.conv7 = _spectral(nn.Conv2d(f, f, 3, 1, 1, bias=False))
        self.conv8 = _spectral(nn.Conv2d(f, f, 3, 1, 1, bias=False))
        self.conv9 = nn.Conv2d(f, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Returns (N, 1, H, W) logits; H and W are multiples of 8."""
        down = [F.leaky_relu(self.conv0(image), SLOPE)]
        for layer in (self.conv1, self.conv2, self.conv3):
            down.append(F.leaky_relu(layer(down[-1]), SLOPE))
        features = down.pop()
        for layer in (self.conv4, self.conv5, self.conv6):
            features = F.interpolate(features, scale_factor=2, mode="bilinear")
            features = F.leaky_relu(layer(features), SLOPE)
            skipped = down.pop()
            features = features + skipped if self._skip else features
        features = F.leaky_relu(self.conv7(features), SLOPE)
        features = F.leaky_relu(self.conv8(features), SLOPE)
        logits: Tensor = self.conv9(features)
        return logits


class VGGDiscriminator(nn.Module):
    """SRGAN's discriminator (Ledig et al., 2017, figure 4); it gives one logit per image.

    Args:
        input_size: Height and width of the images, px; a multiple of 16.
        num_feat: Features of the first convolution; 64 in the paper.
    """

    def __init__(self, *, input_size: int, num_feat: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, num_feat, 3, padding=1), nn.LeakyReLU(SLOPE)]
        channels = num_feat
        for factor, stride in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
            layers += [
                nn.Conv2d(channels, factor * num_feat, 3, stride, 1),
                nn.BatchNorm2d(factor * num_feat),
                nn.LeakyReLU(SLOPE),
            ]
            channels = factor * num_feat
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels * (input_size // 16) ** 2, 16 * num_feat),
            nn.LeakyReLU(SLOPE),
            nn.Linear(16 * num_feat, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Returns (N, 1) logits."""
        logits: Tensor = self.classifier(torch.flatten(self.features(image), 1))
        return logits


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al., 2017, section 3.2.2) with spectral normalization.

    It gives a logit for each patch of 70 px. It suits small generators, for which a strong
    discriminator gives no useful gradient.

    Args:
        num_feat: Features of the first convolution.
    """

    def __init__(self, *, num_feat: int = 32) -> None:
        super().__init__()
        channels = [3, num_feat, 2 * num_feat, 4 * num_feat]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(channels):
            layers += [parametrized(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(SLOPE)]
        layers += [
            parametrized(nn.Conv2d(channels[-1], channels[-1], 4, 1, 1)),
            nn.LeakyReLU(SLOPE),
            parametrized(nn.Conv2d(channels[-1], 1, 4, 1, 1)),
        ]
        self.body = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Returns (N, 1, h, w) logits; the image is at least 32 px high and wide."""
        logits: Tensor = self.body(image)
        return logits


class ProjectedDiscriminator(nn.Module):
    """Small discriminators on the features of a frozen network.

    A discriminator that learns to see from nothing needs many thousand steps; features of
    EfficientNet-Lite0 see textures at once (Projected GANs, Sauer et al., 2021). Each stride has
    its own discriminator, which gives a logit for each area of 16 px. The random mixing across
    strides of the paper is left out.

    Args:
        num_feat: Features of each of the discriminators.

    Raises:
        MissingExtraError: The packages of EfficientNet-Lite0 are not installed.
    """

    def __init__(self, *, num_feat: int = 64) -> None:
        super().__init__()
        self.backbone = efficientnet_lite(0)
        with torch.no_grad():
            channels = {k: v.shape[1] for k, v in self.backbone(torch.zeros(1, 3, 64, 64)).items()}
        self.heads = nn.ModuleDict(
            {
                name: self._head(inputs, num_feat, reductions=(16 // int(name)).bit_length() - 1)
                for name, inputs in channels.items()
            }
        )

    @staticmethod
    def _head(inputs: int, num_feat: int, *, reductions: int) -> nn.Sequential:
        layers: list[nn.Module] = [parametrized(nn.Conv2d(inputs, num_feat, 1))]
        for _ in range(reductions):
            layers += [nn.LeakyReLU(SLOPE), parametrized(nn.Conv2d(num_feat, num_feat, 4, 2, 1))]
        layers += [
            nn.LeakyReLU(SLOPE),
            parametrized(nn.Conv2d(num_feat, num_feat, 3, 1, 1)),
            nn.LeakyReLU(SLOPE),
            parametrized(nn.Conv2d(num_feat, 1, 3, 1, 1)),
        ]
        return nn.Sequential(*layers)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Makes the small discriminators learn or not; the features stay as they are."""
        self.heads.requires_grad_(requires_grad)
        return self

    def forward(self, image: Tensor) -> Tensor:
        """Returns (N, K) logits of all areas and strides; the image has sides of 32 px or more."""
        logits = []
        for name, features in self.backbone(image).items():
            strength = features.square().mean(dim=1, keepdim=True) + _EPSILON
            logits.append(self.heads[name](features * strength.rsqrt()).flatten(1))
        return torch.cat(logits, dim=1)


DISCRIMINATORS: dict[str, type[nn.Module]] = {
    "unet": UNetDiscriminator,
    "vgg": VGGDiscriminator,
    "patch": PatchDiscriminator,
    "projected": ProjectedDiscriminator,
}
TAKES_ANY_SIZE = (PatchDiscriminator, ProjectedDiscriminator)
"""Those that need no multiple of a number of pixels, but at least :data:`LEAST_SIDE`."""
LEAST_SIDE = 32
_SIDES = {"unet": (8, 8), "vgg": (16, 16), "patch": (24, 1), "projected": (16, 1)}
"""Least side of an image, and what sides are a multiple of, px."""


def build_discriminator(kind: str, *, side: int, **parameters: Any) -> nn.Module:
    """Builds a discriminator by its name.

    Args:
        kind: A name of :data:`DISCRIMINATORS`.
        side: Height and width of the images that it will get, px.
        parameters: Hyperparameters of the discriminator.

    Raises:
        InvalidOptionError: The name is unknown, or it takes no images of this size.
    """
    if kind not in DISCRIMINATORS:
        near = get_close_matches(kind, DISCRIMINATORS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(DISCRIMINATORS)}"
        raise InvalidOptionError(f"discriminator.kind = {kind!r} is unknown; {hint}")
    least, multiple = _SIDES[kind]
    if side < least or side % multiple:
        multiples = f" and a multiple of {multiple}" if multiple > 1 else ""
        raise InvalidOptionError(
            f"data.lr_size: patches become {side} px, and the discriminator {kind} takes images "
            f"whose side is {least} px or more{multiples}"
        )
    if kind == "vgg":
        parameters["input_size"] = side
    return DISCRIMINATORS[kind](**parameters)
