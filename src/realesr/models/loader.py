"""From a file of weights to a network that is ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.registry import detect
from realesr.weights.state_dict import interpolate
from realesr.weights.torch_checkpoint import StateDict, load_checkpoint


def load_model(path: Path, *, partner: Path | None = None, share: float = 1.0) -> nn.Module:
    """Loads a network strictly: the file has exactly the parameters of the network.

    Args:
        path: As for :func:`realesr.weights.torch_checkpoint.load_checkpoint`. The architecture
            is read off the metadata, and the names and shapes of the parameters.
        partner: Another file of the same architecture to mix it with, parameter by parameter.
        share: How much of the mixture is ``path``, 0 to 1; the rest is ``partner``.

    Returns:
        A :class:`~realesr.models.networks.base.SRModel` in float32 on the CPU, in evaluation mode,
        without gradients.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged, unsafe, or of an unknown architecture.
    """
    state, metadata = load_checkpoint(path)
    if partner is not None:
        state = interpolate(state, load_checkpoint(partner).state_dict, share)
    try:
        network = build_network(state, metadata)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise UnsupportedCheckpointError(
            f"{path} looks like a network known here, but its parameters do not fit: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    if network is None:
        # spandrel takes seconds to import
        from realesr.models.networks.spandrel_adapter import load_with_spandrel

        network = load_with_spandrel(path, state)
    return network.eval().requires_grad_(False)


def build_network(state: StateDict, metadata: Mapping[str, str] | None = None) -> nn.Module | None:
    """Makes the network that a state dict belongs to, with its parameters.

    Returns:
        A module that is an :class:`~realesr.models.networks.base.SRModel`, or None if the
        parameters are of no architecture known here.

    Raises:
        ValueError, TypeError, IndexError, RuntimeError: They look like one, but do not fit.
    """
    architecture = detect({name: tuple(t.shape) for name, t in state.items()}, metadata)
    if architecture is None:
        return None
    with torch.device("meta"):  # no memory is taken before the parameters are known to fit
        network = architecture.build()
    network.load_state_dict(state, assign=True)
    return network
