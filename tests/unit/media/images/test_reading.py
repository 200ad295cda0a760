import os
import threading
import time

import pytest

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.files import ImageSource
from realesr.media.images.reading import read_bytes
from realesr.pipeline.queues import ReadAhead

pytestmark = pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")


def test_a_fifo_is_read_to_its_end_whenever_a_writer_comes(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def write():
        time.sleep(0.15)
        with path.open("wb", buffering=0) as file:
            file.write(b"first")
            time.sleep(0.15)
            file.write(b"second")

    writer = threading.Thread(target=write)
    writer.start()
    assert read_bytes(path) == b"firstsecond"
    writer.join()


def test_the_wait_for_a_writer_can_be_ended(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reading = ReadAhead(ImageSource(path))
    started = time.monotonic()
    reading.close()
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(tmp_path, name):
    link = tmp_path / "a.png"
    link.symlink_to(name)
    with pytest.raises(UnsupportedMediaError, match=r"a\.png: is a device, and no image file"):
        read_bytes(link)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableMediaError, match=r"a\.png: No such file"):
        read_bytes(tmp_path / "a.png")
    with pytest.raises(UnreadableMediaError, match="Is a directory"):
        read_bytes(tmp_path)
