"""A bound on the memory that the construction of a foreign network may take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

MAX_RATIO = 4
"""Largest ratio of the memory to that of the parameters in the file. They are built once and copied
once; masks and indices of attention windows come in addition."""
SLACK_BYTES = 256 * 2**20
"""Memory that is never refused, bytes."""


class TooLargeError(Exception):
    """The network would be far larger than the parameters in its file."""


class BoundedConstruction(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses, while it is entered, to make tensors that are larger together than a bound.

    A library derives the sizes of a network from a few shapes and names in a file. Those of a
    hostile file are small, and lead to networks that fill the memory. Every operation is tried on
    tensors without values first, which tells the size of its result.

    Args:
        parameters: Parameters in the file.
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        held = sum(tensor.nbytes for tensor in parameters.values())
        self._left_bytes = MAX_RATIO * held + SLACK_BYTES

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Carries out an operation if the size of its result is within the bound.

        Raises:
            TooLargeError: It is not.
        """
        kwargs = dict(kwargs or {})
        if not _writes_in_place(func):
            self._left_bytes -= _result_bytes(func, args, kwargs)
            if self._left_bytes < 0:
                raise TooLargeError
        return func(*args, **kwargs)


def _writes_in_place(func: Any) -> bool:
    schema = func._schema
    return any(value.alias_info is not None for value in schema.returns)


def _result_bytes(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Returns the size of the result, bytes; 0 if that depends on values."""
    try:
        on_meta = tree_map_only(Tensor, lambda tensor: tensor.to("meta"), (args, dict(kwargs)))
        if "device" in {argument.name for argument in func._schema.arguments}:
            on_meta[1]["device"] = torch.device("meta")
        results, _ = tree_flatten(func(*on_meta[0], **on_meta[1]))
    except Exception:  # an operation without such an implementation
        return 0
    tensors = [each for each in results if isinstance(each, Tensor)]
    return sum(math.prod(each.shape) * each.element_size() for each in tensors)
