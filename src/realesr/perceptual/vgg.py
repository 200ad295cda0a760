"""VGG19's features (Simonyan and Zisserman, 2015, arXiv 1409.1556)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch

from realesr.errors import InvalidOptionError
from realesr.perceptual.extractor import FeatureExtractor, load_features, without_inplace

ESRGAN_LAYERS: Mapping[str, float] = MappingProxyType(
    {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
)
"""Layers before the activation with their weights: the perceptual loss of Real-ESRGAN (Wang et
al., 2021, arXiv 2107.10833, section 4.1; ``train_realesrgan_x4plus.yml``)."""
SRGAN_LAYERS: Mapping[str, float] = MappingProxyType({"relu5_4": 1 / 12.75**2})
"""The last layer after the activation; SRGAN divides features by 12.75 (Ledig et al., 2017, arXiv
1609.04802, section 3.2), and squares."""

_BLOCKS = (2, 2, 4, 4, 4)
"""Convolutions between two poolings (configuration E of the paper)."""


def layer_names() -> list[str]:
    """Returns the names of all layers in order: ``conv1_1``, ``relu1_1``, ... ``pool5``."""
    names = []
    for block, count in enumerate(_BLOCKS, 1):
        for layer in range(1, count + 1):
            names += [f"conv{block}_{layer}", f"relu{block}_{layer}"]
        names.append(f"pool{block}")
    return names


def vgg19(weights: Path, layers: Sequence[str]) -> FeatureExtractor:
    """Builds torchvision's ``vgg19`` up to the deepest of some layers, with parameters from a file.

    Args:
        weights: State dict with torchvision's names; ``classifier.*`` is ignored and may be absent.
        layers: Names of :func:`layer_names`, at least one. ``conv`` is before the activation,
            ``relu`` after it.

    Returns:
        Features by these names, with 64, 128, 256, 512 and 512 channels in blocks 1 to 5.

    Raises:
        InvalidOptionError: A layer is unknown, or there is none.
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged or of another network.
    """
    from torchvision.models import vgg19 as make_vgg19

    known = layer_names()
    for name in layers:
        if name not in known:
            raise InvalidOptionError(f"VGG19 has no layer {name!r}; known: {', '.join(known)}")
    if not layers:
        raise InvalidOptionError(f"VGG19: name at least one layer of {', '.join(known)}")
    wanted = {known.index(name): name for name in layers}
    with torch.device("meta"):  # no memory for what is not needed, and no random parameters
        trunk = make_vgg19(weights=None).features
    trunk = load_features(trunk, weights, network="VGG19", depth=max(wanted) + 1)
    return FeatureExtractor(without_inplace(trunk).children(), wanted)
