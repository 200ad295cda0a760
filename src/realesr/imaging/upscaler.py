"""The protocol of upscalers: networks, plain filters, and face enhancement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.progress import Notify, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """How an upscaler computes.

    Attributes:
        engine: ``native``, ``PyTorch``, ``onnxruntime``, ``openvino`` or ``filter``.
        device: ``cpu``, ``cuda:0``, ...; None for a plain filter.
        precision: ``fp32``, ``fp16``, ``bf16`` or ``mixed``; None for a plain filter.
        tile: Side of a tile in input px; 0 takes images whole; None is decided with the first
            image, or there are no tiles.
    """

    engine: str
    device: str | None = None
    precision: str | None = None
    tile: int | None = None


class ImageUpscaler(Protocol):
    """Upscales images to a size."""

    @property
    def description(self) -> Description:
        """How it computes."""
        ...

    @property
    def scale(self) -> int:
        """Output px per input px if no size is requested."""
        ...

    @property
    def batch_size(self) -> int:
        """Largest useful batch: images of one size in one call."""
        ...

    @property
    def preroll(self) -> int:
        """Number of frames before a segment of a video that its results depend on."""
        ...

    def session(self, source: Path, *, is_video: bool) -> ImageUpscaler:
        """Returns an upscaler for one job, without state of other jobs; often ``self``.

        Args:
            source: Path of the input, for reports.
            is_video: Whether the job is a sequence of frames; otherwise it is one image.
        """
        ...

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = ...,
        notify: Notify = ...,
    ) -> list[Image]:
        """Upscales images to a size, rounding once to their own depth.

        Args:
            images: Images of one size and depth, all with alpha or all without, all gray or none.
            size: Size of the results, px.
            on_tile: Called after every tile.
            notify: Receives a sentence for everything that is done differently.
        """
        ...
