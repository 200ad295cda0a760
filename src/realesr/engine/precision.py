"""In which precision the network runs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from realesr.engine.winograd import lanes
from realesr.errors import UnsupportedPrecisionError
from realesr.models.base import SRModel


@dataclass(frozen=True, slots=True)
class Precision:
    """What a network computes in.

    Attributes:
        name: As it is asked for and told.
        dtype: Of tensors that go in and come out, and of all but the bulk.
        bulk: Of the network's bulk (:attr:`realesr.models.base.SRModel.bulk`).
    """

    name: str
    dtype: torch.dtype
    bulk: torch.dtype

    def apply(self, exact: nn.Module) -> nn.Module:
        """The network in this precision: a copy, or the same one where nothing changes."""
        if self == FP32:
            return exact
        reduced = copy.deepcopy(exact).to(self.dtype)
        cast(SRModel, reduced).bulk.to(self.bulk)
        return reduced


FP32 = Precision("fp32", torch.float32, torch.float32)
FP16 = Precision("fp16", torch.float16, torch.float16)
BF16 = Precision("bf16", torch.bfloat16, torch.bfloat16)
MIXED = Precision("mixed", torch.float32, torch.bfloat16)
_PRECISIONS = {each.name: each for each in (FP32, FP16, BF16, MIXED)}


def resolve_precision(name: str, device: torch.device) -> Precision:
    """Turns ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``mixed`` into what the network computes in.

    ``auto`` is half precision on CUDA. On a CPU it is what is fastest without showing: single
    precision where the native convolution is there, which needs a quarter of the multiplications;
    else, and where whole matrices are multiplied in bf16 (AMX), bf16 in the bulk of the network;
    else single precision.

    Raises:
        UnsupportedPrecisionError: The device is slower, or does not work, in this precision.
    """
    if name == "auto":
        if device.type == "cuda":
            return FP16
        return _fastest_on_cpu() if device.type == "cpu" else FP32
    if name == "fp16" and device.type == "cpu":
        raise UnsupportedPrecisionError(
            "--precision fp16 does not run on a CPU: use auto, fp32 or bf16"
        )
    if name in ("bf16", "mixed") and not has_bf16(device):
        raise UnsupportedPrecisionError(
            f"--precision {name}: {device} has no bf16 instructions and would be slower than with "
            "fp32: use auto or fp32"
        )
    return _PRECISIONS[name]


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware. An unknown CPU counts as one without."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and _has_any("avx512_bf16", "amx_bf16", "bf16")


def _fastest_on_cpu() -> Precision:
    if lanes() and not _has_any("amx_bf16"):
        return FP32
    return MIXED if has_bf16(torch.device("cpu")) else FP32


def _has_any(*instructions: str) -> bool:
    known: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(name) for name in instructions)
