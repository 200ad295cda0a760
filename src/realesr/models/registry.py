"""The list of architectures, in the order of detection. This module does not import PyTorch.

A new architecture is a new file in :mod:`realesr.models.architectures` and a new entry in
:data:`ARCHITECTURES`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, cast

from realesr.models.architecture import Architecture, Shape
from realesr.models.architectures.edsr import EDSRConfig
from realesr.models.architectures.enhancer import EnhancerConfig
from realesr.models.architectures.espcn import ESPCNConfig
from realesr.models.architectures.msrresnet import MSRResNetConfig
from realesr.models.architectures.rdn import RDNConfig
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.rrdn import RRDNConfig
from realesr.models.architectures.srcnn import SRCNNConfig
from realesr.models.architectures.srresnet import SRResNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.architectures.wdsr import WDSRConfig
from realesr.weights.metadata import ARCHITECTURE

ARCHITECTURES: tuple[type[Architecture], ...] = (
    RRDBNetConfig,
    SRVGGConfig,
    SRCNNConfig,
    ESPCNConfig,
    SRResNetConfig,
    MSRResNetConfig,
    EDSRConfig,
    WDSRConfig,
    RDNConfig,
    RRDNConfig,
    EnhancerConfig,
)
METADATA_KEY = ARCHITECTURE
"""Key of a safetensors file's metadata with the ``name`` and the hyperparameters as JSON."""


def by_name(name: str) -> type[Architecture] | None:
    """Returns the architecture with a name; None if there is none."""
    return next((each for each in ARCHITECTURES if each.name == name), None)


def detect(
    shapes: Mapping[str, Shape], metadata: Mapping[str, str] | None = None
) -> Architecture | None:
    """Finds the architecture that parameters belong to.

    The architecture that the metadata names takes precedence. Sizes always follow from the
    parameters, so that a file cannot request more memory than it holds. Hidden hyperparameters are
    read from the metadata.

    Args:
        shapes: Names and shapes of all parameters.
        metadata: Metadata of the file, as :func:`describe` writes it.

    Returns:
        The architecture; None if no registered one has such parameters. Superfluous parameters are
        not detected.

    Raises:
        ValueError, TypeError, IndexError: The names fit an architecture, but the shapes or the
            metadata do not.
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
    """Returns the metadata for a file with a network of this architecture."""
    hyperparameters: dict[str, Any] = asdict(cast(Any, architecture))
    return {METADATA_KEY: json.dumps({"name": architecture.name, **hyperparameters})}


def _stated(metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        stated = json.loads(metadata.get(METADATA_KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _completed(found: Architecture, stated: Mapping[str, Any]) -> Architecture:
    """Sets the hidden hyperparameters from a file's metadata, and compares the others.

    Raises:
        ValueError, TypeError: A stated hyperparameter differs or is of the wrong type.
    """
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
