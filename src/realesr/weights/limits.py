"""Limits of what a weights file can ask for, checked before anything is built from it.

They are far above those of published networks, and keep the refusal of a hostile file within two
seconds and one gigabyte.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from realesr.errors import UnsupportedCheckpointError

Shape = tuple[int, ...]

MAX_PARAMETERS = 16_384
"""Number of parameters. The largest networks that spandrel knows have about 5,000."""
MAX_NAME = 256
"""Length of a parameter's name, characters."""
MAX_AXES = 8
MAX_HEADER_BYTES = 8 * 2**20
"""Size of the header of a safetensors file, or of the directory of a zip file, bytes."""
MAX_PICKLE_BYTES = 64 * 2**20
"""Size of a pickle without the values of its tensors, bytes."""
SLACK_BYTES = 64 * 2**20
"""Size that is never refused, bytes."""
MAX_INFLATION = 8
"""Largest ratio of unpacked to packed bytes. PyTorch does not compress; weights that somebody has
compressed shrink by a tenth in float32, and by half if they hold 16-bit values."""
MAX_WIDENING = 4
"""Largest ratio of the values as float32 to the bytes that they are stored in: that of 8 bits."""


def check_parameters(path: Path, shapes: Mapping[str, Shape]) -> None:
    """Checks the names and shapes of all parameters of a network.

    Networks are built from the numbers in names (``body.12.weight``) and from shapes. A number must
    therefore be plausible for the number of parameters, and no axis may be empty.

    Args:
        path: The file, for the message.
        shapes: Shapes of the parameters by name.

    Raises:
        UnsupportedCheckpointError: A name or a shape is that of no network.
    """
    check_names(path, shapes)
    for name, shape in shapes.items():
        if len(shape) > MAX_AXES:
            raise _refused(path, f"{plain(name)} has {len(shape)} axes")
        if len(shape) > 1 and 0 in shape:
            raise _refused(path, f"{plain(name)} of shape {shape} holds no values")


def check_names(path: Path, names: Collection[str]) -> None:
    """Checks the names of all parameters, as :func:`check_parameters` does.

    Raises:
        UnsupportedCheckpointError: A name is that of no network.
    """
    if len(names) > MAX_PARAMETERS:
        raise _refused(path, f"it has {len(names)} parameters")
    largest = 4 * len(names) + 64
    for name in names:
        if len(name) > MAX_NAME:
            raise _refused(path, f"a parameter's name has {len(name)} characters")
        for part in name.split("."):
            is_number = part.isdecimal()
            if is_number and (len(part) > len(str(largest)) or int(part) > largest):
                raise _refused(
                    path, f"{plain(name)} is numbered beyond its {len(names)} parameters"
                )


def check_bytes(path: Path, shapes: Iterable[Shape], stored_bytes: int) -> None:
    """Checks that tensors are not larger than what is stored for them.

    Tensors may share their values or repeat them (stride 0), which costs no memory in the file.

    Args:
        path: The file, for the message.
        shapes: Shapes of all tensors.
        stored_bytes: Bytes of all their distinct values in the file.

    Raises:
        UnsupportedCheckpointError: As float32 they would be far larger.
    """
    wanted = 4 * sum(map(math.prod, shapes))
    if wanted > MAX_WIDENING * stored_bytes + SLACK_BYTES:
        raise _refused(path, f"its {stored_bytes} bytes of values stand for {wanted} bytes")


def plain(text: str, most: int = 100) -> str:
    """Returns words from a file in a form that a terminal can be given: one short line."""
    shown = "".join(each if each.isprintable() else "?" for each in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _refused(path: Path, reason: str) -> UnsupportedCheckpointError:
    return UnsupportedCheckpointError(
        f"{path} is refused, because no network looks like that: {reason}. It is damaged, or made "
        "to exhaust the memory"
    )
