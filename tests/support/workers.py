"""What worker processes load in tests; here, because they can import ``support`` alone."""

import os
import signal

from realesr.engine.interpolation import Interpolator
from realesr.errors import RealesrError


class Special:
    """Fails, or ends its process, at images of certain names."""

    scale, batch_size, preroll = 4, 1, 0

    def __init__(self, folder):
        self.folder = folder
        self.name = ""

    def session(self, source, *, is_video):
        self.name = source.stem
        return self

    def upscale_to(self, images, size, **options):
        if self.name.startswith("strange"):
            raise StrangeError(1, 2)
        if self.name.startswith("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        once = self.folder / f"{self.name}.seen"
        if self.name.startswith("moody") and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Interpolator("nearest").upscale_to(images, size, **options)


class StrangeError(Exception):
    """An error that can be pickled, and not be made from that."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def load(folder, options):
    return Special(folder)


def refuse(options):
    raise RealesrError("these weights are damaged")
