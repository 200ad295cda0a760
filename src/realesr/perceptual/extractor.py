"""An image network that gives features instead of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from realesr.errors import UnsupportedCheckpointError
from realesr.weights.torch_checkpoint import load_state_dict

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's colors in [0, 1], as torchvision's networks were trained with."""

_FEATURES, _CLASSIFIER = "features.", "classifier."
"""What the names of parameters begin with in torchvision's classification networks."""


class FeatureExtractor(nn.Module):
    """Runs layers in order and returns the outputs of some of them.

    Its parameters are frozen, and it is always in evaluation mode. Gradients reach the image.

    Args:
        layers: The network. No layer may change its input in place: see :func:`without_inplace`.
        names: Index of a layer to the name of its output; later layers are left out.
        mean: Of the colors red, green, blue, in [0, 1]; it is subtracted from the image.
        std: Of the same colors, in [0, 1]; the image is divided by it.

    Raises:
        ValueError: There are no names, or one is of a layer that does not exist.
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
        known = list(layers)
        if not names or not all(0 <= index < len(known) for index in names):
            raise ValueError(f"layers {sorted(names)} of a network of {len(known)}")
        self.layers = nn.ModuleList(known[: max(names) + 1])
        self._names = dict(names)
        self.register_buffer("_mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("_std", torch.tensor(std).reshape(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whatever the network around it does."""
        return super().train(False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Computes the features of a batch.

        Args:
            image: (N, 3, H, W) RGB, floating point, nominally in [0, 1], in any memory format.

        Returns:
            (N, C, h, w) by name, from the first layer to the last; unbounded. Their dtype is that
            of the parameters, or autocast's.
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
        if isinstance(each, nn.ReLU | nn.ReLU6):
            each.inplace = False
    return module


def load_features(
    trunk: nn.Sequential, weights: Path, *, network: str, depth: int | None = None
) -> nn.Sequential:
    """Gives parameters to the first layers of one of torchvision's classification networks.

    Args:
        trunk: The network's ``features``, all of them; they may be on the meta device.
        weights: State dict with torchvision's names. ``classifier.*`` is ignored.
        network: Its name, for messages.
        depth: How many layers are needed; all by default.

    Returns:
        The first ``depth`` layers with parameters in float32 on the CPU.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged, lacks a parameter of these layers, or is
            of another network.
    """
    found = load_state_dict(weights)
    state = {name: tensor for name, tensor in found.items() if not name.startswith(_CLASSIFIER)}
    known = {_FEATURES + name for name in trunk.state_dict()}
    needed = trunk[:depth]
    for name, parameter in needed.state_dict().items():
        tensor = state.get(_FEATURES + name)
        if tensor is None:
            raise UnsupportedCheckpointError(f"{weights} is no {network}: no {_FEATURES}{name}")
        if tensor.shape != parameter.shape:
            raise UnsupportedCheckpointError(
                f"{weights} is no {network}: {_FEATURES}{name} is {tuple(tensor.shape)}, "
                f"not {tuple(parameter.shape)}"
            )
    if foreign := sorted(state.keys() - known):
        raise UnsupportedCheckpointError(f"{weights} is no {network}: it has {foreign[0]}")
    needed.load_state_dict(
        {name: state[_FEATURES + name] for name in needed.state_dict()}, assign=True
    )
    return needed
