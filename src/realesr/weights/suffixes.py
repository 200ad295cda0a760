"""Suffixes by which a name on a command line is known as a file of weights."""

from __future__ import annotations

WEIGHTS_SUFFIXES = (
    *(".pth", ".pt", ".ckpt", ".safetensors"),
    *(".param", ".bin", ".h5", ".hdf5"),
)
"""Those of PyTorch, ncnn and Keras. How a file is read depends on its content alone."""
NETWORK_SUFFIXES = (*WEIGHTS_SUFFIXES, ".onnx")
"""Those of all files that a command takes for a model: of weights, and of whole networks."""
