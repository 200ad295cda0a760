"""RRDBNet and SRVGGNetCompact as terms, and the names of their parameters in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from realesr.weights.ncnn.graph import Graph, Term, Terms, shape_of

SLOPE = 0.2
RESIDUAL = 0.2
"""Slope of the leaky ReLU, and factor on residuals, of RRDBNet (ESRGAN's code)."""
_RRDBNET_STEPS = (2, 3)
_DENSE = 15
"""Convolutions of a block: three dense blocks of five."""


class Found(NamedTuple):
    """A network that was recognized.

    Attributes:
        names: Names of its layers with numbers, in the order of the file.
        resized: Factor by which the graph resizes what the network gives; 1 for none.
    """

    names: list[str]
    resized: float


def recognize(graph: Graph, terms: Terms) -> Found:
    """Finds the network that a graph computes.

    Raises:
        ValueError: It is none that is known here.
    """
    result, resized = graph.result, 1.0
    while terms.expression(result)[0] in ("clip", "resize"):
        kind, *operands = terms.expression(result)
        if kind == "resize":
            resized *= float(str(operands[0]))
        elif operands[:2] != [0.0, 1.0]:
            raise ValueError("it limits its result to other values than 0 to 1")
        result = int(str(operands[-1]))
    for term, names in _candidates(graph, terms):
        if term == result:
            return Found(names, resized)
    raise ValueError("it computes neither RRDBNet nor SRVGGNetCompact")


def _candidates(graph: Graph, terms: Terms) -> Iterator[tuple[Term, list[str]]]:
    """Makes the networks that have as many layers with numbers."""
    layers = graph.weights
    image = terms.made("input")
    if any(layer.kind == "PReLU" for layer in layers):
        if layers[0].kind == "Convolution" and layers[-1].kind == "Convolution":
            colors, outputs = shape_of(layers[0])[1], shape_of(layers[-1])[0]
            scale = math.isqrt(outputs // colors)
            names = [f"body.{number}" for number in range(len(layers))]
            yield _srvgg(terms, image, len(layers), scale), names
        return
    for steps in _RRDBNET_STEPS:
        blocks, rest = divmod(len(layers) - 4 - steps, _DENSE)
        if blocks < 1 or rest:
            continue
        names = _rrdbnet_names(blocks, steps)
        yield _rrdbnet(terms, image, blocks, steps), names
        for factor in (2, 4):
            unshuffled = terms.made("unshuffle", factor, image)
            yield _rrdbnet(terms, unshuffled, blocks, steps), names


def _srvgg(terms: Terms, image: Term, layers: int, scale: int) -> Term:
    x = terms.convolution(0, image)
    for number in range(1, layers, 2):
        x = terms.convolution(number + 1, terms.made("prelu", number, x))
    shuffled = x if scale == 1 else terms.made("shuffle", scale, x)
    return terms.sum((shuffled, terms.upscaled(scale, image)))


def _rrdbnet(terms: Terms, image: Term, blocks: int, steps: int) -> Term:
    numbers = count()

    def convolved(x: Term) -> Term:
        return terms.convolution(next(numbers), x)

    def activated(x: Term) -> Term:
        return terms.leaky(SLOPE, convolved(x))

    def dense(x: Term) -> Term:
        joined = [x]
        for _ in range(4):
            joined.append(activated(terms.join(joined) if len(joined) > 1 else x))
        return terms.sum((terms.scaled(convolved(terms.join(joined)), RESIDUAL), x))

    first = x = convolved(image)
    for _ in range(blocks):
        x = terms.sum((terms.scaled(dense(dense(dense(x))), RESIDUAL), x))
    x = terms.sum((convolved(x), first))
    for _ in range(steps):
        x = activated(terms.upscaled(2, x))
    return convolved(activated(x))


def _rrdbnet_names(blocks: int, steps: int) -> list[str]:
    body = (
        f"body.{block}.rdb{dense}.conv{layer}"
        for block in range(blocks)
        for dense in (1, 2, 3)
        for layer in range(1, 6)
    )
    ups = (f"conv_up{step}" for step in range(1, steps + 1))
    return ["conv_first", *body, "conv_body", *ups, "conv_hr", "conv_last"]
