"""LPIPS and DISTS with their published weights, through torchmetrics.

torchmetrics brings the fitted weights of both. Their backbones are torchvision's networks, whose
files must lie in PyTorch's folder: they are not downloaded unasked.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Literal

import torch

from realesr.errors import MissingExtraError, MissingWeightsError, UnsupportedCheckpointError
from realesr.perceptual.judge import Pixels, as_batch
from realesr.weights.fetch import sha256_of

Name = Literal["lpips", "lpips-vgg", "lpips-squeeze", "dists"]

BACKBONES: dict[Name, str] = {
    "lpips": "AlexNet_Weights",
    "lpips-vgg": "VGG16_Weights",
    "lpips-squeeze": "SqueezeNet1_1_Weights",
    "dists": "VGG16_Weights",
}
"""torchvision's weights of each measure's backbone."""
_NETS: dict[Name, str] = {"lpips": "alex", "lpips-vgg": "vgg", "lpips-squeeze": "squeeze"}


class PublishedJudge:
    """Measures the perceptual distance of two images; 0 for equal ones, less is nearer.

    LPIPS: Zhang et al., 2018 (arXiv 1801.03924), version 0.1; ``lpips`` on AlexNet, as in papers.
    DISTS: Ding et al., 2020 (arXiv 2004.07728), which forgives resampled textures.

    Args:
        name: The measure.
        device: Device that it runs on.

    Raises:
        MissingExtraError: torchmetrics is not installed.
        MissingWeightsError: The file of the backbone is not there.
        UnsupportedCheckpointError: The file is damaged, or of another network: distances would look
            right and be of another measure.
    """

    def __init__(self, name: Name, device: torch.device | str = "cpu") -> None:
        try:
            measures = importlib.import_module("torchmetrics.image")
        except ImportError as error:
            raise MissingExtraError(
                f"`metrics` {name} needs torchmetrics, of the extra `evaluate`: "
                'pip install "realesr[evaluate]"'
            ) from error
        _require_backbone(name)
        self._device = device
        if name == "dists":
            self._measure = measures.DeepImageStructureAndTextureSimilarity()
        else:
            self._measure = measures.LearnedPerceptualImagePatchSimilarity(
                net_type=_NETS[name], normalize=True
            )
        self._measure.to(device)

    @torch.inference_mode()
    def __call__(self, first: Pixels, second: Pixels) -> float:
        """Returns the distance.

        Args:
            first: (H, W, 3) RGB, uint8 or uint16, full range.
            second: Image of the same shape and dtype.
        """
        one, other = (as_batch(each, self._device) for each in (first, second))
        distance = float(self._measure(one, other))
        self._measure.reset()
        return distance


def _require_backbone(name: Name) -> None:
    """Raises ``MissingWeightsError`` unless PyTorch's folder has the file.

    Raises:
        UnsupportedCheckpointError: It is another file; torchvision's names end with the beginning
            of the SHA-256.
    """
    import torchvision

    url: str = getattr(torchvision.models, BACKBONES[name]).DEFAULT.url
    folder = Path(torch.hub.get_dir(), "checkpoints")
    file = folder / url.rsplit("/", 1)[1]
    if not file.is_file():
        raise MissingWeightsError(f"`metrics` {name} needs {file}: put the file of {url} there")
    beginning = file.stem.rpartition("-")[2]
    if not sha256_of(file).startswith(beginning):
        raise UnsupportedCheckpointError(
            f"{file} is not the file of {url}: its SHA-256 does not begin with {beginning}. "
            f"`metrics` {name} needs that one there"
        )
