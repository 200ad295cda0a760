"""The networks of this package, rebuilt around the native convolution."""

from __future__ import annotations

import copy
import math
import threading
from itertools import cycle

import torch
from torch import Tensor, nn

from realesr.engine.winograd import CHANNELS, WinogradConv2d, lanes
from realesr.models.rrdbnet import RESIDUAL_SCALE, RRDB, ResidualDenseBlock, RRDBNet
from realesr.models.srvgg import SRVGGNetCompact

WASTE = 3
"""How many times as much room is kept as is asked for; smaller tiles mean that memory was short."""
SLACK = 1.15
"""How much more room is taken than asked for: tiles inside a picture are larger than the first."""


def accelerate(network: nn.Module) -> nn.Module:
    """The network with its 3x3 convolutions done natively, where that can be.

    Args:
        network: In float32 on a CPU, in evaluation mode. Not changed.

    Returns:
        A network for inference alone, whose results differ by rounding; the same one where the
        native part is missing, for another architecture, and where features are no multiples of
        16 channels.
    """
    if not lanes():
        return network
    if isinstance(network, SRVGGNetCompact) and network.num_feat % CHANNELS == 0:
        return _FastSRVGG(network)
    if isinstance(network, RRDBNet):
        return _accelerate_rrdbnet(network)
    return network


class _Room(threading.local):
    """Memory for features that is kept from tile to tile, for each thread: tiles differ in size,
    and the C library would find no place for one where another was.
    """

    def __init__(self) -> None:
        self._values = torch.empty(0)

    def __reduce__(self) -> tuple[type[_Room], tuple[()]]:
        """A copy is empty."""
        return _Room, ()

    def features(self, parts: int, like: Tensor, channels: int) -> Tensor:
        """(parts, N, channels, H, W) of undefined values, channels innermost, for (N, C, H, W)."""
        count, _, height, width = like.shape
        shape = (parts, count, height, width, channels)
        wanted = int(SLACK * math.prod(shape))
        if not math.prod(shape) <= self._values.numel() <= WASTE * wanted:
            with torch.inference_mode(False):
                self._values = torch.empty(0)  # before there is more
                self._values = torch.empty(wanted)
        return self._values[: math.prod(shape)].view(shape).permute(0, 1, 4, 2, 3)


def _fewer(features: Tensor, channels: int) -> Tensor | None:
    """The same memory for fewer channels, innermost; None where these are not fewer, or odd."""
    count, most, height, width = features.shape
    if channels > most or channels % CHANNELS:
        return None
    flat = features.permute(0, 2, 3, 1).reshape(-1)[: count * height * width * channels]
    return flat.view(count, height, width, channels).permute(0, 3, 1, 2)


class _FastSRVGG(nn.Module):
    """SRVGGNetCompact in two tensors of features, which take turns."""

    def __init__(self, network: SRVGGNetCompact) -> None:
        super().__init__()
        *inner, last = network.convolutions
        self.inner = nn.ModuleList(map(WinogradConv2d, inner, network.activations))
        self.last = WinogradConv2d(last)
        self.finish = network.finish
        self.num_feat = network.num_feat
        self._room = _Room()

    def forward(self, x: Tensor) -> Tensor:
        features = x
        rooms = self._room.features(2, x, self.num_feat)
        turns = cycle(rooms)
        for conv in self.inner:
            features = conv(features, out=next(turns))
        return self.finish(x, self.last(features, out=_fewer(next(turns), self.last.out_channels)))


class _FastDenseBlock(nn.Module):
    """A residual dense block in one tensor, to which every convolution adds its channels."""

    def __init__(self, block: ResidualDenseBlock) -> None:
        super().__init__()
        inner = (block.conv1, block.conv2, block.conv3, block.conv4)
        self.inner = nn.ModuleList(WinogradConv2d(conv, block.lrelu) for conv in inner)
        self.last = WinogradConv2d(block.conv5, gain=RESIDUAL_SCALE)
        self.num_feat, self.num_grow_ch = block.conv5.out_channels, block.conv1.out_channels

    def forward(self, channels: Tensor, out: Tensor) -> None:
        """Reads the first num_feat channels, fills the others, and writes the result to ``out``."""
        count = self.num_feat
        for conv in self.inner:
            conv(channels[:, :count], out=channels[:, count : count + self.num_grow_ch])
            count += self.num_grow_ch
        self.last(channels, residual=channels[:, : self.num_feat], out=out)


class _FastRRDB(nn.Module):
    """Residual in residual, in three tensors of all channels of a dense block."""

    def __init__(self, block: RRDB) -> None:
        super().__init__()
        self.rdb1 = _FastDenseBlock(block.rdb1)
        self.rdb2 = _FastDenseBlock(block.rdb2)
        self.rdb3 = _FastDenseBlock(block.rdb3)

    def forward(self, one: Tensor, two: Tensor, three: Tensor) -> None:
        """Changes the first num_feat channels of ``one``; the rest is room to work in."""
        num_feat = self.rdb1.num_feat
        self.rdb1(one, out=two[:, :num_feat])
        self.rdb2(two, out=three[:, :num_feat])
        self.rdb3(three, out=two[:, :num_feat])
        one[:, :num_feat].add_(two[:, :num_feat], alpha=RESIDUAL_SCALE)


class _FastBody(nn.Module):
    """All blocks of an RRDBNet."""

    def __init__(self, network: RRDBNet) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_FastRRDB(block) for block in network.blocks)
        self.channels = network.num_feat + 4 * network.num_grow_ch
        self._room = _Room()

    def forward(self, features: Tensor) -> Tensor:
        num_feat = features.shape[1]
        room = self._room.features(3, features, self.channels)
        room[0, :, :num_feat] = features
        for block in self.blocks:
            block(*room)
        return room[0, :, :num_feat]


def _accelerate_rrdbnet(network: RRDBNet) -> nn.Module:
    if network.num_feat % CHANNELS or network.num_grow_ch % CHANNELS or not network.num_block:
        return network
    return _with_modules(
        network,
        body=_FastBody(network),
        conv_first=WinogradConv2d(network.conv_first),
        conv_body=WinogradConv2d(network.conv_body),
        conv_up1=WinogradConv2d(network.conv_up1, network.lrelu),
        conv_up2=WinogradConv2d(network.conv_up2, network.lrelu),
        conv_hr=WinogradConv2d(network.conv_hr, network.lrelu),
        conv_last=WinogradConv2d(network.conv_last),
        lrelu=nn.Identity(),  # they do it themselves
    )


def _with_modules(network: nn.Module, **modules: nn.Module) -> nn.Module:
    """A copy that shares all other modules with the original."""
    changed = copy.copy(network)
    changed._modules = {**network._modules, **modules}
    return changed
