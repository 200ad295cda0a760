"""The models that can be asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import platformdirs

from realesr.errors import MissingWeightsError, UnknownModelError

RELEASES = "https://github.com/xinntao/Real-ESRGAN/releases/download"
MIRROR_VARIABLE = "REALESR_MIRROR"
"""Environment variable: a URL that takes the place of :data:`RELEASES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """A file of weights.

    Attributes:
        name: File name.
        size_bytes: Length.
        sha256: Hash of the whole file, lower-case hexadecimal.
        url: Where it can be downloaded; None if it is part of this package.
    """

    name: str
    size_bytes: int
    sha256: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What the catalogue knows of a model.

    Attributes:
        name: What ``--model-name`` takes.
        scale: Native scale.
        architecture: Of the network, with its size.
        domain: What it was made for, in a few words.
        licence: SPDX expression of the weights' licence.
        weights: The file.
        noisy_partner: Name of the model that keeps noise and grain, with which
            ``--denoise-strength`` mixes this one; None if there is none.
    """

    name: str
    scale: int
    architecture: str
    domain: str
    licence: str
    weights: WeightFile
    noisy_partner: str | None = None


def _official(
    name: str,
    tag: str,
    size_bytes: int,
    sha256: str,
    *,
    scale: int = 4,
    architecture: str,
    domain: str,
    noisy_partner: str | None = None,
) -> ModelSpec:
    """A release of xinntao/Real-ESRGAN; hashes as recorded by at least two separate lists."""
    return ModelSpec(
        name=name,
        scale=scale,
        architecture=architecture,
        domain=domain,
        licence="BSD-3-Clause",
        weights=WeightFile(
            name=f"{name}.pth",
            size_bytes=size_bytes,
            sha256=sha256,
            url=f"{RELEASES}/{tag}/{name}.pth",
        ),
        noisy_partner=noisy_partner,
    )


MODELS = (
    ModelSpec(
        name="realesr-photo-x4",
        scale=4,
        architecture="SRVGG 48x16",
        domain="photographs with JPEG damage, blur and noise; shipped, small and fast",
        licence="MIT",
        weights=WeightFile(
            name="realesr-photo-x4.safetensors",
            size_bytes=716_720,
            sha256="594d8f8e9c4086fba15d41a4403d969132271e1d6e996444bafc843d273ec04f",
        ),
    ),
    _official(
        "RealESRGAN_x4plus",
        "v0.1.0",
        67_040_989,
        "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
        architecture="RRDBNet 64x23",
        domain="photographs; the most detail, slow",
    ),
    _official(
        "RealESRNet_x4plus",
        "v0.1.1",
        67_040_989,
        "a820b9bde89a874d7599d545567308ce6c128fc8754a53208eda016d40aa81df",
        architecture="RRDBNet 64x23",
        domain="photographs; without invented detail, smooth",
    ),
    _official(
        "RealESRGAN_x2plus",
        "v0.2.1",
        67_061_725,
        "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
        scale=2,
        architecture="RRDBNet 64x23",
        domain="photographs, twice as large",
    ),
    _official(
        "RealESRGAN_x4plus_anime_6B",
        "v0.2.2.4",
        17_938_799,
        "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
        architecture="RRDBNet 64x6",
        domain="anime pictures",
    ),
    _official(
        "realesr-animevideov3",
        "v0.2.5.0",
        2_504_012,
        "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
        architecture="SRVGG 64x16",
        domain="anime videos; small and fast",
    ),
    _official(
        "realesr-general-x4v3",
        "v0.2.5.0",
        4_885_111,
        "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
        architecture="SRVGG 64x32",
        domain="anything, small; --denoise-strength sets how much noise goes",
        noisy_partner="realesr-general-wdn-x4v3",
    ),
    _official(
        "realesr-general-wdn-x4v3",
        "v0.2.5.0",
        4_885_111,
        "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
        architecture="SRVGG 64x32",
        domain="anything, small; keeps noise and grain",
    ),
)


BASELINES = ("nearest", "bilinear", "bicubic", "lanczos")
"""Names that stand for plain filters, to compare with; they need no weights and have any scale."""


def find_model(name: str) -> ModelSpec:
    """Looks a model up by its name; what follows a dot, as in ``.pth``, does not count.

    Raises:
        UnknownModelError: There is none of that name.
    """
    for spec in MODELS:
        if spec.name == name.partition(".")[0]:
            return spec
    names = [*(spec.name for spec in MODELS), *BASELINES]
    plain = {known.lower().replace("_", "").replace("-", ""): known for known in names}
    close = get_close_matches(name.lower().replace("_", "").replace("-", ""), plain, 1)
    hint = f"did you mean {plain[close[0]]}?" if close else f"known: {', '.join(names)}."
    raise UnknownModelError(
        f"no model is called {name!r}; {hint} A file of weights goes with --model-path"
    )


def weights_here(spec: ModelSpec) -> Path | None:
    """The file of a model's weights, or None if it is in none of the places."""
    try:
        return find_weights(spec)
    except MissingWeightsError:
        return None


def weight_folders() -> tuple[Path, ...]:
    """Where weights are looked for: ``weights/`` here, beside the code, the user's cache.

    Beside the code is the top level of a checkout, or the installed package.
    """
    package = Path(__file__).resolve().parents[1]
    is_checkout = package.parent.name == "src"
    beside = (package.parents[1] if is_checkout else package) / "weights"
    return Path("weights"), beside, cache_folder()


def cache_folder() -> Path:
    """Where downloads go: ``realesr/weights`` in the folder that the system has for caches."""
    return Path(platformdirs.user_cache_dir("realesr", appauthor=False)) / "weights"


def find_weights(spec: ModelSpec) -> Path:
    """Finds the file of weights of a model on this machine.

    Raises:
        MissingWeightsError: It is in none of the folders.
    """
    folders = weight_folders()
    for folder in folders:
        path = folder / spec.weights.name
        if path.is_file():
            return path
    raise MissingWeightsError(
        f"{spec.weights.name} is missing: put it into one of "
        f"{', '.join(str(folder) for folder in folders)}, or name it with --model-path"
    )
