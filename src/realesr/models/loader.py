"""From a file of weights to a network that is ready to run."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.models.checkpoint import load_state_dict
from realesr.models.detect import build_network


def load_model(path: Path) -> nn.Module:
    """Loads a network strictly: every parameter of the file and of the network has its partner.

    Args:
        path: As for :func:`realesr.models.checkpoint.load_state_dict`. Architecture, sizes and
            scale are read off the parameters.

    Returns:
        A :class:`~realesr.models.base.SRModel` in float32 on the CPU, in evaluation mode, without
        gradients.

    Raises:
        MissingWeightsError: The file does not exist.
        UnsupportedCheckpointError: The file is damaged, unsafe, or of an unknown architecture.
    """
    state = load_state_dict(path)
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
        names = ", ".join(list(state)[:3])
        raise UnsupportedCheckpointError(
            f"{path} is of an unknown architecture (parameters: {names}, ...); "
            "RRDBNet and SRVGGNetCompact can be loaded"
        )
    return network.eval().requires_grad_(False)
