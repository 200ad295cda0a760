"""JPEGs: damage is heard, what is missing is told apart, and other precisions are read."""

import io

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError
from realesr.imaging.jpeg_color import ChromaCoding, smooth_chroma
from realesr.media.images.c_output import can_catch
from realesr.media.images.decode import read_image
from realesr.media.images.decoders.jpeg_structure import frame_header, has_all_scans, has_end

from support.icc import cmyk_profile, profile
from support.images import COLOR
from support.networks import random_image

NOISE = random_image(96, 80).pixels

needs_messages = pytest.mark.skipif(not can_catch(), reason="this C library's stderr is constant")


def jpeg(array, mode=None, **options):
    stream = io.BytesIO()
    image = PillowImage.fromarray(array)
    (image.convert(mode) if mode else image).save(stream, "JPEG", **{"quality": 90} | options)
    return stream.getvalue()


def read(path, data, **options):
    path.write_bytes(data)
    notices = []
    image = read_image(path, notify=notices.append, **options)
    return image, notices


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_pixels_are_those_of_pillow(tmp_path, mode, progressive, subsampling):
    data = jpeg(NOISE, mode, progressive=progressive, subsampling=subsampling)
    image, notices = read(tmp_path / "a.jpg", data)
    expected = np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB"))
    assert (image.pixels == expected).all()
    assert image.is_gray == (mode == "L")
    assert notices == []


@needs_messages
@pytest.mark.parametrize("progressive", [False, True])
def test_without_an_end_marker_but_with_all_pixels(tmp_path, progressive):
    data = jpeg(NOISE, progressive=progressive)
    expected, _ = read(tmp_path / "a.jpg", data)
    image, (notice,) = read(tmp_path / "a.jpg", data[:-2])
    assert (image.pixels == expected.pixels).all()
    assert notice.code == "image-damaged"
    assert "all its pixels" in notice.message
    with pytest.raises(UnreadableMediaError, match="is_strict"):
        read(tmp_path / "a.jpg", data[:-2], is_strict=True)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [20, 400, 2000])
def test_missing_pixels_are_an_error(tmp_path, progressive, lost):
    data = jpeg(NOISE, progressive=progressive)
    with pytest.raises(UnreadableMediaError, match=r"a\.jpg: damaged or cut short"):
        read(tmp_path / "a.jpg", data[:-lost])


def test_a_progressive_image_without_its_last_scan_is_not_complete(tmp_path):
    data = jpeg(NOISE, progressive=True)
    last = data.rindex(b"\xff\xda")
    frame = frame_header(data)
    assert has_all_scans(data, frame)
    assert not has_all_scans(data[:last], frame)
    with pytest.raises(UnreadableMediaError, match="pixels are missing"):
        read(tmp_path / "a.jpg", data[:last])


@needs_messages
def test_damage_is_told_and_nothing_is_printed(tmp_path, capfd):
    data = bytearray(jpeg(NOISE))
    start = data.index(b"\xff\xda") + 500
    data[start : start + 1500] = bytes(1500)
    _, (notice,) = read(tmp_path / "a.jpg", bytes(data))
    assert notice.code == "image-damaged"
    assert "Corrupt JPEG data" in notice.message
    with pytest.raises(UnreadableMediaError, match=r"Corrupt JPEG data.*is_strict"):
        read(tmp_path / "a.jpg", bytes(data), is_strict=True)
    assert capfd.readouterr() == ("", "")


def test_garbage_behind_the_end_is_no_damage(tmp_path):
    _, notices = read(tmp_path / "a.jpg", jpeg(NOISE) + bytes(1000))
    assert notices == []


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("channels", [1, 3])
def test_precisions(tmp_path, bits, channels):
    ramp = (np.arange(64) * (2**bits - 1) / 63).round()
    values = np.broadcast_to(ramp[None, :, None], (48, 64, channels))
    values = np.ascontiguousarray(values.squeeze().astype(np.uint16 if bits > 8 else np.uint8))
    data = imagecodecs.jpeg8_encode(values, level=100, bitspersample=bits)
    image, notices = read(tmp_path / "a.jpg", data)
    assert image.pixels.dtype == (np.uint16 if bits > 8 else np.uint8)
    assert image.is_gray == (channels == 1)
    expected = ramp / (2**bits - 1)
    assert np.abs(image.pixels[20, :, 1] / image.peak - expected).max() < 0.01
    assert notices == []


def test_the_metadata_of_12_bits(tmp_path):
    values = np.full((16, 16, 3), 2000, np.uint16)
    data = imagecodecs.jpeg8_encode(values, bitspersample=12)
    icc = profile()
    body = b"ICC_PROFILE\0\1\1" + icc
    data = data[:2] + b"\xff\xe2" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]
    assert read(tmp_path / "a.jpg", data)[0].metadata.icc == icc


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless(tmp_path, bits):
    values = (random_image(20, 30, np.uint16).pixels >> (16 - bits)).astype(
        np.uint16 if bits > 8 else np.uint8
    )
    data = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits)
    image, _ = read(tmp_path / "a.jpg", data)
    assert np.abs(image.pixels / image.peak - values / (2**bits - 1)).max() < 1e-4


def test_cmyk_goes_through_its_profile(tmp_path):
    white = np.full((8, 8, 3), 255, np.uint8)
    inks = PillowImage.fromarray(white).convert("CMYK")
    cyan = PillowImage.new("CMYK", (8, 8), (255, 0, 0, 0))
    for image, expected in ((inks, (255, 255, 255)), (cyan, (75, 200, 178))):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=100, icc_profile=cmyk_profile())
        result, (notice,) = read(tmp_path / "a.jpg", stream.getvalue())
        assert np.abs(result.pixels.astype(int) - expected).max() <= 2
        assert notice.code == "color-converted"
        assert "through" in notice.message
        assert result.metadata.icc is None


def test_cmyk_without_a_profile_says_so(tmp_path):
    data = jpeg(COLOR, "CMYK", quality=95)
    image, (notice,) = read(tmp_path / "a.jpg", data)
    assert np.abs(image.pixels.astype(int) - COLOR).mean() < 6
    assert "approximate" in notice.message


def test_the_end_marker_of_a_thumbnail_does_not_count():
    thumbnail = jpeg(COLOR)
    data = jpeg(NOISE)
    body = b"Exif\0\0" + thumbnail
    data = data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]
    assert has_end(data)
    assert not has_end(data[:-2])


SOFT = np.clip(cv2.GaussianBlur(NOISE, (0, 0), 3) * 2.0 - 100, 0, 255).astype(np.uint8)


def both_ways(path, data):
    """The pixels of a file, as decoded and smoothed."""
    return tuple(read(path, data, smooth_color=each)[0].pixels for each in (False, True))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_color_is_smoothed_by_the_tables_of_the_file(tmp_path, subsampling, progressive):
    data = jpeg(SOFT, quality=25, subsampling=subsampling, progressive=progressive)
    plain, smoothed = both_ways(tmp_path / "a.jpg", data)
    table = PillowImage.open(io.BytesIO(data)).quantization[1]
    steps = np.array(table, np.float32).reshape(8, 8)
    factors = [(1, 1), (2, 1), (2, 2)][subsampling]
    coding = ChromaCoding(steps, *factors)
    assert (smoothed == smooth_chroma(plain, coding, coding)).all()
    assert (smoothed != plain).any()


def test_what_has_no_chroma_stays(tmp_path):
    for name, data in {
        "gray": jpeg(SOFT, "L", quality=25),
        "cmyk": jpeg(SOFT, "CMYK", quality=25),
        "rgb": jpeg(SOFT, quality=25, keep_rgb=True),
        "fine": jpeg(SOFT, quality=97),
    }.items():
        plain, smoothed = both_ways(tmp_path / f"{name}.jpg", data)
        assert (plain == smoothed).all(), name


def test_color_is_smoothed_before_an_image_is_turned(tmp_path):
    """Its blocks begin at the corner of the stored image."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    part = np.ascontiguousarray(SOFT[:77, :50])
    upright, turned = (
        both_ways(tmp_path / "a.jpg", jpeg(part, quality=25, **options))[1]
        for options in ({}, {"exif": exif})
    )
    assert (np.rot90(upright, -1) == turned).all()
