"""The catalog of models, and the folders where their weights are searched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import platformdirs

from realesr.errors import MissingWeightsError, UnknownModelError
from realesr.weights.suffixes import WEIGHTS_SUFFIXES

RELEASES = "https://github.com/xinntao/Real-ESRGAN/releases/download"
FACE_RELEASES = "https://github.com/TencentARC/GFPGAN/releases/download"
FACEXLIB_RELEASES = "https://github.com/xinntao/facexlib/releases/download"
YUNET_FOLDER = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet"
ORIGINS = (RELEASES, FACE_RELEASES, FACEXLIB_RELEASES, YUNET_FOLDER)
MIRROR_VARIABLE = "REALESR_MIRROR"
"""Name of the environment variable with a URL that replaces each of :data:`ORIGINS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """A published weights file.

    Attributes:
        name: File name.
        size_bytes: Size of the file, bytes.
        sha256: SHA-256 of the file, lower-case hexadecimal.
        url: Address for downloads; None if the file is part of this package.
    """

    name: str
    size_bytes: int
    sha256: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Catalog entry of a network.

    Attributes:
        name: Name of the network for options and commands.
        architecture: Name of the architecture, with its size.
        domain: Purpose of the network, in a few words.
        license: SPDX expression of the weights' license.
        weights: The weights file.
    """

    name: str
    architecture: str
    domain: str
    license: str
    weights: WeightFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec(Spec):
    """Catalog entry of an upscaling model.

    Attributes:
        scale: Native scale: output px per input px, along each side.
        weak_denoise_model: Name of the model that keeps noise and grain, with which
            ``denoise_strength`` mixes this one; None if there is none.
        faithful_model: Name of the faithful end of the same training, with which ``sharpness``
            mixes this one, the crisp end; None if there is only one end.
    """

    scale: int
    weak_denoise_model: str | None = None
    faithful_model: str | None = None


S = TypeVar("S", bound=Spec)


def _official(
    name: str,
    tag: str,
    size_bytes: int,
    sha256: str,
    *,
    scale: int = 4,
    architecture: str,
    domain: str,
    weak_denoise_model: str | None = None,
) -> ModelSpec:
    """Returns the entry of a release of xinntao/Real-ESRGAN.

    The hashes agree with at least two independent lists.
    """
    return ModelSpec(
        name=name,
        scale=scale,
        architecture=architecture,
        domain=domain,
        license="BSD-3-Clause",
        weights=WeightFile(
            name=f"{name}.pth",
            size_bytes=size_bytes,
            sha256=sha256,
            url=f"{RELEASES}/{tag}/{name}.pth",
        ),
        weak_denoise_model=weak_denoise_model,
    )


def _bundled(
    name: str,
    size_bytes: int,
    sha256: str,
    *,
    architecture: str,
    domain: str,
    faithful_model: str | None = None,
) -> ModelSpec:
    """Returns the entry of weights that are part of this package."""
    return ModelSpec(
        name=name,
        scale=4,
        architecture=architecture,
        domain=domain,
        license="BSD-3-Clause",
        weights=WeightFile(name=f"{name}.safetensors", size_bytes=size_bytes, sha256=sha256),
        faithful_model=faithful_model,
    )


MODELS = (
    _bundled(
        "realesr-photo-x4",
        2_434_744,
        "9fa8b606ec0780d3966945c1156852533291a2909e202d41ee1302b988d50012",
        architecture="SRVGG 64x32",
        domain="photographs, clean or damaged by JPEG, blur and noise; bundled, small and fast",
        faithful_model="realesr-photo-x4-faithful",
    ),
    _bundled(
        "realesr-photo-x4-faithful",
        2_434_848,
        "d51161422c9de50ad8b5a31c207e3cefc7a93905bb9bc3f63e9804042acbcae1",
        architecture="SRVGG 64x32",
        domain="photographs; softer and closest to clean originals; bundled, small and fast",
    ),
    _bundled(
        "realesr-anime-x4",
        1_247_216,
        "6433830dbc7e461a7bfe79cc0bc56b3983553f2fef551e04d508abceb19edbae",
        architecture="SRVGG 64x16",
        domain="drawings and anime, images and videos; bundled, small and fast",
        faithful_model="realesr-anime-x4-faithful",
    ),
    _bundled(
        "realesr-anime-x4-faithful",
        1_247_232,
        "54ee4fedd3ee728d29c9eb9f9db7df36374afb21d6bad3c50bdaf39cc1369b9b",
        architecture="SRVGG 64x16",
        domain="drawings and anime; softer and closest to clean originals; bundled, small and fast",
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
        domain="anime images",
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
        domain="anything, small; the denoise strength sets how much noise goes",
        weak_denoise_model="realesr-general-wdn-x4v3",
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


def _for_faces(
    name: str, url: str, size_bytes: int, sha256: str, architecture: str, domain: str, spdx: str
) -> Spec:
    """Hashes as recorded by at least two separate lists."""
    weights = WeightFile(name=url.rpartition("/")[2], size_bytes=size_bytes, sha256=sha256, url=url)
    return Spec(name=name, architecture=architecture, domain=domain, license=spdx, weights=weights)


FACE_NETWORKS = (
    _for_faces(
        "GFPGANv1.3",
        f"{FACE_RELEASES}/v1.3.0/GFPGANv1.3.pth",
        348_632_874,
        "c953a88f2727c85c3d9ae72e2bd4846bbaf59fe6972ad94130e23e7017524a70",
        "GFPGAN clean 512",
        "faces; natural",
        "Apache-2.0",
    ),
    _for_faces(
        "GFPGANv1.4",
        f"{FACE_RELEASES}/v1.3.4/GFPGANv1.4.pth",
        348_632_874,
        "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
        "GFPGAN clean 512",
        "faces; more detail, closer to the person",
        "Apache-2.0",
    ),
    _for_faces(
        "RestoreFormer",
        f"{FACE_RELEASES}/v1.3.4/RestoreFormer.pth",
        290_785_322,
        "07404d446d62ca3d5ed38b1de09a947a1e77d46dbccec961a74d713a8f24ace0",
        "RestoreFormer 512",
        "faces",
        "Apache-2.0",
    ),
    _for_faces(
        "retinaface_resnet50",
        f"{FACEXLIB_RELEASES}/v0.1.0/detection_Resnet50_Final.pth",
        109_497_761,
        "6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d",
        "RetinaFace ResNet-50",
        "finding faces",
        "MIT",
    ),
    _for_faces(
        "retinaface_mobile0.25",
        f"{FACEXLIB_RELEASES}/v0.1.0/detection_mobilenet0.25_Final.pth",
        1_789_735,
        "2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
        "RetinaFace MobileNet-0.25",
        "finding faces; small and fast",
        "MIT",
    ),
    _for_faces(
        "yunet",
        f"{YUNET_FOLDER}/face_detection_yunet_2023mar.onnx",
        232_589,
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        "YuNet",
        "finding faces; the smallest and fastest",
        "MIT",
    ),
    _for_faces(
        "parsenet",
        f"{FACEXLIB_RELEASES}/v0.2.2/parsing_parsenet.pth",
        85_331_193,
        "3d558d8d0e42c20224f13cf5a29c79eba2d59913419f945545d8cf7b72920de2",
        "ParseNet",
        "outlines of faces",
        "MIT",
    ),
)


RECONSTRUCTIONS = ("ibp", "tv")
"""Names of classical reconstructions, which iterate: back-projection and total variation."""
BASELINES = ("nearest", "bilinear", "bicubic", "lanczos", *RECONSTRUCTIONS)
"""Names of plain filters and classical reconstructions for comparison; they need no weights and
have any scale."""


def all_specs() -> tuple[Spec, ...]:
    """Returns all entries: upscaling models first, then the networks for faces."""
    return (*MODELS, *FACE_NETWORKS)


def find_spec(name: str, *, files: str = "") -> Spec:
    """Finds an upscaling model or a network for faces by its name.

    Args:
        name: The name.
        files: What an error says about files.

    Raises:
        UnknownModelError: The catalog has no network of that name.
    """
    spec = _named(name, all_specs())
    if spec is None:
        raise _unknown(name, [each.name for each in all_specs()], files)
    return spec


def find_model(name: str, *, files: str = "A file of weights goes with `model_path`") -> ModelSpec:
    """Finds an upscaling model by its name; a file suffix such as ``.pth`` is ignored.

    Args:
        name: The name.
        files: What an error says about files.

    Raises:
        UnknownModelError: The catalog has no model of that name.
    """
    spec = _named(name, MODELS)
    if spec is None:
        raise _unknown(name, [*(each.name for each in MODELS), *BASELINES], files)
    return spec


def _named(name: str, specs: Iterable[S]) -> S | None:
    """Returns the entry of a name, or of a file's name."""
    stem, dot, suffix = name.rpartition(".")
    wanted = stem if dot + suffix.lower() in WEIGHTS_SUFFIXES else name
    return next((spec for spec in specs if wanted == spec.name or name == spec.weights.name), None)


def _unknown(name: str, names: Sequence[str], files: str) -> UnknownModelError:
    """Returns the error of a name that none of those is, with the closest one."""
    if name in BASELINES:
        return UnknownModelError(f"{name} is a plain filter: it has no weights")
    plain = {known.lower().replace("_", "").replace("-", ""): known for known in names}
    close = get_close_matches(name.lower().replace("_", "").replace("-", ""), plain, 1)
    hint = f"did you mean {plain[close[0]]}?" if close else f"known: {', '.join(names)}."
    return UnknownModelError(f"no model is called {name!r}; {hint} {files}".rstrip())


def find_local_weights(spec: Spec) -> Path | None:
    """Returns the weights file of a model on this machine; None if there is none."""
    try:
        return find_weights(spec)
    except MissingWeightsError:
        return None


def weight_folders() -> tuple[Path, ...]:
    """Returns the folders where weights are searched, in order.

    They are ``weights/`` in the working folder, ``weights/`` in the checkout or the installed
    package, and the user's cache.
    """
    package = Path(__file__).resolve().parents[1]
    is_checkout = package.parent.name == "src"
    bundled = (package.parents[1] if is_checkout else package) / "weights"
    return Path("weights"), bundled, cache_folder()


def is_plain(name: str, path: Path | None = None) -> bool:
    """Returns whether a choice has no network: a file of weights counts before a name."""
    return path is None and name in BASELINES


def cache_folder() -> Path:
    """Returns the folder of downloads: ``realesr/weights`` in the user's cache folder."""
    return Path(platformdirs.user_cache_dir("realesr", appauthor=False)) / "weights"


def find_weights(spec: Spec) -> Path:
    """Finds the weights file of a model on this machine.

    Raises:
        MissingWeightsError: The file is in none of the folders.
    """
    folders = weight_folders()
    for folder in folders:
        path = folder / spec.weights.name
        if path.is_file():
            return path
    raise MissingWeightsError(
        f"{spec.weights.name} is missing: put it into one of "
        f"{', '.join(str(folder) for folder in folders)}"
    )
