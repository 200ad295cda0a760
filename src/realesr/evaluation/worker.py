"""A process for each model, so that its time and memory are its own."""

from __future__ import annotations

import multiprocessing
import sys
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from realesr.errors import DeviceError, RealesrError
from realesr.evaluation.models import Model
from realesr.geometry import Size

if TYPE_CHECKING:
    from realesr.imaging.upscaler import ImageUpscaler

Levels = NDArray[np.uint8]

_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Upscaled:
    """A result.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        seconds: Time, without loading and without the first, slower image.
        peak_bytes: Memory of the process at its peak, or of the GPU where there is one.
    """

    pixels: Levels
    seconds: float
    peak_bytes: int


class ModelProcess(AbstractContextManager["ModelProcess", None]):
    """Upscales images in another process, which ends with the context.

    Args:
        model: The model; it is loaded with the first image.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def upscale(self, lr: Levels, scale: int) -> Upscaled:
        """Upscales an image, (h, w, 3) uint8 RGB.

        Raises:
            RealesrError: The model cannot be loaded, or fails.
            DeviceError: The process has died.
        """
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs, self._model), daemon=True)
            self._process.start()
            theirs.close()
        try:
            self._connection.send((lr, scale))
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            self.__exit__()
            raise DeviceError(
                f"{self._model.name}: its process has died; memory may not suffice"
            ) from error
        if isinstance(answer, Upscaled):
            return answer
        if isinstance(answer, RealesrError):
            raise answer
        raise RealesrError(f"{self._model.name}: {answer}")

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.join(_STOP_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process = None


def _serve(connection: Connection, model: Model) -> None:
    """Answers images with results until the pipe closes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent closes the pipe
    upscalers: list[tuple[ImageUpscaler, float]] = []
    with suppress(EOFError, OSError):
        while True:
            lr, scale = connection.recv()
            try:
                if not upscalers:
                    upscalers = _load(model)
                    _upscale(upscalers, lr[:64, :64], scale)  # the first image warms up
                started = time.perf_counter()
                pixels = _upscale(upscalers, lr, scale)
                seconds = time.perf_counter() - started
                connection.send(Upscaled(pixels, seconds, peak_bytes()))
            except RealesrError as error:
                connection.send(error)
            except Exception as error:
                connection.send(f"{type(error).__name__}: {error}")


def _load(model: Model) -> list[tuple[ImageUpscaler, float]]:
    from realesr.engine.memory import keep_freed_memory
    from realesr.loading.build import make_upscaler

    keep_freed_memory()
    return [(make_upscaler(part.options, part.files), part.share) for part in model.parts]


def _upscale(upscalers: list[tuple[ImageUpscaler, float]], lr: Levels, scale: int) -> Levels:
    from realesr.imaging.image import Image

    is_gray = bool((lr == lr[..., :1]).all())
    image = Image(np.ascontiguousarray(lr), is_gray=is_gray)
    size = Size(lr.shape[1] * scale, lr.shape[0] * scale)
    results = [(each.upscale_to([image], size)[0].pixels, share) for each, share in upscalers]
    if len(results) == 1:
        return np.asarray(results[0][0], dtype=np.uint8)
    total = np.sum([pixels.astype(np.float64) * share for pixels, share in results], axis=0)
    return np.asarray(np.clip(np.rint(total), 0, 255), dtype=np.uint8)


def peak_bytes() -> int:
    """Returns the peak of this process's memory, or of its GPU's if it uses one, bytes."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status")
    if status.is_file():
        # The one of getrusage would include the parent's memory before exec.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import psutil

    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))
