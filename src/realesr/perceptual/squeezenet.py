"""SqueezeNet's features (Iandola et al., 2016, arXiv 1602.07360), version 1.1."""

from __future__ import annotations

from pathlib import Path

from realesr.errors import UnsupportedCheckpointError
from realesr.perceptual.extractor import FeatureExtractor, without_inplace
from realesr.weights.torch_checkpoint import load_state_dict

LAYERS = (1, 4, 7, 9, 10, 11, 12)
"""Layers that LPIPS takes from this network (Zhang et al., 2018)."""


def squeezenet(weights: Path) -> FeatureExtractor:
    """Builds torchvision's ``squeezenet1_1`` with parameters from a file.

    Args:
        weights: State dict with torchvision's names; the classifier is not needed.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: It is damaged or of another network.
    """
    from torchvision.models import squeezenet1_1

    prefix = "features."
    network = without_inplace(squeezenet1_1(weights=None).features)
    state = {
        name.removeprefix(prefix): tensor
        for name, tensor in load_state_dict(weights).items()
        if name.startswith(prefix)
    }
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UnsupportedCheckpointError(f"{weights} is no SqueezeNet 1.1") from error
    return FeatureExtractor(network.children(), {index: str(index) for index in LAYERS})
