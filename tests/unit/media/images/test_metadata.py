from dataclasses import replace

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.imaging.image import Metadata
from realesr.media.images.decode import read_image
from realesr.options import EncodingOptions

from support.icc import profile
from support.images import parse_exif, write_image
from support.networks import random_image

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6" '
    b'dc:title="\xc3\xa4"/></rdf:RDF></x:xmpmeta>'
)
UPRIGHT_XMP = XMP.replace(b'Orientation="6"', b'Orientation="1"')
TAKEN, WIDTH, HEIGHT = ExifTags.Base.DateTimeOriginal, 0xA002, 0xA003


def camera_exif():
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Make] = "maker"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Copyright] = "someone"
    exif[ExifTags.IFD.Exif] = {TAKEN: "2001:02:03 04:05:06", WIDTH: 40, HEIGHT: 30}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (48.0, 8.0, 14.5)}
    return exif


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("lossless", [False, True])
def test_profile_exif_and_xmp_travel(tmp_path, name, depth, lossless):
    """From a camera's JPEG into every format, and out of it again, whichever library writes it."""
    if lossless and name == "a.jpg":
        pytest.skip("JPEG has no such thing")
    PillowImage.fromarray(random_image(40, 30).pixels).save(
        tmp_path / "in.jpg", exif=camera_exif(), icc_profile=profile(), xmp=XMP
    )
    image = read_image(tmp_path / "in.jpg")
    deep = random_image(60, 80, depth)
    notices = []
    write_image(
        tmp_path / name,
        replace(deep, metadata=image.metadata),
        EncodingOptions(lossless=lossless),
        notices.append,
    )
    again = read_image(tmp_path / name, notify=notices.append)
    assert {notice.code for notice in notices} <= {"depth-reduced"}
    assert again.metadata.icc == profile()
    assert again.metadata.xmp == UPRIGHT_XMP
    exif = parse_exif(again)
    assert exif[ExifTags.Base.Make] == "maker"
    assert exif[ExifTags.Base.Copyright] == "someone"
    assert exif[ExifTags.Base.Orientation] == 1
    assert exif.get_ifd(ExifTags.IFD.Exif)[TAKEN] == "2001:02:03 04:05:06"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[2] == (48, 8, 14.5)
    sizes = exif.get_ifd(ExifTags.IFD.Exif)
    assert (sizes[WIDTH], sizes[HEIGHT]) == (60, 80)


def test_images_without_metadata_stay_without(tmp_path):
    for name in ("a.png", "a.jpg", "a.webp", "a.tif", "a.avif", "a.bmp"):
        write_image(tmp_path / name, random_image(8, 8))
        assert not read_image(tmp_path / name).metadata, name


@pytest.mark.parametrize(
    ("name", "is_gray", "icc", "told"),
    [
        ("a.png", False, profile(b"RGB "), None),
        ("a.png", True, profile(b"GRAY"), None),
        ("a.png", False, profile(b"CMYK"), "it is for CMYK, and the pixels are RGB"),
        ("a.jpg", True, profile(b"RGB "), "it is for RGB, and the pixels are GRAY"),
        ("a.webp", True, profile(b"GRAY"), "it is for GRAY, and the pixels are RGB"),
        ("a.png", False, b"no profile at all", "it is damaged"),
    ],
)
def test_a_profile_that_does_not_match_is_left_out_and_told(tmp_path, name, is_gray, icc, told):
    notices = []
    image = replace(random_image(8, 8, gray=is_gray), metadata=Metadata(icc=icc))
    write_image(tmp_path / name, image, EncodingOptions(), notices.append)
    assert list(map(str, notices)) == ([f"the color profile is left out: {told}"] if told else [])
    assert read_image(tmp_path / name).metadata.icc == (None if told else icc)


def test_a_cmyk_jpeg_does_not_keep_its_cmyk_profile(tmp_path):
    image = PillowImage.fromarray(random_image(8, 8).pixels).convert("CMYK")
    image.save(tmp_path / "in.jpg", icc_profile=profile(b"CMYK"))
    notices = []
    read = read_image(tmp_path / "in.jpg", notify=notices.append)
    write_image(tmp_path / "out.jpg", read, EncodingOptions(), notices.append)
    assert read_image(tmp_path / "out.jpg").metadata.icc is None
    assert [notice.code for notice in notices] == ["color-converted"]


def test_bmp_says_what_it_does_not_hold(tmp_path):
    notices = []
    image = replace(random_image(8, 8), metadata=Metadata(icc=profile(), xmp=XMP))
    write_image(tmp_path / "a.bmp", image, EncodingOptions(), notices.append)
    assert list(map(str, notices)) == ["BMP holds no metadata: ICC, XMP left out"]
    assert notices[0].code == "metadata-dropped"


def test_large_profiles_travel(tmp_path):
    icc = profile() + bytes(300_000)
    for name in ("a.jpg", "a.png", "a.tif", "a.webp", "a.avif"):
        write_image(tmp_path / name, replace(random_image(8, 8), metadata=Metadata(icc=icc)))
        assert read_image(tmp_path / name).metadata.icc == icc, name


def test_the_thumbnail_is_left_out(tmp_path):
    """It shows the image as it was. IFD1 written by hand, behind IFD0."""
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Make] = "maker"
    block = exif.tobytes()
    # IFD0 ends with the offset of the next directory, zero here: header 6 + 8, count 2, one entry.
    at = 6 + 8 + 2 + 12
    thumbnail = b"\0\1" + b"\2\1\0\4\0\0\0\1\0\0\0\x63" + bytes(4) + b"THUMBNAIL"
    block = block[:at] + (len(block) - 6).to_bytes(4, "big") + block[at + 4 :] + thumbnail
    PillowImage.fromarray(random_image(8, 8).pixels).save(tmp_path / "in.jpg", exif=block)
    image = read_image(tmp_path / "in.jpg")
    assert parse_exif(image)[ExifTags.Base.Make] == "maker"
    assert b"THUMBNAIL" not in image.metadata.exif


@pytest.mark.parametrize("cut", [9, 15, 30, 60])
def test_damaged_exif_does_not_stop_a_image(tmp_path, cut):
    block = camera_exif().tobytes()
    PillowImage.fromarray(random_image(8, 8).pixels).save(tmp_path / "in.jpg", exif=block[:cut])
    image = read_image(tmp_path / "in.jpg")
    assert image.size.width == 8
    write_image(tmp_path / "out.png", image)
    assert read_image(tmp_path / "out.png").size.width == 8
