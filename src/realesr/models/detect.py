"""Recognising an architecture from the names and shapes of its parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from torch import nn

from realesr.models.checkpoint import StateDict
from realesr.models.rrdbnet import RRDBNet
from realesr.models.srvgg import SRVGGNetCompact

_SRVGG_WEIGHT = re.compile(r"body\.(\d+)\.weight")
_RRDB_BLOCK = re.compile(r"body\.(\d+)\.rdb1\.conv1\.weight")


def _build_srvgg(state: StateDict) -> SRVGGNetCompact:
    # A safetensors file has its names sorted as text: body.10 comes before body.2.
    layers = {int(m[1]): state[name] for name in state if (m := _SRVGG_WEIGHT.fullmatch(name))}
    convolutions = [layers[index] for index in sorted(layers) if layers[index].ndim == 4]
    return SRVGGNetCompact(
        num_feat=convolutions[0].shape[0],
        num_conv=len(convolutions) - 2,
        scale=math.isqrt(convolutions[-1].shape[0] // 3),
    )


def _build_rrdbnet(state: StateDict) -> RRDBNet:
    num_feat, channels = state["conv_first.weight"].shape[:2]
    blocks = [int(match[1]) for name in state if (match := _RRDB_BLOCK.fullmatch(name))]
    return RRDBNet(
        num_feat=num_feat,
        num_block=max(blocks) + 1,
        num_grow_ch=state["body.0.rdb1.conv1.weight"].shape[0],
        scale=4 // math.isqrt(channels // 3),
    )


ARCHITECTURES: tuple[tuple[frozenset[str], Callable[[StateDict], nn.Module]], ...] = (
    (
        frozenset({"conv_first.weight", "body.0.rdb1.conv1.weight", "conv_hr.weight"}),
        _build_rrdbnet,
    ),
    (frozenset({"body.0.weight", "body.1.weight", "body.2.weight"}), _build_srvgg),
)
"""Tried in this order: parameters that must be there, and how the rest tells the sizes."""


def build_network(state: StateDict) -> nn.Module | None:
    """Makes the network that a state dict belongs to, with random parameters.

    Returns:
        A module that is an :class:`~realesr.models.base.SRModel`, or None if the parameters are of
        no architecture known here.
    """
    for required, build in ARCHITECTURES:
        if required <= state.keys():
            return build(state)
    return None
