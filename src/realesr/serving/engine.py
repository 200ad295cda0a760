"""The one engine of the service: loaded networks, used by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from realesr.errors import TooLargeMediaError, UnknownModelError
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.imaging.upscaler import Description, ImageUpscaler
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import ensure_files
from realesr.options import Target, UpscaleOptions
from realesr.progress import Notice, Notify, Progress, no_notice, no_progress
from realesr.serving.metrics import Metrics
from realesr.serving.tickets import Ticket, Turns
from realesr.weights.catalog import BASELINES, find_model

KEPT = 3
"""Number of loaded networks that are kept; other options than sizes count as another network."""


class Engine:
    """Loads networks when they are asked for, and keeps some.

    Args:
        base: Options that clients cannot change: device, precision, threads, ...
        models: Names that clients may choose.
        metrics: Figures of the service.
        max_result_pixels: Largest result, px.
    """

    def __init__(
        self,
        base: UpscaleOptions,
        models: tuple[str, ...],
        metrics: Metrics,
        *,
        max_result_pixels: int,
    ) -> None:
        self.base = base
        self.models = models
        self.metrics = metrics
        self.max_result_pixels = max_result_pixels
        self.turns = Turns()
        self._lock = threading.Lock()
        self._loaded: OrderedDict[UpscaleOptions, ImageUpscaler] = OrderedDict()

    def check_model(self, name: str) -> None:
        """Checks that clients may choose a model.

        Raises:
            UnknownModelError: They may not.
        """
        if name not in self.models:
            raise UnknownModelError(
                f"`model_name` {name}: this service has {', '.join(self.models)}"
            )

    def scale_of(self, options: UpscaleOptions) -> int:
        """Returns output px per input px if no size is requested. Loads no network.

        Raises:
            UnknownModelError: The catalog has no such model.
        """
        if options.model_name in BASELINES:
            return make_upscaler(options, None).scale
        return find_model(options.model_name).scale

    def check_size(self, size: Size) -> None:
        """Checks the size of a result, px.

        Raises:
            TooLargeMediaError: It is too large.
        """
        if size.area > self.max_result_pixels:
            raise TooLargeMediaError(
                f"the result would be {size} px, more than {self.max_result_pixels} in all: ask "
                "for a smaller one"
            )

    def load(self, options: UpscaleOptions, notify: Notify = no_notice) -> ImageUpscaler:
        """Returns the upscaler for options, whose target does not matter.

        Args:
            options: Options of upscaling.
            notify: Receives a notice if an option has no effect, where it is not loaded yet.

        Raises:
            RealesrError: It cannot be loaded.
        """
        key = replace(options, target=Target())
        with self._lock:
            found = self._loaded.get(key)
            if found is None:
                started = time.perf_counter()
                while len(self._loaded) >= KEPT:  # before, so that memory holds no more
                    self._loaded.popitem(last=False)
                found = make_upscaler(key, ensure_files(key), notify=notify)
                seconds = time.perf_counter() - started
                self.metrics.load_seconds.labels(options.model_name).set(seconds)
                self._loaded[key] = found
            self._loaded.move_to_end(key)
        return found

    def watched(self, options: UpscaleOptions, ticket: Ticket, *, is_urgent: bool) -> Watched:
        """Returns the upscaler for options, counted and stopped by a ticket.

        Raises:
            RealesrError: It cannot be loaded.
        """
        return Watched(self.load(options), self, ticket, is_urgent)


@dataclass(frozen=True, slots=True)
class Watched:
    """An :class:`~realesr.imaging.upscaler.ImageUpscaler` that waits for its turn.

    Attributes:
        inner: What upscales.
        engine: The engine that it belongs to.
        ticket: What the work is stopped by.
        is_urgent: Whether it comes before others.
    """

    inner: ImageUpscaler
    engine: Engine
    ticket: Ticket
    is_urgent: bool

    @property
    def description(self) -> Description:
        """How it computes."""
        return self.inner.description

    @property
    def scale(self) -> int:
        """Output px per input px if no size is requested."""
        return self.inner.scale

    @property
    def batch_size(self) -> int:
        """Largest useful batch."""
        return self.inner.batch_size

    @property
    def preroll(self) -> int:
        """Number of frames before a segment that its results depend on."""
        return self.inner.preroll

    def session(self, source: Path, *, is_video: bool) -> Watched:
        """Returns an upscaler for one job."""
        return replace(self, inner=self.inner.session(source, is_video=is_video))

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Upscales images to a size, tile by tile, as long as the ticket allows it.

        Raises:
            StoppedError: The ticket does not.
            TooLargeMediaError: The result would be too large.
        """
        engine, metrics = self.engine, self.engine.metrics
        engine.check_size(size)
        precision = self.inner.description.precision or "none"

        def after_tile(done: int, total: int) -> None:
            metrics.tiles.labels(precision).inc()
            on_tile(done, total)
            self.ticket.check()

        def note(notice: Notice) -> None:
            metrics.note(notice)
            notify(notice)

        self.ticket.check()
        with engine.turns.take(is_urgent=self.is_urgent):
            self.ticket.check()
            results = self.inner.upscale_to(images, size, on_tile=after_tile, notify=note)
        metrics.pixels.labels("in").inc(sum(image.size.area for image in images))
        metrics.pixels.labels("out").inc(size.area * len(images))
        return results
