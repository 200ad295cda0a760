"""basicsr, the independent implementation that ours is compared with."""

import warnings
from importlib import import_module, util
from types import ModuleType

import pytest

from realesr.face.compatibility import restore_removed_torchvision_module


def basicsr(module: str) -> ModuleType:
    """Imports a module of basicsr; skips the test where it cannot be installed."""
    if util.find_spec("basicsr") is None:
        pytest.skip("needs basicsr, which PyPI has for Python < 3.13 only (extra `train`)")
    restore_removed_torchvision_module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module(f"basicsr.{module}")
