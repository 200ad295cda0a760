"""Other names of the same parameters, as earlier or other versions of the code have them.

The names here are those of the networks in :mod:`realesr.models.networks`. What is unknown keeps
its names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")

_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean color of DIV2K, RGB in [0, 1], which BasicSR's EDSR keeps outside of its parameters."""
_LEVELS = 255

_FIRST_DENSE = re.compile(r"model\.1\.sub\.(\d+)\.RDB([123])\.conv([1-5])\.0\.(weight|bias)")
_FIRST_BODY = re.compile(r"model\.1\.sub\.(\d+)\.(weight|bias)")
_FIRST_OTHER = re.compile(r"model\.(\d+)\.(weight|bias)")
_SECOND_DENSE = re.compile(r"RRDB_trunk\.(\d+)\.RDB([123])\.conv([1-5])\.(weight|bias)")
_SECOND = {"trunk_conv": "conv_body", "HRconv": "conv_hr", "upconv": "conv_up"}
_EDSR_BLOCK = re.compile(r"body\.(\d+)\.conv([12])\.(weight|bias)")
_EDSR = {"conv_first": "head.0", "conv_last": "tail.1", "upsample": "tail.0"}
_PARTS = 2


def renamed(state: Mapping[str, Value]) -> dict[str, Value]:
    """Gives parameters the names of this package.

    Args:
        state: Parameters by name, arrays or tensors.

    Returns:
        The same parameters, with others that have constant values where a layout leaves them out.
    """
    for layout in (_first_esrgan, _second_esrgan):
        names = layout(state.keys())
        if names is not None:
            return {names[name]: value for name, value in state.items()}
    return _basicsr_edsr(state) or dict(state)


def _first_esrgan(names: Iterable[str]) -> dict[str, str] | None:
    """The first ESRGAN, ``model.0``, ``model.1.sub.0.RDB1.conv1.0`` and so on.

    Convolutions around the body are numbered with the layers between them, so that their numbers
    tell their order only.
    """
    found: dict[str, str] = {}
    others: dict[int, list[str]] = {}
    for name in names:
        if match := _FIRST_DENSE.fullmatch(name):
            block, dense, layer, kind = match.groups()
            found[name] = f"body.{block}.rdb{dense}.conv{layer}.{kind}"
        elif match := _FIRST_BODY.fullmatch(name):
            found[name] = f"conv_body.{match[2]}"
        elif match := _FIRST_OTHER.fullmatch(name):
            others.setdefault(int(match[1]), []).append(name)
        else:
            return None
    steps = len(others) - 3
    if len(found) <= _PARTS or steps not in (2, 3):
        return None
    ups = (f"conv_up{step}" for step in range(1, steps + 1))
    for number, place in zip(
        sorted(others), ("conv_first", *ups, "conv_hr", "conv_last"), strict=True
    ):
        for name in others[number]:
            found[name] = f"{place}.{name.rpartition('.')[2]}"
    return found


def _second_esrgan(names: Iterable[str]) -> dict[str, str] | None:
    """The second ESRGAN, ``RRDB_trunk.0.RDB1.conv1``, ``trunk_conv``, ``upconv1``, ``HRconv``."""
    found: dict[str, str] = {}
    for name in names:
        if match := _SECOND_DENSE.fullmatch(name):
            block, dense, layer, kind = match.groups()
            found[name] = f"body.{block}.rdb{dense}.conv{layer}.{kind}"
        else:
            found[name] = name
            for old, new in _SECOND.items():
                if name.startswith(old):
                    found[name] = new + name.removeprefix(old)
    is_whole = {"conv_body.weight", "conv_up2.weight", "conv_hr.weight"} <= set(found.values())
    return found if is_whole and any(map(_SECOND_DENSE.fullmatch, found)) else None


def _basicsr_edsr(state: Mapping[str, Value]) -> dict[str, Value] | None:
    """BasicSR's EDSR, ``conv_first``, ``body.0.conv1``, ``conv_after_body``, ``upsample.0``.

    The mean color is no parameter there (``edsr_arch.py``).
    """
    if not {"conv_after_body.weight", "body.0.conv1.weight", "upsample.0.weight"} <= state.keys():
        return None
    blocks = sum(name.endswith(".conv1.weight") for name in state)
    found: dict[str, Value] = {}
    for name, value in state.items():
        place, _, kind = name.rpartition(".")
        head, dot, rest = place.partition(".")
        if match := _EDSR_BLOCK.fullmatch(name):
            found[f"body.{match[1]}.body.{2 * int(match[2]) - 2}.{kind}"] = value
        elif place == "conv_after_body":
            found[f"body.{blocks}.{kind}"] = value
        elif head in _EDSR:
            found[f"{_EDSR[head]}{dot}{rest}.{kind}"] = value
        else:
            return None
    like = next(iter(state.values()))
    one, mean = np.eye(len(_MEAN), dtype=np.float32)[..., None, None], _LEVELS * np.array(_MEAN)
    means = {
        "sub_mean.weight": one,
        "sub_mean.bias": -mean,
        "add_mean.weight": one,
        "add_mean.bias": mean,
    }
    return found | {name: _like(values, like) for name, values in means.items()}


def _like(values: Any, other: Value) -> Any:
    """Returns an array, or a tensor if the other one is."""
    array = np.array(values, dtype=np.float32)
    if isinstance(other, np.ndarray):
        return array
    import torch

    return torch.from_numpy(array)
