"""Reading and writing of weights files, without executing code from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.partial import write_whole
from realesr.weights.state_dict import unwrap

StateDict = dict[str, Tensor]


class Checkpoint(NamedTuple):
    """Content of a weights file.

    Attributes:
        state_dict: float32 tensors on the CPU, by the names of the parameters.
        metadata: Metadata of a safetensors file; empty for other files.
    """

    state_dict: StateDict
    metadata: Mapping[str, str]


def load_state_dict(path: Path) -> StateDict:
    """Reads a state dict; see :func:`load_checkpoint`."""
    return load_checkpoint(path).state_dict


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a state dict in float32 on the CPU, and the metadata of the file.

    Args:
        path: A ``.safetensors`` file, or a PyTorch file (``.pth``) that holds ``params_ema``,
            ``params``, or the state dict itself.

    Raises:
        MissingWeightsError: The file does not exist, or there is no permission to read it.
        UnsupportedCheckpointError: The file is damaged, would run code, or holds no state dict.
    """
    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such file of weights")
    try:
        path.open("rb").close()
    except OSError as error:
        raise MissingWeightsError(f"{path}: {error.strerror}") from error
    metadata: Mapping[str, str] = {}
    if path.suffix == ".safetensors":
        content, metadata = _read_safetensors(path)
    else:
        content = unwrap(_read_pickle(path))
    if not isinstance(content, Mapping) or not content:
        raise UnsupportedCheckpointError(f"{path} holds no state dict")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise UnsupportedCheckpointError(f"{path} holds no state dict: some values are no tensors")
    return Checkpoint({name: each.detach().float() for name, each in content.items()}, metadata)


def save_weights(
    state_dict: Mapping[str, Tensor],
    path: Path,
    *,
    dtype: torch.dtype = torch.float32,
    **metadata: str,
) -> None:
    """Writes a ``.safetensors`` file, which gets its name only when it is complete.

    Args:
        state_dict: Tensors by the names of the parameters.
        path: The file.
        dtype: Number format of the tensors in the file.
        **metadata: Metadata of the file.
    """
    tensors = {name: t.detach().to(dtype, copy=True).contiguous() for name, t in state_dict.items()}
    write_whole(path, save(tensors, metadata=metadata))


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Checkpoint(state, file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise UnsupportedCheckpointError(f"{path} is not a safetensors file: {error}") from error


def _read_pickle(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types, depending on where the file is damaged
        raise UnsupportedCheckpointError(
            f"{path} cannot be loaded safely as a PyTorch checkpoint: it is none, is damaged, or "
            f"would run code on loading, which is refused ({type(error).__name__})"
        ) from error
