"""TorchScript, for programs with libtorch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from realesr.models.networks.exchange import ExchangeNetwork, sample

if TYPE_CHECKING:
    from realesr.export.formats import Runner, Values


def write(model: nn.Module, paths: tuple[Path, ...], is_half: bool, about: dict[str, str]) -> None:
    """Writes a network, traced; what it says about itself is in the file ``realesr.json``."""
    import json

    network = trace(ExchangeNetwork(model).eval())
    with warnings.catch_warnings(action="ignore"):  # PyTorch has something newer, others have not
        torch.jit.save(network, str(paths[0]), _extra_files={"realesr.json": json.dumps(about)})


def trace(network: nn.Module) -> Any:
    """Returns a traced network that takes images of any size."""
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.trace(network, sample(32, 24))  # type: ignore[no-untyped-call]


def open_runner(paths: tuple[Path, ...], is_half: bool) -> Runner:
    """Loads a written network on the CPU."""
    with warnings.catch_warnings(action="ignore"):
        network = torch.jit.load(str(paths[0]))  # type: ignore[no-untyped-call]

    def run(images: Values) -> Values:
        with torch.inference_mode():
            result: Values = network(torch.from_numpy(images)).numpy()
        return result

    return run
