import pytest
import torch

from realesr.engine.device import resolve_device
from realesr.errors import DeviceUnavailableError


def test_auto_is_the_best_that_is_there():
    device = resolve_device("auto")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert device == "cpu"
    assert torch.zeros(1, device=device).item() == 0


def test_absent_devices_are_named():
    beyond = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(DeviceUnavailableError, match=beyond):
        resolve_device(beyond)
