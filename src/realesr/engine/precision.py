"""In which precision the network runs."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from realesr.errors import UnsupportedPrecisionError

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Turns ``auto``, ``fp32``, ``fp16`` or ``bf16`` into what the network computes in.

    ``auto`` is half precision on CUDA and single precision elsewhere.

    Raises:
        UnsupportedPrecisionError: The device is slower, or does not work, in this precision.
    """
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if name == "fp16" and device.type == "cpu":
        raise UnsupportedPrecisionError(
            "--precision fp16 does not run on a CPU: use auto, fp32 or bf16"
        )
    if name == "bf16" and not has_bf16(device):
        raise UnsupportedPrecisionError(
            f"--precision bf16: {device} has no bf16 instructions and would be slower than with "
            "fp32: use auto or fp32"
        )
    return _DTYPES[name]


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware. An unknown CPU counts as one without."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        known: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(known.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False
