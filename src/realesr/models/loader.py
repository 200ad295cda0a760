"""From a file of weights to a network that is ready to run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.architecture import Sizes, SRVGGConfig, detect_architecture
from realesr.models.base import SRNetwork
from realesr.models.rrdbnet import RRDBNet
from realesr.models.srvgg import SRVGGNetCompact
from realesr.weights.state_dict import interpolate
from realesr.weights.torch_checkpoint import StateDict, load_state_dict


def load_model(path: Path, *, partner: Path | None = None, share: float = 1.0) -> nn.Module:
    """Loads a network strictly: every parameter of the file and of the network has its partner.

    Args:
        path: As for :func:`realesr.weights.torch_checkpoint.load_state_dict`. Architecture,
            sizes and scale are read off the parameters.
        partner: Another file of the same architecture to mix it with, parameter by parameter.
        share: How much of the mixture is ``path``, 0 to 1; the rest is ``partner``.

    Returns:
        A :class:`~realesr.models.base.SRModel` in float32 on the CPU, in evaluation mode, without
        gradients.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged, unsafe, or of an unknown architecture.
    """
    state = load_state_dict(path)
    if partner is not None:
        state = interpolate(state, load_state_dict(partner), share)
    try:
        network = build_network(state)
        if network is not None:
            network.load_state_dict(state)
    except (RuntimeError, ValueError, IndexError) as error:
        raise UnsupportedCheckpointError(
            f"{path} looks like a network known here, but its parameters do not fit: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    if network is None:
        from realesr.models.spandrel_adapter import (
            load_with_spandrel,  # spandrel takes seconds to import
        )

        network = load_with_spandrel(path, state)
    return network.eval().requires_grad_(False)


def build_network(state: StateDict) -> nn.Module | None:
    """Makes the network that a state dict belongs to, with random parameters.

    Returns:
        A module that is an :class:`~realesr.models.base.SRModel`, or None if the parameters are of
        no architecture known here.

    Raises:
        ValueError, IndexError: They look like one, but do not fit.
    """
    sizes = detect_architecture({name: tuple(tensor.shape) for name, tensor in state.items()})
    return None if sizes is None else build(sizes)


def build(sizes: Sizes) -> SRNetwork:
    """Makes the network of an architecture's sizes, with random parameters."""
    make = SRVGGNetCompact if isinstance(sizes, SRVGGConfig) else RRDBNet
    return make(**asdict(sizes))
