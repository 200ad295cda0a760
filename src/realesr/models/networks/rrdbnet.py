"""RRDBNet: the residual-in-residual dense network of ESRGAN and Real-ESRGAN.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018 (arXiv
1809.00219, section 3.1). For scales 2 and 1 the input is first pixel-unshuffled by 2 and 4 (Wang
et al., 2021, arXiv 2107.10833, section 3.3), so that the body always works at a quarter of the
output's side. At 8x it works at an eighth, as training frameworks have extended it: a third
convolution, ``conv_up3``, follows another upscaling. Parameter names are those of the published
checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realesr.models.architectures.rrdbnet import (
    NEGATIVE_SLOPE,
    RESIDUAL_SCALE,
    UPSAMPLING_REACH,
    RRDBNetConfig,
)
from realesr.models.networks.base import Carrier, SRNetwork, StripUpsampling


class ResidualDenseBlock(nn.Module):
    """Five densely connected 3x3 convolutions with a scaled residual.

    Args:
        num_feat: Channels in and out.
        num_grow_ch: Channels that each of the first four convolutions adds.
    """

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_grow_ch, 3, padding=1)
        self.conv2 = nn.Conv2d(num_feat + num_grow_ch, num_grow_ch, 3, padding=1)
        self.conv3 = nn.Conv2d(num_feat + 2 * num_grow_ch, num_grow_ch, 3, padding=1)
        self.conv4 = nn.Conv2d(num_feat + 3 * num_grow_ch, num_grow_ch, 3, padding=1)
        self.conv5 = nn.Conv2d(num_feat + 4 * num_grow_ch, num_feat, 3, padding=1)
        self.lrelu = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        x0 = x.to(self.conv1.weight.dtype)  # in mixed precision the residual stream is finer
        x1 = self.lrelu(self.conv1(x0))
        x2 = self.lrelu(self.conv2(torch.cat((x0, x1), 1)))
        x3 = self.lrelu(self.conv3(torch.cat((x0, x1, x2), 1)))
        x4 = self.lrelu(self.conv4(torch.cat((x0, x1, x2, x3), 1)))
        x5: Tensor = self.conv5(torch.cat((x0, x1, x2, x3, x4), 1))
        return x5.to(x.dtype) * RESIDUAL_SCALE + x


class RRDB(nn.Module):
    """Residual in residual: three dense blocks in a row with a scaled residual around them."""

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(num_feat, num_grow_ch)
        self.rdb2 = ResidualDenseBlock(num_feat, num_grow_ch)
        self.rdb3 = ResidualDenseBlock(num_feat, num_grow_ch)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to the same shape."""
        out: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return out * RESIDUAL_SCALE + x


class RRDBNet(SRNetwork):
    """The ESRGAN generator. See :class:`realesr.models.networks.base.SRModel`.

    Args:
        num_feat: Channels of the intermediate features.
        num_block: Number of RRDB blocks (23 in x4plus and x2plus, 6 in x4plus_anime_6B).
        num_grow_ch: Channels that each convolution of a dense block adds.
        scale: 8, 4, 2 or 1. At 2 and 1 the input's sides must be multiples of 2 and 4.
        channels: Channels of the input and of the result.

    Raises:
        ValueError: No RRDBNet has such numbers.
    """

    def __init__(
        self,
        *,
        num_feat: int = 64,
        num_block: int = 23,
        num_grow_ch: int = 32,
        scale: int = 4,
        channels: int = 3,
    ) -> None:
        config = RRDBNetConfig(
            num_feat=num_feat,
            num_block=num_block,
            num_grow_ch=num_grow_ch,
            scale=scale,
            channels=channels,
        )
        super().__init__(config)
        self._steps = config.upsampling_steps
        self.conv_first = nn.Conv2d(channels * self.multiple_of**2, num_feat, 3, padding=1)
        self.body = nn.Sequential(*(RRDB(num_feat, num_grow_ch) for _ in range(num_block)))
        self.conv_body = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_up1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_up2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        if self._steps == 3:
            self.conv_up3 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_hr = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_last = nn.Conv2d(num_feat, channels, 3, padding=1)
        self.lrelu = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)

    @property
    def low_precision_part(self) -> nn.Sequential:
        """The RRDB blocks. The other layers, a tenth of the work, keep the higher precision."""
        return self.body

    @property
    def strip_upsampling(self) -> StripUpsampling:
        """Features and upsampling; the upsampling needs 16 times the memory of the features."""
        factor = 2**self._steps
        return StripUpsampling(self.extract_features, self.upsample, factor, UPSAMPLING_REACH)

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The convolutions around the long skip; none where the input is pixel-unshuffled."""
        if self.multiple_of > 1:
            return ()
        steps = [self.conv_up1, self.conv_up2]
        if self._steps == 3:
            steps.append(self.conv_up3)
        return tuple(map(Carrier, (self.conv_first, *steps, self.conv_hr, self.conv_last)))

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The last convolution of the body."""
        return (self.conv_body,)

    def forward(self, x: Tensor) -> Tensor:
        """Upscales (N, channels, H, W) in [0, 1] by ``scale``, not clamped."""
        return self.upsample(self.extract_features(x))

    def extract_features(self, x: Tensor) -> Tensor:
        """Maps (N, channels, H, W) to (N, num_feat, H / multiple_of, W / multiple_of)."""
        if self.multiple_of > 1:
            x = F.pixel_unshuffle(x, self.multiple_of)
        features: Tensor = self.conv_first(x)
        out: Tensor = features + self.conv_body(self.body(features))
        return out

    def upsample(self, features: Tensor) -> Tensor:
        """Maps (N, num_feat, H, W) to (N, channels, 4 * H, 4 * W), or twice that size for 8x."""
        features = self.lrelu(self.conv_up1(F.interpolate(features, scale_factor=2)))
        features = self.lrelu(self.conv_up2(F.interpolate(features, scale_factor=2)))
        if self._steps == 3:
            features = self.lrelu(self.conv_up3(F.interpolate(features, scale_factor=2)))
        out: Tensor = self.conv_last(self.lrelu(self.conv_hr(features)))
        return out
