"""The ``.param`` file of an ncnn network: its layers, as text.

Format: ncnn's documentation, "param and model file structure". The first line is a magic number,
the second one the numbers of layers and of blobs. Each further line has the kind and the name of a
layer, the numbers of its inputs and outputs, their names, and parameters ``id=value``. An array has
the id -23300 - id, and its length before its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAGIC = b"7767517"
MAX_BYTES = 4 * 2**20
"""Size of the text. That of RRDBNet with 23 blocks has 116 KB."""
MAX_LAYERS = 16_384

_HEAD = 4
"""Words of a line before the names of blobs."""
_FIRST_ARRAY = -23_300
_LAST_ARRAY = -23_399


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a graph.

    Attributes:
        kind: Its type, such as ``Convolution``.
        inputs: Names of the blobs that it takes.
        outputs: Names of the blobs that it makes.
        numbers: Parameters by id.
        arrays: Parameters that are arrays, by id.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: Mapping[int, float]
    arrays: Mapping[int, tuple[float, ...]]

    def number(self, id_: int, default: float = 0.0) -> float:
        """Returns a parameter, or its default in ncnn."""
        return self.numbers.get(id_, default)

    def integer(self, id_: int, default: int = 0) -> int:
        """Returns a whole parameter, or its default in ncnn.

        Raises:
            ValueError: It is not whole.
        """
        value = self.numbers.get(id_, default)
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            raise ValueError(f"parameter {id_} of a {self.kind} is {value}")
        return int(value)


def parse(text: bytes) -> list[Layer]:
    """Reads the layers of a graph, in the order of the file.

    Args:
        text: Content of the file.

    Raises:
        ValueError: It is no such description, or larger than that of any network.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"it has {len(text)} bytes, more than that of any network")
    magic, counts, *lines = [line for line in text.decode("utf-8").splitlines() if line.strip()]
    if magic.strip().encode() != MAGIC:
        raise ValueError("it does not begin with the number of such a file")
    announced = int(counts.split()[0])
    if not 0 < announced <= MAX_LAYERS:
        raise ValueError(f"it announces {announced} layers, more than any network has")
    if announced != len(lines):
        raise ValueError(f"it announces {announced} layers and has {len(lines)}; it is cut off")
    return [_parse_line(line.split()) for line in lines]


def _parse_line(words: list[str]) -> Layer:
    if len(words) < _HEAD:
        raise ValueError("a line is cut off")
    kind, _, inputs, outputs = words[0], words[1], int(words[2]), int(words[3])
    blobs = words[_HEAD : _HEAD + inputs + outputs]
    if inputs < 0 or outputs < 0 or len(blobs) != inputs + outputs:
        raise ValueError(f"the blobs of a {kind} are missing")
    numbers: dict[int, float] = {}
    arrays: dict[int, tuple[float, ...]] = {}
    for word in words[_HEAD + inputs + outputs :]:
        key, _, value = word.partition("=")
        id_ = int(key)
        if _LAST_ARRAY <= id_ <= _FIRST_ARRAY:
            length, *values = map(_number, value.split(","))
            if length != len(values):
                raise ValueError(f"an array of a {kind} has {len(values)} of {length:g} values")
            arrays[_FIRST_ARRAY - id_] = tuple(values)
        else:
            numbers[id_] = _number(value)
    return Layer(kind, tuple(blobs[:inputs]), tuple(blobs[inputs:]), numbers, arrays)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise ValueError("a parameter is no number") from error
