import pytest
import torch

from realesr.engine.device import resolve_device, resolve_dtype
from realesr.errors import DeviceUnavailableError


def test_auto_is_the_best_that_is_there():
    device = resolve_device("auto")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert device == torch.device("cpu")
    assert torch.zeros(1, device=device).item() == 0


def test_absent_devices_are_named():
    beyond = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(DeviceUnavailableError, match=beyond):
        resolve_device(beyond)


@pytest.mark.parametrize(
    ("device", "fp32", "expected"),
    [
        ("cuda", False, torch.float16),
        ("cuda", True, torch.float32),
        ("cpu", False, torch.float32),
        ("mps", False, torch.float32),
    ],
)
def test_half_precision_is_for_cuda_alone(device, fp32, expected):
    assert resolve_dtype(torch.device(device), fp32=fp32) == expected
