"""Loading of networks from weights files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.networks.luma import for_rgb
from realesr.models.registry import detect
from realesr.weights.limits import plain
from realesr.weights.state_dict import interpolate
from realesr.weights.torch_checkpoint import StateDict, load_checkpoint


def load_model(path: Path, *, other: Path | None = None, weight: float = 1.0) -> nn.Module:
    """Loads a network strictly: the file has exactly the parameters of the network.

    Args:
        path: Weights file; see :func:`realesr.weights.torch_checkpoint.load_checkpoint`. The
            architecture follows from the metadata and the names and shapes of the parameters.
        other: A file of the same architecture to mix with, parameter by parameter; None for none.
        weight: Fraction of ``path`` in the mixture, 0 to 1; the rest is ``other``.

    Returns:
        A :class:`~realesr.models.networks.base.SRModel` in float32 on the CPU, in evaluation mode,
        without gradients. A network of one channel upscales the luma of images.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged, unsafe, or of an unknown architecture.
    """
    state, metadata = load_checkpoint(path)
    if other is not None:
        state = interpolate(state, load_checkpoint(other).state_dict, weight)
    try:
        network = build_network(state, metadata)
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        raise UnsupportedCheckpointError(
            f"{path} looks like a network known here, but its parameters do not fit: "
            f"{plain(' '.join(str(error).split()), 300)}"
        ) from error
    if network is None:
        # spandrel takes seconds to import
        from realesr.models.networks.spandrel_adapter import load_with_spandrel

        network = load_with_spandrel(path, state)
    return for_rgb(network).eval().requires_grad_(False)


def build_network(state: StateDict, metadata: Mapping[str, str] | None = None) -> nn.Module | None:
    """Builds the network that a state dict belongs to, with its parameters.

    Returns:
        A module that is an :class:`~realesr.models.networks.base.SRModel`; None if no registered
        architecture has such parameters.

    Raises:
        ValueError, TypeError, IndexError, RuntimeError: The names fit an architecture, but the
            shapes or the metadata do not.
    """
    architecture = detect({name: tuple(t.shape) for name, t in state.items()}, metadata)
    if architecture is None:
        return None
    with torch.device("meta"):  # allocates no memory until the parameters are known to fit
        network = architecture.build()
    network.load_state_dict(state, assign=True)
    return network
