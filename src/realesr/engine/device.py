"""Which device the network runs on."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from realesr.errors import DeviceUnavailableError

_CUDA_DRIVERS = ("libcuda.so.1", "nvcuda.dll")
_AMD_DRIVER = Path("/dev/kfd")


def kind_of(device: str) -> str:
    """``cpu``, ``cuda`` or ``mps``, without a number."""
    return device.partition(":")[0]


def resolve_device(name: str) -> str:
    """Turns ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` into a device of this machine.

    ``auto`` is the first CUDA device, else MPS, else the CPU. PyTorch is imported only where there
    may be something else than a CPU.

    Raises:
        DeviceUnavailableError: This machine, or this build of PyTorch, does not have the device.
    """
    if name == "cpu" or (name == "auto" and not may_have_gpu()):
        return "cpu"
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceUnavailableError(
            f"--device {name}: PyTorch sees {torch.cuda.device_count()} CUDA devices here; "
            "use --device auto or cpu, or check the driver with nvidia-smi"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailableError("--device mps: there is no Metal device here; use auto or cpu")
    return name


def may_have_gpu() -> bool:
    """Whether it is worth asking PyTorch, which takes seconds to import, for a GPU.

    NVIDIA's driver is asked itself how many there are.
    """
    if sys.platform == "darwin" or _AMD_DRIVER.exists():
        return True
    for driver in _CUDA_DRIVERS:
        try:
            cuda = ctypes.CDLL(driver)
            count = ctypes.c_int(0)
            if cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0:
                return count.value > 0
        except (OSError, AttributeError):
            continue
    return False
