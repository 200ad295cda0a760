import numpy as np
import pytest
import tifffile

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.decode import read_image

from support.images import parse_exif


def write_dng(path, level):
    """A DNG whose sensor sees one gray everywhere (DNG 1.7, chapter 4)."""
    ones = (1, 1) * 9
    identity = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    assert len(ones) == len(identity)
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # DNGVersion
        (50708, "s", 0, "maker model", True),  # UniqueCameraModel
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, (0, 1, 1, 2), True),  # CFAPattern
        (50714, "H", 1, 0, True),  # BlackLevel
        (50717, "H", 1, 4095, True),  # WhiteLevel
        (50721, "2i", 9, identity, True),  # ColorMatrix1
        (50728, "2I", 3, (1, 1) * 3, True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
        (271, "s", 0, "maker", True),
    ]
    values = np.full((64, 96), level, np.uint16)
    tifffile.imwrite(path, values, photometric=32803, extratags=tags, metadata=None)


@pytest.mark.parametrize("name", ["a.dng", "a.tif"])
def test_a_raw_file_is_developed(tmp_path, name):
    pytest.importorskip("rawpy")
    write_dng(tmp_path / name, 2000)
    image = read_image(tmp_path / name)
    assert (image.size.width, image.size.height) == (96, 64)
    assert image.pixels.dtype == np.uint16
    assert np.ptp(image.pixels[8:-8, 8:-8], axis=(0, 1)).max() < 700
    assert image.pixels.mean() > 10_000
    exif = parse_exif(image)
    assert exif[271] == "maker"
    assert not [tag for tag in exif if tag > 50_000]


def test_damage_and_size(tmp_path):
    pytest.importorskip("rawpy")
    write_dng(tmp_path / "a.dng", 2000)
    with pytest.raises(UnsupportedMediaError, match="max_pixels"):
        read_image(tmp_path / "a.dng", max_pixels=1000)
    (tmp_path / "b.raf").write_bytes(b"FUJIFILMCCD-RAW " + bytes(1000))
    with pytest.raises(UnreadableMediaError, match=r"b\.raf: damaged"):
        read_image(tmp_path / "b.raf")


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    write_dng(tmp_path / "a.dng", 2000)
    with pytest.raises(UnsupportedMediaError, match=r"pip install 'realesr\[raw\]'"):
        read_image(tmp_path / "a.dng")
