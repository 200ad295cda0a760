"""Operations on state dicts, whose values are arrays or tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from realesr.errors import UnsupportedCheckpointError

if TYPE_CHECKING:
    from torch import Tensor

Values = TypeVar("Values", NDArray[np.float32], "Tensor")

WRAPPER_KEYS = ("params_ema", "params")
"""Keys of the state dict in published checkpoints; the moving average comes first."""


def unwrap(content: Any) -> Any:
    """Returns the state dict in a checkpoint; the content itself if there is no wrapper."""
    for key in WRAPPER_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            return content[key]
    return content


def interpolate(
    first: Mapping[str, Values], second: Mapping[str, Values], weight: float
) -> dict[str, Values]:
    """Mixes two networks of the same architecture, parameter by parameter.

    Deep network interpolation (Wang et al., 2019, arXiv 1811.10515).

    Args:
        first: Parameters by name, with the weight ``weight``.
        second: Parameters by name, with the weight 1 - ``weight``.
        weight: Weight of the first network, 0 to 1.

    Raises:
        UnsupportedCheckpointError: Names or shapes of the parameters differ.
    """
    if {name: v.shape for name, v in first.items()} != {n: v.shape for n, v in second.items()}:
        raise UnsupportedCheckpointError("two networks that differ in size cannot be mixed")
    return {name: weight * values + (1 - weight) * second[name] for name, values in first.items()}
