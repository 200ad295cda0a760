"""Networks of other architectures, detected and built by spandrel."""

from __future__ import annotations

from pathlib import Path

from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError
from torch import Tensor, nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.architecture import COLORS, MAX_SCALE
from realesr.models.networks.base import StripUpsampling
from realesr.models.networks.bounded import BoundedConstruction, TooLargeError
from realesr.weights.limits import plain
from realesr.weights.torch_checkpoint import StateDict

_UNKNOWN_RADIUS = 10**6
_UNKNOWN_ACTIVATION_VALUES = 4096
"""Assumed peak per input px: more than any network of this package at x4 (RRDBNet: 2304 at 64
features)."""


class SpandrelModel(nn.Module):
    """Adapter of a spandrel network to :class:`~realesr.models.networks.base.SRModel`.

    Args:
        descriptor: Network that spandrel has detected and loaded.
    """

    strip_upsampling: StripUpsampling | None = None
    receptive_radius = _UNKNOWN_RADIUS
    peak_activations_per_pixel = _UNKNOWN_ACTIVATION_VALUES

    def __init__(self, descriptor: ImageModelDescriptor) -> None:
        super().__init__()
        requirements = descriptor.size_requirements
        self.architecture = descriptor.architecture.name
        self.scale = descriptor.scale
        self.multiple_of = max(1, requirements.multiple_of)
        self.min_size = max(1, requirements.minimum)
        self.channels = descriptor.input_channels
        self._needs_square = requirements.square
        self.network = descriptor.model

    @property
    def low_precision_part(self) -> nn.ModuleList:
        """Empty part, because it is unknown which layers tolerate rounding."""
        return nn.ModuleList()

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        if not self._needs_square:
            out: Tensor = self.network(x)
            return out
        height, width = x.shape[-2:]
        side = max(height, width)
        squared = nn.functional.pad(x, (0, side - width, 0, side - height), mode="replicate")
        out = self.network(squared)
        return out[..., : height * self.scale, : width * self.scale]


def load_with_spandrel(path: Path, state: StateDict) -> SpandrelModel:
    """Loads a state dict with spandrel.

    Raises:
        UnsupportedCheckpointError: spandrel does not know the architecture, the parameters do not
            fit, the network would be far larger than they are, or it does not upscale images.
    """
    try:
        with BoundedConstruction(state):
            descriptor = ModelLoader().load_from_state_dict(dict(state))
    except UnsupportedModelError as error:
        names = plain(", ".join(list(state)[:3]))
        raise UnsupportedCheckpointError(
            f"{path} is of an unknown architecture (parameters: {names}, ...); RRDBNet, "
            "SRVGGNetCompact, those of docs/lineage.md and those that spandrel knows can be loaded"
        ) from error
    except TooLargeError as error:
        raise UnsupportedCheckpointError(
            f"{path} is refused: its network would take far more memory than the parameters in it"
        ) from error
    except Exception as error:  # spandrel computes sizes from shapes, and takes the first for right
        reason = plain(" ".join(str(error).split()), 300)
        raise UnsupportedCheckpointError(
            f"{path} looks like a network that spandrel knows, but does not fit: "
            f"{reason or type(error).__name__}"
        ) from error
    if not isinstance(descriptor, ImageModelDescriptor) or not _upscales_images(descriptor):
        raise UnsupportedCheckpointError(
            f"{path} holds {descriptor.architecture.name}, which does not upscale RGB images"
        )
    return SpandrelModel(descriptor)


def _upscales_images(descriptor: ImageModelDescriptor) -> bool:
    channels = descriptor.input_channels, descriptor.output_channels
    return channels in ((1, 1), (COLORS, COLORS)) and 1 <= descriptor.scale <= MAX_SCALE
