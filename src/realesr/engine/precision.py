"""Choice of the number formats that the network computes in."""

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
    """The number formats of a network; names of dtypes are PyTorch's.

    Attributes:
        name: Value of the option ``precision``.
        dtype: Format of input and output, and of all layers outside the low-precision part.
        low_precision_dtype: Format of the low-precision part
            (:attr:`realesr.models.networks.base.SRModel.low_precision_part`).
    """

    name: str
    dtype: str
    low_precision_dtype: str

    @property
    def itemsize(self) -> int:
        """Size of an input or output value, bytes."""
        return 4 if self.dtype == "float32" else 2


FP32 = Precision("fp32", "float32", "float32")
FP16 = Precision("fp16", "float16", "float16")
BF16 = Precision("bf16", "bfloat16", "bfloat16")
MIXED = Precision("mixed", "float32", "bfloat16")
_PRECISIONS = {each.name: each for each in (FP32, FP16, BF16, MIXED)}


def resolve_precision(name: str, device: str) -> Precision:
    """Turns ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``mixed`` into number formats.

    ``auto`` is half precision on CUDA. On a CPU it is the fastest format of PyTorch without a
    visible difference: bf16 in the low-precision part of the network if the CPU has instructions
    for it, else single precision. :func:`selects_native` decides whether the native engine is
    faster still.

    Raises:
        UnsupportedPrecisionError: The device does not support this precision, or is slower in it.
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
    """Returns whether the native engine is available and the fastest for this precision.

    It needs a quarter of the multiplications. PyTorch is faster only on a CPU that multiplies
    matrices in bf16 (AMX).
    """
    is_asked_for = name == "fp32" or (name == "auto" and not _has_amx())
    return device == "cpu" and is_asked_for and lanes() > 0


def has_bf16(device: str) -> bool:
    """Returns whether the device multiplies bf16 in hardware; false for an unknown CPU.

    Imports PyTorch.
    """
    import torch

    if kind_of(device) == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    known: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    is_known = any(known.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return kind_of(device) == "cpu" and is_known


def default_precision(device: str) -> Precision:
    """Returns the meaning of ``auto`` for networks that the native engine supports."""
    return FP32 if selects_native("auto", device) else resolve_precision("auto", device)


def _has_amx() -> bool:
    """Returns whether Linux reports AMX; the native engine exists only on Linux."""
    try:
        return "amx_bf16" in _CPU_FLAGS.read_text()
    except OSError:
        return False
