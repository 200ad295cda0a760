from importlib.machinery import ModuleSpec

import pytest
import torch

from realesr.engine import device
from realesr.engine.device import resolve_device
from realesr.errors import DeviceUnavailableError


def test_auto_is_the_best_that_is_there():
    found = resolve_device("auto")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert found == "cpu"
    assert torch.zeros(1, device=found).item() == 0


def test_absent_devices_are_named():
    beyond = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(DeviceUnavailableError, match=beyond):
        resolve_device(beyond)


class Driver:
    """NVIDIA's, with so many devices."""

    def __init__(self, count, error=0):
        self.count, self.error = count, error

    def cuInit(self, flags):  # noqa: N802
        return self.error

    def cuDeviceGetCount(self, pointer):  # noqa: N802
        pointer._obj.value = self.count
        return 0


@pytest.mark.parametrize(
    ("driver", "may"), [(Driver(2), True), (Driver(0), False), (Driver(1, error=100), False)]
)
def test_the_driver_is_asked_how_many_gpus_there_are(monkeypatch, driver, may):
    monkeypatch.setattr(device.sys, "platform", "linux")
    monkeypatch.setattr(device, "_is_built_for_amd", lambda: False)
    monkeypatch.setattr(device.ctypes, "CDLL", lambda name: driver)
    assert device.may_have_gpu() == may


def test_without_a_driver_only_a_pytorch_for_others_is_asked(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(device.ctypes, "CDLL", absent)
    monkeypatch.setattr(device, "_is_built_for_amd", lambda: False)
    monkeypatch.setattr(device.sys, "platform", "win32")
    assert not device.may_have_gpu()
    monkeypatch.setattr(device.sys, "platform", "darwin")
    assert device.may_have_gpu()
    monkeypatch.setattr(device.sys, "platform", "linux")
    monkeypatch.setattr(device, "_is_built_for_amd", lambda: True)
    assert device.may_have_gpu()


@pytest.mark.parametrize(
    ("line", "is_for_amd"),
    [("hip: Optional[str] = '6.4.43484'", True), ("hip: Optional[str] = None", False), ("", False)],
)
def test_pytorch_tells_what_it_is_built_for(monkeypatch, tmp_path, line, is_for_amd):
    (tmp_path / "version.py").write_text(f"__all__ = ['cuda', 'hip']\ncuda = '13.2'\n{line}\n")
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(device, "find_spec", lambda name: spec)
    assert device._is_built_for_amd() == is_for_amd
