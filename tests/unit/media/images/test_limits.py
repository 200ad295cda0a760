from pathlib import Path

import pytest

from realesr.errors import OutOfMemoryError, UnsupportedMediaError
from realesr.geometry import Size
from realesr.media.images import limits
from realesr.media.images.limits import check_result, check_scans, check_size
from realesr.options import DEFAULT_MAX_PIXELS

PATH = Path("x.webp")


def check(width, height, file_bytes, *, pixel_bytes=3, max_pixels=DEFAULT_MAX_PIXELS):
    check_size(
        PATH, width, height, file_bytes=file_bytes, pixel_bytes=pixel_bytes, max_pixels=max_pixels
    )


@pytest.fixture(autouse=True)
def much_memory(monkeypatch):
    monkeypatch.setattr(limits, "free_host_bytes", lambda: 2**40)


def test_a_large_image_in_a_tiny_file_is_refused_unless_it_was_asked_for():
    check(8000, 8000, 34)
    check(14_000, 14_000, 66_000)
    with pytest.raises(UnsupportedMediaError, match=r"and has 34 bytes: .*`max_pixels` 196000000"):
        check(14_000, 14_000, 34)
    check(14_000, 14_000, 34, max_pixels=196_000_000)
    with pytest.raises(UnsupportedMediaError, match="more than 200000000 in all"):
        check(15_000, 15_000, 2**30)


def test_an_image_that_does_not_fit_into_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "free_host_bytes", lambda: 500 * 2**20)
    check(5000, 5000, 10_000_000)
    with pytest.raises(OutOfMemoryError, match=r"need about 715 MiB .*500 MiB are free"):
        check(5000, 5000, 10_000_000, pixel_bytes=6)


def test_a_result_that_does_not_fit_costs_no_work(monkeypatch):
    monkeypatch.setattr(limits, "free_host_bytes", lambda: 300 * 2**20)
    check_result(Size(10_000, 10_000), pixel_bytes=3, path=PATH)
    with pytest.raises(OutOfMemoryError, match=r"takes 343 MiB, and 300 .* smaller `outscale`"):
        check_result(Size(10_000, 12_000), pixel_bytes=3, path=PATH)


def test_a_jpeg_of_very_many_scans_is_refused():
    check_scans(PATH, b"\xff\xda" * 200)
    with pytest.raises(UnsupportedMediaError, match="201 scans"):
        check_scans(PATH, b"\xff\xda" * 201)
