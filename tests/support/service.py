"""A running service, in a thread of the test."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from realesr.imaging.upscaler import Description
from realesr.options import UpscaleOptions
from realesr.serving.app import Service
from realesr.serving.options import ServeOptions

MODELS = ("bicubic", "nearest")
TIMEOUT_S = 30


class Running:
    """What a test needs of it.

    Attributes:
        service: The service.
        url: Its address.
        place: Its folder for temporary files.
        client: A client with that address.
    """

    def __init__(self, service: Service, url: str, place: Path) -> None:
        self.service = service
        self.url = url
        self.place = place
        self.client = httpx.Client(base_url=url, timeout=TIMEOUT_S)

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Waits until a condition holds."""
        ends = time.monotonic() + TIMEOUT_S
        while not (value := condition()):
            assert time.monotonic() < ends, "never held"
            time.sleep(0.01)
        return value

    def left(self) -> list[Path]:
        """Temporary files that are there."""
        # Not rglob, which fails where a folder vanishes meanwhile.
        found = os.walk(self.place)
        return [Path(folder, name) for folder, *names in found for each in names for name in each]


@contextlib.contextmanager
def running(place: Path, **limits: Any) -> Iterator[Running]:
    """Serves on a free port."""
    place.mkdir(exist_ok=True)
    options = replace(ServeOptions(models=MODELS), **limits)
    service = Service(options, UpscaleOptions(device="cpu", threads=1), place, "0")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(service.app, log_level="critical", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        running = Running(service, f"http://127.0.0.1:{listening.getsockname()[1]}", place)
        try:
            running.wait_for(lambda: server.started)
            yield running
        finally:
            running.client.close()
            server.should_exit = True
            thread.join(TIMEOUT_S)


class Slow:
    """An upscaler of 1000 tiles, each of which waits until it is let through."""

    description = Description(engine="filter", precision="fp32")
    scale, batch_size, preroll = 2, 1, 0

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.tiles = 0

    def session(self, source, *, is_video):
        """Returns itself."""
        return self

    def upscale_to(self, images, size, *, on_tile, notify):
        """Repeats pixels, in the end."""
        self.begun.set()
        for self.tiles in range(1, 1001):
            if not self.go_on.is_set():
                time.sleep(0.01)
            on_tile(self.tiles, 1000)
        return [replace(each, pixels=np.zeros((size.height, size.width, 3), np.uint8))
                for each in images]  # fmt: skip
