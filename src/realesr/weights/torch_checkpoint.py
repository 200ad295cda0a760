"""Reading and writing of weights files, without executing code from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from realesr.errors import UnsupportedCheckpointError
from realesr.partial import write_whole
from realesr.weights.archive import examine
from realesr.weights.content import Container
from realesr.weights.foreign import FOREIGN, read_foreign
from realesr.weights.layouts import renamed
from realesr.weights.limits import check_parameters, plain
from realesr.weights.pickle_scan import INERT
from realesr.weights.state_dict import find_state

StateDict = dict[str, Tensor]


class Checkpoint(NamedTuple):
    """Content of a weights file.

    Attributes:
        state_dict: float32 tensors on the CPU, by the names of the parameters.
        metadata: Metadata of a safetensors file, or what other files tell beside their parameters.
    """

    state_dict: StateDict
    metadata: Mapping[str, str]


def load_state_dict(path: Path) -> StateDict:
    """Reads a state dict; see :func:`load_checkpoint`."""
    return load_checkpoint(path).state_dict


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a state dict in float32 on the CPU, and the metadata of the file.

    Args:
        path: A safetensors file, or a PyTorch file that holds the state dict itself or, as training
            code writes it, under a key such as ``params_ema`` or ``state_dict``, beside other
            values; or a file of ncnn or Keras. Its content decides which it is, not its name.

    Raises:
        MissingWeightsError: The file does not exist, or there is no permission to read it.
        UnsupportedCheckpointError: The file is something else, is damaged, would run code, asks for
            more memory than its size is worth, or holds no state dict.
        MissingExtraError: A package is missing that reads the file.
    """
    metadata: Mapping[str, str] = {}
    content: Any
    container = examine(path)
    if container is Container.SAFETENSORS:
        content, metadata = _read_safetensors(path)
    elif container in FOREIGN:
        arrays, metadata = read_foreign(path, container)
        content = {name: torch.from_numpy(values) for name, values in arrays.items()}
    else:
        content = _read_pickle(path)
    state = find_state(content, lambda value: isinstance(value, Tensor))
    if state is None:
        raise UnsupportedCheckpointError(
            f"{path} holds no state dict: there are no tensors in it, or under a key unknown here"
        )
    check_parameters(path, {name: tuple(each.shape) for name, each in state.items()})
    state = renamed(state)
    return Checkpoint({name: _to_float(path, name, each) for name, each in state.items()}, metadata)


def _to_float(path: Path, name: str, tensor: Tensor) -> Tensor:
    """Returns a tensor in float32.

    Raises:
        UnsupportedCheckpointError: Its values are no plain real numbers.
    """
    is_plain = tensor.layout == torch.strided and not (tensor.is_quantized or tensor.is_complex())
    try:
        if is_plain and not tensor.is_meta:
            return tensor.detach().float()
    except (RuntimeError, TypeError):  # NotImplementedError among them: no conversion
        pass
    raise UnsupportedCheckpointError(
        f"{path} stores {plain(name)} as {tensor.dtype}, {tensor.layout}, which realesr does not "
        "read: convert it to float32 or float16"
    )


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
        dtype: Number format of the tensors in the file; whole numbers keep theirs.
        **metadata: Metadata of the file.
    """
    tensors = {
        name: t.detach().to(dtype if t.is_floating_point() else t.dtype, copy=True).contiguous()
        for name, t in state_dict.items()
    }
    write_whole(path, save(tensors, metadata=metadata))


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Checkpoint(state, file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise UnsupportedCheckpointError(f"{path} is not a safetensors file: {error}") from error


class _Inert:
    """Stands for a NumPy value beside the weights, and keeps nothing."""

    def __new__(cls, *_: object) -> Self:
        """Ignores the arguments."""
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        """Ignores the state."""


def _read_pickle(path: Path) -> Any:
    try:
        # Of a path PyTorch might look at the suffix.
        with (
            torch.serialization.safe_globals([(_Inert, n) for n in INERT]),
            path.open("rb") as file,
        ):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types, depending on where the file is damaged
        raise UnsupportedCheckpointError(
            f"{path} cannot be loaded safely as a PyTorch checkpoint: it is none, is damaged, or "
            f"would run code on loading, which is refused ({type(error).__name__})"
        ) from error
