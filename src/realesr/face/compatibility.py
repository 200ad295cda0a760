"""A stand-in that lets PyPI's basicsr 1.4.2 be imported with current torchvision."""

from __future__ import annotations

import sys
from types import ModuleType

from torchvision.transforms import functional

REMOVED_MODULE = "torchvision.transforms.functional_tensor"
"""Made private in torchvision 0.17; ``basicsr.data.degradations`` takes one function from it."""


def restore_removed_torchvision_module() -> None:
    """Registers a stand-in for the removed module. Call it before basicsr is first imported."""
    stand_in = ModuleType(REMOVED_MODULE)
    stand_in.rgb_to_grayscale = functional.rgb_to_grayscale  # type: ignore[attr-defined]
    sys.modules.setdefault(REMOVED_MODULE, stand_in)
