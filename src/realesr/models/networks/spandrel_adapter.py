"""Networks of other architectures, recognized and built by spandrel."""

from __future__ import annotations

from pathlib import Path

from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError
from torch import Tensor, nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.networks.base import StripUpsampling
from realesr.weights.torch_checkpoint import StateDict

_UNKNOWN_RADIUS = 10**6
_UNKNOWN_ACTIVATION_VALUES = 4096
"""More than any network of our own at x4 holds (RRDBNet: 2304 at 64 features)."""


class SpandrelModel(nn.Module):
    """A network of spandrel's as a :class:`~realesr.models.networks.base.SRModel`.

    Args:
        descriptor: The network that spandrel has recognized and loaded.
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
        self._needs_square = requirements.square
        self.network = descriptor.model

    @property
    def low_precision_part(self) -> nn.ModuleList:
        """Nothing, because it is unknown what may be rounded."""
        return nn.ModuleList()

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) in [0, 1] to (N, 3, H * scale, W * scale), not clamped."""
        if not self._needs_square:
            out: Tensor = self.network(x)
            return out
        height, width = x.shape[-2:]
        side = max(height, width)
        squared = nn.functional.pad(x, (0, side - width, 0, side - height), mode="replicate")
        out = self.network(squared)
        return out[..., : height * self.scale, : width * self.scale]


def load_with_spandrel(path: Path, state: StateDict) -> SpandrelModel:
    """Lets spandrel recognize a state dict.

    Raises:
        UnsupportedCheckpointError: It does not, or the network is not for upscaling RGB images.
    """
    try:
        descriptor = ModelLoader().load_from_state_dict(dict(state))
    except UnsupportedModelError as error:
        names = ", ".join(list(state)[:3])
        raise UnsupportedCheckpointError(
            f"{path} is of an unknown architecture (parameters: {names}, ...); RRDBNet, "
            "SRVGGNetCompact and those that spandrel knows can be loaded"
        ) from error
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UnsupportedCheckpointError(
            f"{path} looks like a network that spandrel knows, but does not fit: {reason}"
        ) from error
    if not isinstance(descriptor, ImageModelDescriptor) or descriptor.input_channels != 3:
        raise UnsupportedCheckpointError(
            f"{path} holds {descriptor.architecture.name}, which does not upscale RGB images"
        )
    return SpandrelModel(descriptor)
