"""The models that can be asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from realesr.errors import MissingWeightsError, UnknownModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """A file of weights.

    Attributes:
        name: File name.
        size_bytes: Length.
        sha256: Hash of the whole file, lower-case hexadecimal.
    """

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What the catalogue knows of a model.

    Attributes:
        name: What ``--model-name`` takes.
        scale: Native scale.
        domain: What it was made for, in a few words.
        licence: SPDX expression of the weights' licence.
        weights: The file.
    """

    name: str
    scale: int
    domain: str
    licence: str
    weights: WeightFile


MODELS = (
    ModelSpec(
        name="realesr-photo-x4",
        scale=4,
        domain="photographs with JPEG damage, blur and noise",
        licence="MIT",
        weights=WeightFile(
            name="realesr-photo-x4.safetensors",
            size_bytes=716_720,
            sha256="594d8f8e9c4086fba15d41a4403d969132271e1d6e996444bafc843d273ec04f",
        ),
    ),
)


def find_model(name: str) -> ModelSpec:
    """Looks a model up by its name.

    Raises:
        UnknownModelError: There is none of that name.
    """
    for spec in MODELS:
        if spec.name == name:
            return spec
    names = ", ".join(spec.name for spec in MODELS)
    raise UnknownModelError(
        f"no model is called {name!r}; known: {names}. For a file of weights use --model-path"
    )


def weight_folders() -> tuple[Path, ...]:
    """Where weights are looked for: ``weights/`` here, then beside the code.

    Beside the code is the top level of a checkout, or the installed package.
    """
    package = Path(__file__).resolve().parents[1]
    is_checkout = package.parent.name == "src"
    return (Path("weights"), (package.parents[1] if is_checkout else package) / "weights")


def find_weights(spec: ModelSpec) -> Path:
    """Finds the file of weights of a model.

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
