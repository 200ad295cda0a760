"""In which precision the network runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from realesr.engine.device import kind_of
from realesr.engine.native.bindings import lanes
from realesr.errors import UnsupportedPrecisionError

_CPU_FLAGS = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Precision:
    """What a network computes in.

    Attributes:
        name: As it is asked for and told.
        dtype: Of tensors that go in and come out, and of all but the bulk: a name of PyTorch's.
        bulk: Of the network's bulk (:attr:`realesr.models.base.SRModel.bulk`).
    """

    name: str
    dtype: str
    bulk: str

    @property
    def itemsize(self) -> int:
        """What a value takes that goes in or comes out."""
        return 4 if self.dtype == "float32" else 2


FP32 = Precision("fp32", "float32", "float32")
FP16 = Precision("fp16", "float16", "float16")
BF16 = Precision("bf16", "bfloat16", "bfloat16")
MIXED = Precision("mixed", "float32", "bfloat16")
_PRECISIONS = {each.name: each for each in (FP32, FP16, BF16, MIXED)}


def resolve_precision(name: str, device: str) -> Precision:
    """Turns ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``mixed`` into what the network computes in.

    ``auto`` is half precision on CUDA. On a CPU it is what is fastest in PyTorch without showing:
    bf16 in the bulk of the network where there are instructions for it, else single precision.
    :func:`selects_native` tells where the native engine would be faster still.

    Raises:
        UnsupportedPrecisionError: The device is slower, or does not work, in this precision.
    """
    kind = kind_of(device)
    if name == "auto":
        if kind == "cuda":
            return FP16
        return MIXED if kind == "cpu" and has_bf16(device) else FP32
    if name == "fp16" and kind == "cpu":
        raise UnsupportedPrecisionError(
            "`precision` fp16 does not run on a CPU: use auto, fp32 or bf16"
        )
    if name in ("bf16", "mixed") and not has_bf16(device):
        raise UnsupportedPrecisionError(
            f"`precision` {name}: {device} has no bf16 instructions and would be slower than with "
            "fp32: use auto or fp32"
        )
    return _PRECISIONS[name]


def selects_native(name: str, device: str) -> bool:
    """Whether the native engine is there and does what is asked for, and fastest.

    It needs a quarter of the multiplications. Only where whole matrices are multiplied in bf16
    (AMX) is that in PyTorch faster.
    """
    is_asked_for = name == "fp32" or (name == "auto" and not _has_amx())
    return device == "cpu" and is_asked_for and lanes() > 0


def has_bf16(device: str) -> bool:
    """Whether the device multiplies bf16 in hardware; an unknown CPU counts as one without.

    Imports PyTorch.
    """
    import torch

    if kind_of(device) == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    known: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    is_known = any(known.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return kind_of(device) == "cpu" and is_known


def automatic(device: str) -> Precision:
    """What ``auto`` stands for with the networks that the native engine knows."""
    return FP32 if selects_native("auto", device) else resolve_precision("auto", device)


def _has_amx() -> bool:
    """As Linux tells, for which alone the native engine is made."""
    try:
        return "amx_bf16" in _CPU_FLAGS.read_text()
    except OSError:
        return False
