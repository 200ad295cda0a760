"""Small networks with parameters that make every part of them matter."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from realesr.imaging.image import Image
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.weights.torch_checkpoint import save_weights


def randomized(network: nn.Module, seed: int = 0) -> nn.Module:
    """Draws every parameter so that activations keep their size from layer to layer."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(1, parameter[0].numel())
            parameter.normal_(
                0, (2 / fan_in) ** 0.5 if parameter.ndim > 1 else 0.2, generator=generator
            )
    return network.eval().requires_grad_(False)


def tiny_srvgg(scale: int = 4) -> SRVGGNetCompact:
    """A random network of radius 4 that stays near its nearest-neighbor base."""
    network = randomized(SRVGGNetCompact(num_feat=8, num_conv=2, scale=scale))
    assert isinstance(network, SRVGGNetCompact)
    network.body[-1].weight.mul_(0.1)
    network.body[-1].bias.mul_(0.1)
    return network


def tiny_weights(folder: Path, scale: int = 4) -> Path:
    """A file with the weights of :func:`tiny_srvgg`."""
    path = folder / f"tiny-x{scale}.safetensors"
    save_weights(tiny_srvgg(scale).state_dict(), path, dtype=torch.float32)
    return path


class Faulty(nn.Module):
    """Nearest-neighbor x2 that goes wrong for some of its inputs.

    Args:
        fault: Maps the upscaled tensor to what the network returns instead, or raises.
        min_size: As of any network.
    """

    strip_upsampling = None
    scale, multiple_of, receptive_radius, peak_activations_per_pixel = 2, 1, 0, 24

    def __init__(self, fault: Callable[[Tensor], Tensor], min_size: int = 1) -> None:
        super().__init__()
        self.fault = fault
        self.min_size = min_size

    @property
    def low_precision_part(self) -> nn.Module:
        """Nothing: it has no parameters."""
        return nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, 3, H, W) to (N, 3, 2 * H, 2 * W)."""
        return self.fault(nn.functional.interpolate(x, scale_factor=2))


def random_image(
    width: int, height: int, dtype: type = np.uint8, *, gray: bool = False, alpha: bool = False
) -> Image:
    """Noise of every level; the same for the same arguments."""
    rng = np.random.default_rng((width, height))
    shape = (height, width, 1 if gray else 3)
    levels = rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    pixels = np.repeat(levels, 3, axis=2) if gray else levels
    alpha = np.ascontiguousarray(levels[::-1, ::-1, 0]) if alpha else None
    return Image(pixels, is_gray=gray, alpha=alpha)
