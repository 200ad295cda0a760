"""What workers of a cluster load in tests; here, because they can import ``support`` alone."""

import os
import signal
import time

from realesr.engine.interpolation import Interpolator
from realesr.errors import RealesrError


class Slow:
    """Takes its time, and notes each image and its process in a file."""

    scale, batch_size, preroll = 4, 1, 0

    def __init__(self, notes, seconds):
        self.notes, self.seconds = notes, seconds
        self.name = ""

    def session(self, source, *, is_video):
        self.name = source.name
        return self

    def upscale_to(self, images, size, **options):
        with self.notes.open("a") as file:
            file.write(f"{self.name} {os.getpid()}\n")
        if self.name.startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds * len(images))
        return Interpolator("nearest").upscale_to(images, size, **options)


def load_slow(notes, seconds, locate, options):
    return Slow(notes, seconds)


def refuse(locate, options):
    raise RealesrError("these weights are damaged")


def load_reading(path, notes, locate, options):
    place = locate(path)
    with notes.open("a") as file:
        file.write(f"{place} {place.read_text()}\n")
    return Interpolator("nearest")
