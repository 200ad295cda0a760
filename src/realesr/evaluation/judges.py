"""Metrics by name, ready to be called on a result."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from realesr.degradation.operations import from_levels, quantize, resize
from realesr.errors import MissingWeightsError
from realesr.evaluation.options import NEED_NO_TRUTH, EvaluationOptions
from realesr.evaluation.provenance import MEASURES, code_identity
from realesr.evaluation.sets import Case
from realesr.metrics.colorshift import color_shift
from realesr.metrics.msssim import ms_ssim
from realesr.metrics.niqe import NiqeParameters, niqe
from realesr.metrics.psnr import cropped, psnr
from realesr.metrics.ssim import ssim
from realesr.weights.catalog import weight_folders
from realesr.weights.fetch import sha256_of

Levels = NDArray[np.uint8]
OfPair = Callable[[Levels, Levels], float]
Judge = Callable[[Levels, Case], float]

NIQE_FILES = ("niqe_pris_params.npz",)
SQUEEZENET_FILES = ("squeezenet1_1*.safetensors", "squeezenet1_1*.pth")


class Judges:
    """The metrics of an evaluation.

    Args:
        options: Names of the metrics, and what they need.

    Attributes:
        identities: Of each metric, by name: a hash of its code, packages and weights.

    Raises:
        WeightsError: The weights of a metric are missing.
        MissingExtraError: A metric needs packages that are not installed.
    """

    def __init__(self, options: EvaluationOptions) -> None:
        self._judges = {name: _judge(name, options) for name in options.metrics}
        self.identities = {name: _identity(name, options) for name in options.metrics}

    def __call__(
        self, sr: Levels, case: Case, names: Sequence[str]
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Computes metrics.

        Args:
            sr: The result, (H, W, 3) uint8 RGB.
            case: Input and original.
            names: Metrics to compute.

        Returns:
            Values by name, and reasons why others are not defined here.
        """
        values, reasons = {}, {}
        for name in names:
            if case.hr is None and name not in NEED_NO_TRUTH:
                reasons[name] = "there is no original"
                continue
            try:
                values[name] = self._judges[name](sr, case)
            except ValueError as error:  # too small, or flat
                reasons[name] = str(error)
        return values, reasons


def _judge(name: str, options: EvaluationOptions) -> Judge:
    crop = options.border
    match name:
        case "psnr" | "psnr-rgb" | "ssim" | "ssim-rgb" | "ms-ssim":
            measure = {"psnr": psnr, "ssim": ssim, "ms-ssim": ms_ssim}[name.removesuffix("-rgb")]
            is_rgb = name.endswith("-rgb")
            return _of_pair(
                lambda sr, hr: measure(sr, hr, crop=crop, channel="rgb" if is_rgb else "y")
            )
        case "niqe":
            parameters = NiqeParameters.load(_niqe_file(options.weights))
            return lambda sr, case: niqe(sr, parameters, crop=crop)
        case "shift":
            return lambda sr, case: color_shift(sr, bicubic(case.lr, sr))
        case _:
            distance = _distance(name, options)
            return _of_pair(lambda sr, hr: distance(cropped(sr, crop), cropped(hr, crop)))


def _identity(name: str, options: EvaluationOptions) -> str:
    words = [code_identity(MEASURES)]
    match name:
        case "niqe":
            words.append(sha256_of(_niqe_file(options.weights)))
        case "squeezenet":
            words.append(sha256_of(find_file(SQUEEZENET_FILES, options.weights, name)))
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _of_pair(measure: OfPair) -> Judge:
    def judge(sr: Levels, case: Case) -> float:
        if case.hr is None:
            raise ValueError("there is no original")
        return measure(sr, case.hr)

    return judge


def bicubic(lr: Levels, like: Levels) -> Levels:
    """Returns an input upscaled by the bicubic filter to the size of another image."""
    height, width = like.shape[:2]
    return quantize(resize(from_levels(lr), width, height, "antialiased"))


def _distance(name: str, options: EvaluationOptions) -> OfPair:
    """Loads a network whose features are compared."""
    from realesr.engine.device import resolve_device
    from realesr.perceptual.judge import FeatureJudge

    device = resolve_device(options.device)
    if name == "squeezenet":
        from realesr.perceptual.squeezenet import squeezenet

        weights = find_file(SQUEEZENET_FILES, options.weights, "squeezenet")
        return FeatureJudge(squeezenet(weights).to(device), device)
    if name.startswith("efficientnet-lite"):
        from realesr.perceptual.efficientnet import efficientnet_lite

        return FeatureJudge(efficientnet_lite(int(name[-1])).to(device), device)
    from realesr.perceptual.published import Name, PublishedJudge

    return PublishedJudge(cast(Name, name), device)


def _niqe_file(folders: Sequence[Path]) -> Path:
    """Finds NIQE's parameters, also in basicsr, which need not be importable."""
    spec = importlib.util.find_spec("basicsr")
    places = (spec.submodule_search_locations or ()) if spec else ()
    extra = [Path(place, "metrics") for place in places]
    return find_file(NIQE_FILES, [*folders, *extra], "niqe")


def find_file(patterns: Sequence[str], folders: Sequence[Path], metric: str) -> Path:
    """Finds a file of weights in folders and those below, or where models are looked for.

    Raises:
        MissingWeightsError: There is none.
    """
    for folder in (*folders, *weight_folders()):
        for pattern in patterns:
            found = sorted(folder.rglob(pattern)) if folder.is_dir() else []
            if found:
                return found[0]
    raise MissingWeightsError(
        f"`metrics` {metric} needs {' or '.join(patterns)}: name its folder with `weights`"
    )
