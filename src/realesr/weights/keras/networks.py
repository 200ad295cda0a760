"""Networks of two projects in Keras, as the parameters of the same networks in PyTorch.

They are krasserm/super-resolution (EDSR, WDSR and the generator of SRGAN; ``model/*.py``) and
idealo/image-super-resolution, or ISR (RDN and RRDN; ``ISR/models/*.py``). Most layers are numbered
automatically, and the numbers depend on what was built before. Parameters are therefore assigned by
the order and the shapes of layers.

What differs from PyTorch: kernels are (height, width, inputs, outputs); ``depth_to_space`` takes
its channels as (row, column, color), and ``pixel_shuffle`` as (color, row, column); normalization
adds 0.001 to variances, and PyTorch 0.00001.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from realesr.weights.keras.hdf5 import Layer
from realesr.weights.metadata import ARCHITECTURE

Array = NDArray[np.float32]
Arrays = dict[str, Array]

MEAN = (0.4488, 0.4371, 0.4040)
"""Mean color of krasserm's EDSR and WDSR, RGB in [0, 1] (``model/common.py``)."""
CONTRAST = 127.5
"""Level that becomes 1 in krasserm's EDSR and WDSR (``model/common.py``)."""
DENSE_IN_BLOCK = 3
"""Dense blocks in each residual block of ISR's RRDN. The published network has so many, and the
weights do not tell."""

_COLORS = 3
_LEVELS = 255
_EPSILON, _TORCH_EPSILON = 1e-3, 1e-5
_KNOWN = frozenset(
    {"kernel", "v", "bias", "g", "initialized", "_initialized", "alpha"}
    | {"gamma", "beta", "moving_mean", "moving_variance"}
)


class KerasNetwork(NamedTuple):
    """A network of Keras.

    Attributes:
        arrays: Parameters by their names in PyTorch.
        metadata: What the parameters do not tell, as the metadata of a safetensors file.
    """

    arrays: Arrays
    metadata: dict[str, str]


def assigned(layers: Sequence[Layer]) -> KerasNetwork:
    """Finds the network that layers belong to, and gives its parameters their names.

    Args:
        layers: All layers with weights, in order.

    Raises:
        ValueError, IndexError, KeyError: They belong to none that is known here.
    """
    for layer in layers:
        odd = layer.keys() - _KNOWN
        if odd:
            raise ValueError(
                f"weights called {', '.join(sorted(odd))} are in no network known here"
            )
    convolutions = [_Convolution(layer) for layer in layers if layer.keys() & {"kernel", "v"}]
    norms = [layer for layer in layers if "gamma" in layer]
    slopes = [layer["alpha"] for layer in layers if "alpha" in layer]
    if not convolutions:
        raise ValueError("it holds no convolution")
    if norms or slopes:
        return _srresnet(convolutions, norms, slopes)
    if any(each.is_skip for each in convolutions):
        return KerasNetwork(_wdsr(convolutions), {})
    if any(each.side == 1 for each in convolutions):
        return KerasNetwork(_rdn(convolutions), {})
    if convolutions[-1].inputs == convolutions[-1].outputs:
        return KerasNetwork(_rrdn(convolutions), {})
    return KerasNetwork(_edsr(convolutions), {})


class _Convolution:
    """A convolution of Keras, with or without weight normalization.

    Raises:
        ValueError, KeyError: Its kernel is not a square, or it has no bias.
    """

    def __init__(self, layer: Layer) -> None:
        kernel = layer["v"] if "v" in layer else layer["kernel"]
        if kernel.ndim != 4 or kernel.shape[0] != kernel.shape[1] or 0 in kernel.shape:
            raise ValueError(f"a kernel has the shape {kernel.shape}")
        self.weight: Array = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        self.outputs, self.inputs, self.side, _ = self.weight.shape
        self.bias = layer["bias"]
        with np.errstate(over="ignore"):
            norms = np.sqrt(np.square(self.weight, dtype=np.float64).sum((1, 2, 3))).astype("f4")
        # Norms that were never used are set from the kernel on first use (TensorFlow Addons).
        is_set = all(bool(layer[name]) for name in ("initialized", "_initialized") if name in layer)
        self.norms: Array = layer["g"].reshape(-1) if "g" in layer and is_set else norms
        if self.bias.shape != (self.outputs,) or self.norms.shape != (self.outputs,):
            raise ValueError(f"a bias has the shape {self.bias.shape} for {self.outputs} outputs")

    @property
    def is_skip(self) -> bool:
        """Whether it is like WDSR's convolution from the input to the result."""
        return bool(self.side == 5 and self.inputs == _COLORS)

    def shuffled(self, factor: int) -> _Convolution:
        """Brings the outputs into the order of PyTorch's pixel-shuffle.

        Raises:
            ValueError: There are not that many outputs.
        """
        colors = self.outputs // factor**2
        order = np.arange(self.outputs).reshape(factor**2, colors).T.ravel()
        self.weight, self.bias = self.weight[order], self.bias[order]
        self.norms = self.norms[order]
        return self

    def named(self, name: str) -> Arrays:
        """Returns the parameters of a plain convolution."""
        return {f"{name}.weight": self.weight, f"{name}.bias": self.bias}

    def named_with_norms(self, name: str) -> Arrays:
        """Returns the parameters of a convolution with weight normalization."""
        norms = np.ascontiguousarray(self.norms, dtype=np.float32)[:, None, None, None]
        return {
            f"{name}.weight_v": self.weight,
            f"{name}.weight_g": norms,
            f"{name}.bias": self.bias,
        }


def _all_named(names: Iterable[str], convolutions: Iterable[_Convolution]) -> Arrays:
    """Raises ValueError if there are more of one kind."""
    arrays: Arrays = {}
    for name, each in zip(names, convolutions, strict=True):
        arrays |= each.named(name)
    return arrays


def _side_of(outputs: int, inputs: int) -> int:
    """Returns the factor of a pixel-shuffle that makes some channels of others."""
    factor = math.isqrt(outputs // max(1, inputs))
    if factor < 1 or factor**2 * inputs != outputs:
        raise ValueError(f"{outputs} channels do not become {inputs} by a pixel-shuffle")
    return factor


def _edsr(convolutions: list[_Convolution]) -> Arrays:
    feat = convolutions[0].outputs
    steps = [
        each.shuffled(_side_of(each.outputs, feat)) for each in convolutions if each.outputs > feat
    ]
    blocks = (len(convolutions) - len(steps) - 3) // 2
    body = [f"body.{block}.body.{layer}" for block in range(blocks) for layer in (0, 2)]
    tail = [f"tail.0.{2 * step}" for step in range(len(steps))]
    arrays = _all_named(["head.0", *body, f"body.{blocks}", *tail, "tail.1"], convolutions)
    one, mean = np.eye(_COLORS, dtype=np.float32)[..., None, None], _LEVELS * np.array(MEAN)
    return arrays | {
        "sub_mean.weight": one / np.float32(CONTRAST),
        "sub_mean.bias": (-mean / CONTRAST).astype(np.float32),
        "add_mean.weight": one * np.float32(CONTRAST),
        "add_mean.bias": mean.astype(np.float32),
    }


def _wdsr(convolutions: list[_Convolution]) -> Arrays:
    (skip,) = (each for each in convolutions if each.is_skip)
    head, *body, tail = (each for each in convolutions if each is not skip)
    scale = _side_of(skip.outputs, _COLORS)
    layers = (0, 2, 3) if body[0].side == 1 else (0, 2)
    blocks = len(body) // len(layers)
    names = [f"body.{block}.body.{layer}" for block in range(blocks) for layer in layers]
    parts = [head, *body, tail.shuffled(scale), skip.shuffled(scale)]
    arrays: Arrays = {}
    for name, each in zip(["head.0", *names, "tail.0", "skip.0"], parts, strict=True):
        arrays |= each.named_with_norms(name)
    return arrays


def _rdn(convolutions: list[_Convolution]) -> Arrays:
    layers = next(n for n, each in enumerate(convolutions[2:]) if each.side == 1)
    blocks = (len(convolutions) - 8) // (layers + 1)
    names = ["sfe1", "sfe2"]
    for block in range(blocks):
        names += [f"rdbs.{block}.layers.{layer}.conv" for layer in range(layers)]
        names.append(f"rdbs.{block}.lff")
    last, wide = convolutions[-1], convolutions[-2]
    if last.inputs == last.outputs:  # otherwise pixels are repeated, and channels stay
        wide.shuffled(_side_of(wide.outputs, last.inputs))
    tail = ["gff.0", "gff.1", "upn1", "upn2", "upn3", "output"]
    return _all_named([*names, *tail], convolutions)


def _rrdn(convolutions: list[_Convolution]) -> Arrays:
    feat, body = convolutions[0].outputs, convolutions[1:-3]
    layers = next(n for n, each in enumerate(body[1:]) if each.inputs == feat)
    blocks, rest = divmod(len(body), DENSE_IN_BLOCK * (layers + 1))
    if rest or not blocks:
        raise ValueError(f"its dense blocks are not {DENSE_IN_BLOCK} to a residual block, as ISR's")
    names = ["pre_blocks"]
    for block in range(blocks):
        for dense in range(DENSE_IN_BLOCK):
            at = f"body.{block}.{dense}"
            names += [*(f"{at}.layers.{layer}" for layer in range(layers)), f"{at}.lff"]
    wide, last = convolutions[-2:]
    wide.shuffled(_side_of(wide.outputs, last.inputs))
    return _all_named([*names, "post_blocks", "pre_shuffle", "output"], convolutions)


def _srresnet(
    convolutions: list[_Convolution], norms: list[Layer], slopes: list[Array]
) -> KerasNetwork:
    blocks = (len(norms) - 1) // 2
    steps = len(convolutions) - 2 * blocks - 3
    for each in convolutions[-1 - steps : -1]:
        each.shuffled(_side_of(each.outputs, convolutions[0].outputs))
    body = [f"body.{block}.conv{layer}" for block in range(blocks) for layer in (1, 2)]
    ups = [f"up.{step}" for step in range(steps)]
    names = ["conv_first", *body, "conv_body", *(f"{up}.conv" for up in ups), "conv_last"]
    arrays = _all_named(names, convolutions)
    body = [f"body.{block}.norm{layer}" for block in range(blocks) for layer in (1, 2)]
    for name, norm in zip([*body, "norm_body"], norms, strict=True):
        arrays |= {
            f"{name}.weight": norm["gamma"],
            f"{name}.bias": norm["beta"],
            f"{name}.running_mean": norm["moving_mean"],
            f"{name}.running_var": norm["moving_variance"] + np.float32(_EPSILON - _TORCH_EPSILON),
            f"{name}.num_batches_tracked": np.zeros((), np.float32),
        }
    acts = [
        "act_first",
        *(f"body.{block}.act" for block in range(blocks)),
        *(f"{u}.act" for u in ups),
    ]
    for name, slope in zip(acts, slopes, strict=True):
        if slope.size != slope.shape[-1]:
            raise ValueError("its slopes differ from place to place")
        arrays[f"{name}.weight"] = slope.reshape(-1)
    stated = json.dumps({"name": "srresnet", "is_bounded": True})
    return KerasNetwork(arrays, {ARCHITECTURE: stated})
