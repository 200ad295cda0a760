"""Names of the metadata in safetensors files."""

from __future__ import annotations

ARCHITECTURE = "architecture"
"""The ``name`` of the network and its hyperparameters, as JSON."""
SCALE = "scale"
"""Output px per input px, along each side."""
LICENSE = "license"
"""The license of the weights, as whoever converted them has said."""
ORIGIN = "origin"
"""The files that the weights come from, a line each: SHA-256, two spaces, name."""
