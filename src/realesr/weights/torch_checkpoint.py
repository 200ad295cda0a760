"""Reading and writing weights without running code from the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.weights.state_dict import unwrap

StateDict = dict[str, Tensor]


def load_state_dict(path: Path) -> StateDict:
    """Reads a state dict in float32 on the CPU.

    Args:
        path: A ``.safetensors`` file, or a PyTorch file (``.pth``) that holds ``params_ema``,
            ``params``, or the state dict itself.

    Raises:
        MissingWeightsError: The file does not exist, or must not be read.
        UnsupportedCheckpointError: The file is damaged, would run code, or holds no state dict.
    """
    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such file of weights")
    try:
        path.open("rb").close()
    except OSError as error:
        raise MissingWeightsError(f"{path}: {error.strerror}") from error
    is_safetensors = path.suffix == ".safetensors"
    content = unwrap(_read_safetensors(path) if is_safetensors else _read_pickle(path))
    if not isinstance(content, Mapping) or not content:
        raise UnsupportedCheckpointError(f"{path} holds no state dict")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise UnsupportedCheckpointError(f"{path} holds no state dict: some values are no tensors")
    return {name: tensor.detach().float() for name, tensor in content.items()}


def save_weights(
    state_dict: Mapping[str, Tensor], path: Path, *, dtype: torch.dtype, **metadata: str
) -> None:
    """Writes a ``.safetensors`` file; it takes its name only when it is whole."""
    tensors = {name: t.detach().to(dtype).contiguous() for name, t in state_dict.items()}
    partial = path.with_name(path.name + ".part")
    try:
        save_file(tensors, partial, metadata=metadata)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read_safetensors(path: Path) -> StateDict:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UnsupportedCheckpointError(f"{path} is not a safetensors file: {error}") from error


def _read_pickle(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, depending on where the file is damaged
        raise UnsupportedCheckpointError(
            f"{path} cannot be loaded safely as a PyTorch checkpoint: it is none, is damaged, or "
            f"would run code on loading, which is refused ({type(error).__name__})"
        ) from error
