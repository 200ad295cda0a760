"""Which device the network runs on."""

from __future__ import annotations

import ctypes
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from realesr.errors import DeviceUnavailableError

_CUDA_DRIVERS = ("libcuda.so.1", "nvcuda.dll")
_IS_FOR_AMD = re.compile(r"^hip\b.*=\s*['\"]", re.MULTILINE)


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
            f"`device` {name}: PyTorch sees {torch.cuda.device_count()} CUDA devices here; "
            "use `device` auto or cpu, or check the driver with nvidia-smi"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailableError("`device` mps: there is no Metal device here; use auto or cpu")
    return name


def may_have_gpu() -> bool:
    """Whether it is worth asking PyTorch, which takes seconds to import, for a GPU.

    NVIDIA's driver is asked itself how many there are. A PyTorch that was built for AMD's, or for
    Metal, is always asked.
    """
    if sys.platform == "darwin" or _is_built_for_amd():
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


def _is_built_for_amd() -> bool:
    """As PyTorch says without being imported."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        version = Path(spec.origin).with_name("version.py").read_text()
    except OSError:
        return False
    return _IS_FOR_AMD.search(version) is not None
