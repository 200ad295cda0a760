from pathlib import Path

import pytest

from realesr.errors import UnsupportedMediaError, UnwritableMediaError
from realesr.geometry import Size
from realesr.media.formats import IMAGES, VIDEOS


@pytest.mark.parametrize("suffix", IMAGES.output_suffixes)
def test_suffixes_count_in_any_case(suffix):
    assert IMAGES.matches(Path(f"a{suffix}"))
    assert IMAGES.format_of(Path(f"a{suffix.upper()}")) is IMAGES.format_of(Path(f"a{suffix}"))


@pytest.mark.parametrize("name", ["a", "a.txt", "png", ".png", "a.png.txt"])
def test_other_names_are_no_images(name):
    assert not IMAGES.matches(Path(name))
    with pytest.raises(UnsupportedMediaError, match="not the name of an image"):
        IMAGES.format_of(Path(name))


@pytest.mark.parametrize(
    ("name", "fits", "too_large"),
    [
        ("a.webp", Size(16_383, 16_383), Size(16_384, 1)),
        ("a.jpg", Size(1, 65_500), Size(1, 65_501)),
        ("a.avif", Size(16_384, 16_384), Size(16_385, 16_384)),
        ("a.avif", Size(32_768, 9), Size(32_769, 9)),
        ("a.bmp", Size(26_000, 26_000), Size(27_000, 27_000)),
        ("a.tif", Size(26_000, 26_000), Size(27_000, 27_000)),
    ],
)
def test_what_does_not_fit_is_known_beforehand(name, fits, too_large):
    path = Path(name)
    depth = 2 if name == "a.tif" else 1
    IMAGES.format_of(path).check_fits(path, fits, channels=3, byte_depth=depth)
    with pytest.raises(UnwritableMediaError, match=f"{name}: {too_large} px do not fit.*`ext`"):
        IMAGES.format_of(path).check_fits(path, too_large, channels=3, byte_depth=depth)


def test_what_is_only_read_gets_an_output_that_carries_nearly_everything():
    assert VIDEOS.suffix_of_output(Path("a.MP4")) == ".MP4"
    assert VIDEOS.suffix_of_output(Path("a.ts")) == ".mkv"
    VIDEOS.check_readable(Path("a.ts"))
    with pytest.raises(UnsupportedMediaError, match="name of a video"):
        VIDEOS.check_readable(Path("a.png"))
    with pytest.raises(UnsupportedMediaError, match="name of a video"):
        VIDEOS.format_of(Path("a.ts"))
