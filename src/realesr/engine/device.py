"""Which device the network runs on."""

from __future__ import annotations

import torch

from realesr.errors import DeviceUnavailableError


def resolve_device(name: str) -> torch.device:
    """Turns ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` into a device of this machine.

    ``auto`` is the first CUDA device, else MPS, else the CPU.

    Raises:
        DeviceUnavailableError: This machine, or this build of PyTorch, does not have the device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceUnavailableError(
            f"--device {name}: PyTorch sees {torch.cuda.device_count()} CUDA devices here; "
            "use --device auto or cpu, or check the driver with nvidia-smi"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailableError("--device mps: there is no Metal device here; use auto or cpu")
    return device
