"""VGG19's features (Simonyan and Zisserman, 2015, arXiv 1409.1556)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from torch import nn

from realesr.errors import InvalidOptionError, UnsupportedCheckpointError
from realesr.perceptual.extractor import FeatureExtractor, without_inplace
from realesr.weights.torch_checkpoint import load_state_dict

ESRGAN_LAYERS: Mapping[str, float] = MappingProxyType(
    {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
)
"""Layers before the activation with their weights (Real-ESRGAN's recipe)."""
SRGAN_LAYERS: Mapping[str, float] = MappingProxyType({"relu5_4": 1 / 12.75**2})
"""The last layer after the activation; SRGAN divides features by 12.75 (section 3.2)."""

_BLOCKS = (2, 2, 4, 4, 4)


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
        weights: State dict with torchvision's names; the classifier is not needed.
        layers: Names of :func:`layer_names`.

    Raises:
        InvalidOptionError: A layer is unknown.
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: It is damaged or of another network.
    """
    from torchvision.models import vgg19 as make_vgg19

    known = layer_names()
    for name in layers:
        if name not in known:
            raise InvalidOptionError(f"VGG19 has no layer {name!r}; known: {', '.join(known)}")
    wanted = {known.index(name): name for name in layers}
    trunk = nn.Sequential(*list(make_vgg19(weights=None).features.children())[: max(wanted) + 1])
    prefix = "features."
    found = load_state_dict(weights)
    state = {name: found.get(prefix + name) for name in trunk.state_dict()}
    try:
        trunk.load_state_dict(state)
    except (RuntimeError, AttributeError) as error:
        raise UnsupportedCheckpointError(f"{weights} is no VGG19 of torchvision") from error
    return FeatureExtractor(without_inplace(trunk).children(), wanted)
