"""An image network that gives features instead of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's colors in [0, 1], as torchvision's networks were trained with."""


class FeatureExtractor(nn.Module):
    """Runs layers in order and returns the outputs of some of them.

    Its parameters are frozen, and it is always in evaluation mode.

    Args:
        layers: The network.
        names: Index of a layer to the name of its output; later layers are left out.
        mean: Of the colors, in [0, 1].
        std: Of the colors, in [0, 1].
    """

    def __init__(
        self,
        layers: Iterable[nn.Module],
        names: Mapping[int, str],
        *,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(list(layers)[: max(names) + 1])
        self._names = dict(names)
        self.register_buffer("_mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("_std", torch.tensor(std).reshape(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode."""
        return super().train(False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Returns features by name, (N, C, h, w) each.

        Args:
            image: (N, 3, H, W) RGB, nominally in [0, 1].
        """
        features = (image - self.get_buffer("_mean")) / self.get_buffer("_std")
        found = {}
        for index, layer in enumerate(self.layers):
            features = layer(features)
            if index in self._names:
                found[self._names[index]] = features
        return found


def without_inplace(module: nn.Module) -> nn.Module:
    """Lets activations leave their input alone: it may be a feature that is returned."""
    for each in module.modules():
        if isinstance(each, nn.ReLU):
            each.inplace = False
    return module
