"""What a graph of ncnn computes, whatever its layers and blobs are called.

Every value in a graph gets a term: the operation and the terms of what it is applied to. Equal
terms have the same number, so that two graphs compute the same if their results have the same one.
What converters write in several ways becomes one term: copies vanish, joined joins are one join,
and a product with a constant within a sum is a coefficient of the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from realesr.weights.limits import plain
from realesr.weights.ncnn.param import Layer

Term = int
Shape = tuple[int, ...]

MAX_JOINED = 64
"""Largest number of values in a join or a sum. A dense block has 5."""

_SAME_PADDING = (-233, -234)
"""Values of a padding that mean "as much as keeps the size"."""
_NO_ACTIVATION, _RELU, _LEAKY_RELU = range(3)
_ADD, _MULTIPLY = 0, 2
_ELTWISE_SUM = 1


class Terms:
    """All terms of the graphs that are compared."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], Term] = {}
        self._made: list[tuple[object, ...]] = []

    def made(self, *expression: object) -> Term:
        """Returns the term of an operation and its operands."""
        if expression not in self._numbers:
            self._numbers[expression] = len(self._made)
            self._made.append(expression)
        return self._numbers[expression]

    def expression(self, term: Term) -> tuple[object, ...]:
        """Returns the operation and the operands of a term."""
        return self._made[term]

    def convolution(self, number: int, x: Term) -> Term:
        """Returns the result of a convolution, which is known by its place in the file."""
        return self.made("convolution", number, x)

    def leaky(self, slope: float, x: Term) -> Term:
        """Returns the result of a (leaky) ReLU."""
        return self.made("leaky", round(slope, 6), x)

    def scaled(self, x: Term, factor: float) -> Term:
        """Returns a product with a constant."""
        return x if factor == 1 else self.made("scaled", round(factor, 6), x)

    def upscaled(self, factor: float, x: Term) -> Term:
        """Returns the upscaling by repeated pixels."""
        return x if factor == 1 else self.made("repeat", round(factor, 6), x)

    def sum(self, parts: Iterable[Term]) -> Term:
        """Returns a sum, in which the order does not matter.

        Raises:
            ValueError: It has too many parts.
        """
        weighted: list[tuple[object, object]] = []
        for part in parts:
            kind, *operands = self.expression(part)
            is_scaled = kind == "scaled"
            weighted.append((operands[1], operands[0]) if is_scaled else (part, 1.0))
        return self.made("sum", *_limited(sorted(weighted, key=repr)))

    def join(self, parts: Iterable[Term]) -> Term:
        """Returns a concatenation of channels.

        Raises:
            ValueError: It has too many parts.
        """
        flat: list[object] = []
        for part in parts:
            kind, *operands = self.expression(part)
            flat += _limited(operands) if kind == "join" else [part]
        return self.made("join", *_limited(flat))


def _limited(parts: list[object] | list[tuple[object, object]]) -> Sequence[object]:
    if len(parts) > MAX_JOINED:
        raise ValueError(f"it joins {len(parts)} values")
    return parts


class Graph:
    """The result of a graph, and its layers with numbers.

    Args:
        layers: Layers of the file.
        terms: Receives the terms.

    Attributes:
        result: Term of the result.
        weights: The ``Convolution`` and ``PReLU`` layers, in the order of the file.

    Raises:
        ValueError: It has a layer, or a parameter of one, that the networks known here lack.
    """

    def __init__(self, layers: Sequence[Layer], terms: Terms) -> None:
        self._terms = terms
        self.weights: list[Layer] = []
        blobs: dict[str, Term] = {}
        unused: dict[str, None] = {}
        for layer in layers:
            if layer.kind not in _KINDS:
                raise ValueError(f"its layer {plain(layer.kind, 40)} is in no network known here")
            for name in layer.inputs:
                unused.pop(name, None)
            try:
                inputs = [blobs[name] for name in layer.inputs]
            except KeyError as error:
                raise ValueError(f"blob {plain(str(error))} is used before it is made") from error
            term = _KINDS[layer.kind](self, layer, inputs)
            blobs |= dict.fromkeys(layer.outputs, term)
            unused |= dict.fromkeys(layer.outputs)
        results = [blobs[name] for name in unused]
        if len(results) != 1:
            raise ValueError(f"it has {len(results)} results")
        self.result = results[0]

    def _input(self, layer: Layer, inputs: list[Term]) -> Term:
        if inputs:
            raise ValueError("its input has an input")
        return self._terms.made("input", *layer.outputs[1:])

    def _copy(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        return x

    def _convolution(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        shape_of(layer)
        self.weights.append(layer)
        x = self._terms.convolution(len(self.weights) - 1, x)
        activation = layer.integer(9)
        if activation == _NO_ACTIVATION:
            return x
        if activation == _RELU:
            return self._terms.leaky(0, x)
        if activation == _LEAKY_RELU:
            return self._terms.leaky(layer.arrays[10][0], x)
        raise ValueError(f"activation {activation} of a convolution is in no network known here")

    def _prelu(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        shape_of(layer)
        self.weights.append(layer)
        return self._terms.made("prelu", len(self.weights) - 1, x)

    def _relu(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        return self._terms.leaky(layer.number(0), x)

    def _eltwise(self, layer: Layer, inputs: list[Term]) -> Term:
        if layer.integer(0) != _ELTWISE_SUM:
            raise ValueError("its Eltwise is no sum")
        factors = layer.arrays.get(1, (1.0,) * len(inputs))
        return self._terms.sum(
            self._terms.scaled(x, factor) for x, factor in zip(inputs, factors, strict=True)
        )

    def _binary(self, layer: Layer, inputs: list[Term]) -> Term:
        operation, has_constant = layer.integer(0), layer.integer(1)
        if operation == _ADD and not has_constant and len(inputs) == 2:
            return self._terms.sum(inputs)
        if operation == _MULTIPLY and has_constant and len(inputs) == 1:
            return self._terms.scaled(inputs[0], layer.number(2))
        raise ValueError("its BinaryOp is neither a sum nor a product with a constant")

    def _concat(self, layer: Layer, inputs: list[Term]) -> Term:
        if layer.integer(0) != 0:
            raise ValueError("its Concat does not join channels")
        return self._terms.join(inputs)

    def _interp(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        kind, factor = layer.integer(0), layer.number(1, 1)
        if factor != layer.number(2, 1) or layer.integer(3) or layer.integer(4):
            raise ValueError("its Interp has no single factor")
        if kind == 1:
            return self._terms.upscaled(factor, x)
        return self._terms.made("resize", round(factor, 6), x)

    def _shuffle(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        if layer.integer(1) != 0:
            raise ValueError("its PixelShuffle has channels in another order")
        factor = layer.integer(0, 1)
        return x if factor == 1 else self._terms.made("shuffle", factor, x)

    def _unshuffle(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        if layer.integer(1) != 0:
            raise ValueError("its Reorg has channels in another order")
        return self._terms.made("unshuffle", layer.integer(0, 1), x)

    def _clip(self, layer: Layer, inputs: list[Term]) -> Term:
        (x,) = inputs
        return self._terms.made("clip", layer.number(0), layer.number(1), x)


def shape_of(layer: Layer) -> Shape:
    """Returns the shape of the weight of a convolution (O, I, H, W), or the number of slopes.

    Raises:
        ValueError: No network known here has such a layer.
    """
    if layer.kind == "PReLU":
        return (layer.integer(0),)
    if layer.integer(8):
        raise ValueError("its weights are quantized to 8 bits, which realesr does not compute")
    outputs, side, count = layer.integer(0), layer.integer(1), layer.integer(6)
    if outputs < 1 or side < 1 or count < 1 or count % (outputs * side * side):
        raise ValueError(f"a convolution has {count} weights for {outputs} outputs of {side} px")
    paddings = {layer.integer(4), *(layer.integer(id_, layer.integer(4)) for id_ in (14, 15, 16))}
    is_plain = (
        layer.integer(11, side) == side
        and paddings <= {side // 2, *_SAME_PADDING}
        and all(layer.integer(id_, 1) == 1 for id_ in (2, 3, 5, 12, 13))
        and not (layer.number(18) or layer.integer(19))
    )
    if not is_plain:
        raise ValueError("a convolution has a stride, a dilation, a padding or no bias")
    return outputs, count // (outputs * side * side), side, side


_KINDS: Mapping[str, Callable[[Graph, Layer, list[Term]], Term]] = {
    "Input": Graph._input,
    "Split": Graph._copy,
    "Noop": Graph._copy,
    "Dropout": Graph._copy,
    "Convolution": Graph._convolution,
    "PReLU": Graph._prelu,
    "ReLU": Graph._relu,
    "Eltwise": Graph._eltwise,
    "BinaryOp": Graph._binary,
    "Concat": Graph._concat,
    "Interp": Graph._interp,
    "PixelShuffle": Graph._shuffle,
    "Reorg": Graph._unshuffle,
    "Clip": Graph._clip,
}
"""Layers that the networks known here consist of. Ids of parameters and their defaults: ncnn's
documentation, "operators"."""
