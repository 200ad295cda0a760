"""What results depend on besides their source: weights, options and the version."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from realesr.loading.resolve import FaceFiles, NetworkFiles
from realesr.options import UpscaleOptions
from realesr.weights.fetch import sha256_of
from realesr.weights.foreign import files_of

_WITHOUT_EFFECT = ("device", "threads", "memory_budget", "sharers", "model_path")
"""Options that change no pixel, or that the hash of the weights stands for."""


def identity_of(
    options: UpscaleOptions, network: NetworkFiles | None, faces: FaceFiles | None, *, version: str
) -> dict[str, dict[str, Any]]:
    """Returns the identity of an upscaler, by section and name.

    Args:
        options: Options of upscaling.
        network: Weights of the upscaling network; None for a plain filter.
        faces: Weights of face restoration; None without it.
        version: Version of this package.

    Raises:
        OSError: A file of weights cannot be read.
    """
    weights: dict[str, Any] = {}
    if network is not None:
        # Of two files that belong together, either may have changed.
        weights["network"] = " ".join(map(sha256_of, files_of(network.path)))
        if network.other is not None:
            weights |= {"partner": sha256_of(network.other), "share": network.weight}
    if faces is not None:
        files = {
            "restorer": faces.restorer,
            "detector": faces.detector,
            "parser": faces.parser,
        }
        weights |= {name: sha256_of(path) for name, path in files.items() if path is not None}
    chosen = {name: value for name, value in asdict(options).items() if name not in _WITHOUT_EFFECT}
    chosen |= chosen.pop("target")  # differences are told by the names that users know
    return {"weights": weights, "option": chosen, "version": {"realesr": version}}
