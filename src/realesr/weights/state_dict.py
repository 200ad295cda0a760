"""Operations on state dicts, whose values are arrays or tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from realesr.errors import UnsupportedCheckpointError

if TYPE_CHECKING:
    from torch import Tensor

Values = TypeVar("Values", NDArray[np.float32], "Tensor")
Value = TypeVar("Value")

WRAPPER_KEYS = (
    *("params_ema", "params-ema", "net_g_ema", "generator_ema", "g_ema", "model_ema", "ema"),
    *("state_dict_ema", "ema_state_dict", "model_ema_state_dict", "ema_model"),
    *("params", "model_state_dict", "state_dict", "net_g", "netG", "generator", "g", "model"),
    *("generator_state_dict", "netG_state_dict", "model_g", "G"),
    *("network", "net", "weights", "module"),
)
"""Keys of the state dict in checkpoints, the preferred ones first: moving averages, what published
files use, and what training code uses (BasicSR, KAIR, traiNNer, PyTorch Lightning, timm,
DeepSpeed)."""
MAX_WRAPPERS = 4
"""Depth to which state dicts are looked for."""

_PREFIXES = ("module.", "_orig_mod.", "params_ema.", "params.", "state_dict.")
"""Prefixes that all names may have: those of ``DataParallel`` and ``torch.compile``, and keys of
wrappers in safetensors files."""
_GENERATORS = ("net_g_ema.", "generator_ema.", "ema_model.", "net_g.", "netG.", "generator.")
"""Prefixes of the generator among other networks, the preferred ones first."""
_COUNTS = frozenset({"n_averaged"})
"""Numbers beside the parameters: those of PyTorch's ``AveragedModel``."""
_MODEL_PREFIX = re.compile(r"model\.(?=[^\d.])")
"""Lightning's usual prefix; ``model.0`` is a name of the first ESRGAN."""


def find_state(content: Any, is_tensor: Callable[[Any], bool]) -> dict[str, Any] | None:
    """Finds the state dict in a checkpoint.

    Args:
        content: A state dict, or a dict that holds it under one of :data:`WRAPPER_KEYS`, beside
            anything else.
        is_tensor: Tells tensors from other values.

    Returns:
        The tensors of the state dict by name, without other values and without the prefixes that
        wrappers add; None if there is no tensor.
    """
    state = _find(content, is_tensor, MAX_WRAPPERS)
    return None if state is None else without_prefixes(state)


def _find(content: Any, is_tensor: Callable[[Any], bool], depth: int) -> dict[str, Any] | None:
    if not isinstance(content, Mapping) or not depth:
        return None
    for key in WRAPPER_KEYS:
        found = _find(content.get(key), is_tensor, depth - 1)
        if found is not None:
            return found
    state = {name: v for name, v in content.items() if isinstance(name, str) and is_tensor(v)}
    if state:
        return state
    inner = [value for value in content.values() if isinstance(value, Mapping)]
    return _find(inner[0], is_tensor, depth - 1) if len(inner) == 1 else None


def without_prefixes(state: Mapping[str, Value]) -> dict[str, Value]:
    """Removes the prefixes that wrappers add to all names of a state dict.

    If only a part of the names has the prefix of a generator, the others belong to a discriminator
    or a loss, and are left out.
    """
    state = dict(state)
    while (shorter := _without_prefix(state)) is not None:
        state = shorter
    return state


def _without_prefix(state: dict[str, Value]) -> dict[str, Value] | None:
    """Removes one prefix; None if there is none."""
    if len(state) > 1 and state.keys() & _COUNTS:
        return {name: value for name, value in state.items() if name not in _COUNTS}
    for prefix in (*_PREFIXES, *_GENERATORS):
        length = len(prefix)
        chosen = {name[length:]: v for name, v in state.items() if name.startswith(prefix)}
        is_alone = len(chosen) == len(state)
        if chosen and "" not in chosen and (is_alone or prefix in _GENERATORS):
            return chosen
    if state and all(map(_MODEL_PREFIX.match, state)):
        return {name.removeprefix("model."): value for name, value in state.items()}
    return None


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
