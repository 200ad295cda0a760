"""A loss on lightness and color of blurred images, against shifts that pixel losses forgive.

The idea is the consistency loss of the neosr trainer: a color shift is a difference that remains
after a blur, and the other losses judge fine detail.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIGMA = 3.0
"""Standard deviation of the blur, px."""
KERNEL_SIZE = 21

_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_CHROMA = (
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
"""Linear sRGB to cone responses, and their cube roots to Oklab's a and b (Ottosson, 2020)."""
_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Linear sRGB to relative luminance (IEC 61966-2-1)."""
_SMALLEST = 1e-4
"""Below this, cube roots would have gradients without bound."""


class Consistency(nn.Module):
    """Compares lightness (CIE L*) and chroma (Oklab) of blurred images by L1.

    Args:
        luma_weight: Factor on the difference of L*, which is scaled to [0, 1].
        chroma_weight: Factor on the difference of Oklab's a and b.
    """

    def __init__(self, *, luma_weight: float = 1.0, chroma_weight: float = 1.0) -> None:
        super().__init__()
        self._luma_weight = luma_weight
        self._chroma_weight = chroma_weight
        axis = torch.arange(KERNEL_SIZE, dtype=torch.float32) - KERNEL_SIZE // 2
        line = torch.exp(-0.5 * (axis / SIGMA) ** 2)
        self.register_buffer("_line", line / line.sum())
        self.register_buffer("_to_lms", torch.tensor(_TO_LMS))
        self.register_buffer("_to_chroma", torch.tensor(_TO_CHROMA))
        self.register_buffer("_luminance", torch.tensor(_LUMINANCE))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Returns the loss, a scalar.

        Args:
            sr: (N, 3, H, W) RGB, nominally in [0, 1]; H and W are above 10 px.
            hr: (N, 3, H, W) RGB, clean.
        """
        with torch.autocast(sr.device.type, enabled=False):
            first, second = (self._perceived(self._blurred(each.float())) for each in (sr, hr))
            luma = F.l1_loss(first[0], second[0])
            chroma = F.l1_loss(first[1], second[1])
        return self._luma_weight * luma + self._chroma_weight * chroma

    def _blurred(self, image: Tensor) -> Tensor:
        channels, reach = image.shape[1], KERNEL_SIZE // 2
        line = self.get_buffer("_line").expand(channels, 1, 1, -1)
        padded = F.pad(image, (reach,) * 4, mode="reflect")
        rows = F.conv2d(padded, line, groups=channels)
        return F.conv2d(rows, line.transpose(2, 3), groups=channels)

    def _perceived(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns L* in [0, 1], (N, H, W), and Oklab's a and b, (N, 2, H, W)."""
        linear = _linear(image)
        luminance = torch.einsum("nchw,c->nhw", linear, self.get_buffer("_luminance"))
        threshold = (6 / 29) ** 3
        root = luminance.clamp(min=threshold).pow(1 / 3)
        lightness = torch.where(luminance > threshold, 1.16 * root - 0.16, 9.033 * luminance)
        lms = torch.einsum("nchw,lc->nlhw", linear, self.get_buffer("_to_lms"))
        roots = lms.clamp(min=_SMALLEST).pow(1 / 3)
        return lightness, torch.einsum("nlhw,al->nahw", roots, self.get_buffer("_to_chroma"))


def _linear(image: Tensor) -> Tensor:
    """Removes sRGB's gamma; outside [0, 1] the curve is extended."""
    curve = ((image.clamp(min=0.04045) + 0.055) / 1.055).pow(2.4)
    return torch.where(image > 0.04045, curve, image / 12.92)
