"""SqueezeNet's features (Iandola et al., 2016, arXiv 1602.07360), version 1.1."""

from __future__ import annotations

from pathlib import Path

import torch

from realesr.perceptual.extractor import FeatureExtractor, load_features, without_inplace

LAYERS = (1, 4, 7, 9, 10, 11, 12)
"""Layers that LPIPS takes from this network (Zhang et al., 2018, arXiv 1801.03924): the first
activation, the last fire module before each later pooling, and all four after the last pooling."""

TEXTURE_WINDOWS = {"1": 8, "4": 4, "7": 2}
"""Layers whose textures are compared, and the windows in which, px of their features: 16 px of the
image, as in EnhanceNet."""


def squeezenet(weights: Path) -> FeatureExtractor:
    """Builds torchvision's ``squeezenet1_1`` with parameters from a file.

    Args:
        weights: State dict with torchvision's names; ``classifier.*`` is ignored and may be absent.

    Returns:
        Features named by the index of their layer, ``1`` to ``12`` (:data:`LAYERS`), with 64, 128,
        256, 384, 384, 512 and 512 channels.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged or of another network.
    """
    from torchvision.models import squeezenet1_1

    with torch.device("meta"):  # the random parameters would cost time and the generator's state
        trunk = squeezenet1_1(weights=None).features
    trunk = without_inplace(load_features(trunk, weights, network="SqueezeNet 1.1"))
    return FeatureExtractor(trunk.children(), {index: str(index) for index in LAYERS})
