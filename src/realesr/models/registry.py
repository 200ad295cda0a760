"""All architectures, in the order in which they are tried. Imports no PyTorch.

A new architecture is a new file in :mod:`realesr.models.architectures` and a new entry here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, cast

from realesr.models.architecture import Architecture, Shape
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig

ARCHITECTURES: tuple[type[Architecture], ...] = (RRDBNetConfig, SRVGGConfig)
METADATA_KEY = "architecture"
"""Where a safetensors file says what its network is: JSON with ``name`` and hyperparameters."""


def by_name(name: str) -> type[Architecture] | None:
    """Returns the architecture that recipes and metadata call ``name``."""
    return next((each for each in ARCHITECTURES if each.name == name), None)


def detect(
    shapes: Mapping[str, Shape], metadata: Mapping[str, str] | None = None
) -> Architecture | None:
    """Finds the architecture that parameters belong to.

    What a file says of itself comes first. Its sizes are read off the parameters all the same, so
    that a file cannot ask for more than it holds; hyperparameters that leave no trace in shapes are
    taken from what it says.

    Args:
        shapes: The names and shapes of all parameters.
        metadata: The metadata of the file, as :func:`describe` writes it.

    Returns:
        None if no architecture is known that has such parameters. Superfluous parameters are not
        looked for.

    Raises:
        ValueError, IndexError: The parameters look like an architecture, but do not fit, or
            are not what the file says.
    """
    stated = _stated(metadata or {})
    named = by_name(str(stated.pop("name", "")))
    for architecture in ARCHITECTURES if named is None else (named,):
        found = architecture.detect(shapes)
        if found is not None:
            return found if named is None else _completed(found, stated)
    if named is not None:
        raise ValueError(f"the file says {named.name}, which has other parameters")
    return None


def describe(architecture: Architecture) -> dict[str, str]:
    """Returns the metadata of a file that holds such a network."""
    hyperparameters: dict[str, Any] = asdict(cast(Any, architecture))
    return {METADATA_KEY: json.dumps({"name": architecture.name, **hyperparameters})}


def _stated(metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        stated = json.loads(metadata.get(METADATA_KEY, "{}"))
    except ValueError:
        return {}
    return stated if isinstance(stated, dict) else {}


def _completed(found: Architecture, stated: Mapping[str, Any]) -> Architecture:
    """Takes the hidden hyperparameters from what a file says, and compares the others."""
    hidden: dict[str, Any] = {}
    for field in fields(cast(Any, found)):
        if field.name not in stated:
            continue
        value, detected = stated[field.name], getattr(found, field.name)
        if not isinstance(value, (int, float, str, bool)):
            raise TypeError(f"the file says {field.name} = {value!r}")
        if field.metadata.get("hidden"):
            hidden[field.name] = type(detected)(value)
        elif value != detected:
            raise ValueError(f"the file says {field.name} = {value}, but it has {detected}")
    return replace(cast(Any, found), **hidden) if hidden else found
