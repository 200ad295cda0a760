"""An ONNX network and its properties: what the file says about itself, checked by trial runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realesr.engine.onnx.content import OnnxFile
from realesr.engine.onnx.session import Session
from realesr.errors import DeviceError, UnsupportedCheckpointError
from realesr.models.architecture import COLORS, MAX_SCALE

PREFIX = "realesr."
"""Beginning of this program's keys in the metadata of a file."""
TRIAL_SIDE = 64
"""Side of the image of a trial run, px: a multiple of what networks ask for."""
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
"""What the sides of an image may have to be multiples of, px."""
UNKNOWN_RADIUS = 10**6
UNKNOWN_VALUES = 4096
"""Assumed peak of values per input px: more than any network of this package at x4."""
_FIXED_MARGIN = 4
"""Least ratio of the fixed side of a network to the context around a tile."""
_LARGEST_NUMBERS = {"receptive_radius": 10**6, "multiple_of": 64, "min_size": 1024, "peak": 10**6}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxNetwork:
    """A network that is ready to run, a :class:`~realesr.models.architecture.NetworkProperties`.

    Attributes:
        scale: Output px per input px, along each side.
        multiple_of: Number of px of which both sides of the input must be multiples.
        min_size: Shortest allowed side of the input, px.
        receptive_radius: Largest distance of an input px that an output px depends on, px.
        peak_activations_per_pixel: Values in memory at the same time, per input px.
        fixed: Height and width that it takes alone, px; None for a free side.
    """

    scale: int
    multiple_of: int = 1
    min_size: int = 1
    receptive_radius: int = UNKNOWN_RADIUS
    peak_activations_per_pixel: int = UNKNOWN_VALUES
    fixed: tuple[int | None, int | None] = (None, None)
    is_half: bool = False
    session: Session = field(repr=False)

    @property
    def fixed_tile(self) -> int | None:
        """Shorter of the fixed sides, px; None if both are free."""
        sides = [side for side in self.fixed if side is not None]
        return min(sides) if sides else None

    def overlap(self, wanted: int) -> int:
        """Returns the context around a tile, px: less than wanted if the network is small."""
        side = self.fixed_tile
        return wanted if side is None else min(wanted, side // _FIXED_MARGIN)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Upscales (N, 3, H, W) float32 RGB in [0, 1] to (N, 3, H * scale, W * scale) float32.

        Raises:
            MemoryError, DeviceError: As of :class:`realesr.engine.onnx.session.Session`.
            UnsupportedCheckpointError: The result has another shape than in the trial run.
        """
        results = [_run(self.session, image[None], self.is_half) for image in images]
        _, _, height, width = images.shape
        for result in results:
            if result.shape != (1, COLORS, height * self.scale, width * self.scale):
                raise UnsupportedCheckpointError(
                    f"the network makes {result.shape} of {width}x{height} px, and made "
                    f"x{self.scale} of others"
                )
        return results[0] if len(results) == 1 else np.concatenate(results)


def load_network(file: OnnxFile, session: Session) -> OnnxNetwork:
    """Finds the properties of a network: runs it on small images, and reads what the file says.

    Raises:
        UnsupportedCheckpointError: It does not upscale RGB images by a whole number.
    """
    height, width = (side or TRIAL_SIDE for side in file.fixed)
    try:
        scale = _scale_of(session, height, width, file.is_half)
    except (DeviceError, MemoryError) as error:
        raise UnsupportedCheckpointError(f"a trial run of the network failed: {error}") from error
    if scale is None:
        raise UnsupportedCheckpointError(
            f"the network does not make a larger image of {width}x{height} px by a factor of 1 to "
            f"{MAX_SCALE}"
        )
    stated = stated_numbers(file.metadata)
    if any(file.fixed):
        multiple = 1
    else:
        multiple = stated.get("multiple_of", 0) or _multiple_of(session, scale, file.is_half)
    if stated.pop("scale", scale) != scale:
        raise UnsupportedCheckpointError(f"the file states another scale than x{scale}, its own")
    known: dict[str, Any] = {"fixed": file.fixed, "is_half": file.is_half, "session": session}
    return OnnxNetwork(**{**stated, **known, "scale": scale, "multiple_of": multiple})


def stated_numbers(metadata: Mapping[str, str]) -> dict[str, int]:
    """Returns the numbers that a file states about its network, as fields of :class:`OnnxNetwork`.

    Anything else than a number within reason is left out.
    """
    most = {**_LARGEST_NUMBERS, "scale": MAX_SCALE}
    fields = {name: name for name in most} | {"peak": "peak_activations_per_pixel"}
    stated = {}
    for name, largest in most.items():
        text = metadata.get(PREFIX + fields[name], "")
        if text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= largest:
            stated[fields[name]] = int(text)
    return stated


def _scale_of(session: Session, height: int, width: int, is_half: bool) -> int | None:
    """Returns the scale at a size, by a run; None if the result is no upscaled image."""
    gray = np.full((1, COLORS, height, width), 0.5, np.float32)
    shape = _run(session, gray, is_half).shape
    if len(shape) != 4 or shape[:2] != (1, COLORS) or shape[2] % height:
        return None
    scale = int(shape[2] // height)
    fits = shape[3] == width * scale and 1 <= scale <= MAX_SCALE
    return scale if fits else None


def _multiple_of(session: Session, scale: int, is_half: bool) -> int:
    """Returns what the sides must be multiples of: the first number with which a run goes well.

    Raises:
        UnsupportedCheckpointError: There is none.
    """
    for multiple in MULTIPLES:
        side = TRIAL_SIDE + multiple
        try:
            if _scale_of(session, side, side, is_half) == scale:
                return multiple
        except (DeviceError, MemoryError):
            continue
    raise UnsupportedCheckpointError(
        f"the network takes images of {TRIAL_SIDE}x{TRIAL_SIDE} px only, and does not say so"
    )


def _run(session: Session, image: NDArray[np.float32], is_half: bool) -> NDArray[np.float32]:
    result = session(image.astype(np.float16) if is_half else np.ascontiguousarray(image))
    return result.astype(np.float32, copy=False)
