"""TIFFs of every kind, written by tifffile: what is read must be what was written."""

import io
import logging
import warnings

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.images.c_output import can_catch
from realesr.media.images.decode import read_image

from support.icc import cmyk_profile
from support.images import COLOR, parse_exif
from support.networks import random_image

GRAY = COLOR[..., 0]


def scaled(values, bits):
    """What integers of so many bits are in the full range of the result."""
    peak = 255 if bits <= 8 else 65535
    return np.rint(values.astype(np.float64) * (peak / (2**bits - 1)))


def read(path, **options):
    notices = []
    image = read_image(path, notify=notices.append, **options)
    return image, [notice.code for notice in notices]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_unsigned_integers_reach_the_full_range(tmp_path, bits, channels):
    dtype = np.dtype(f"u{bits // 8}")
    shape = (7, 9, 3) if channels == 3 else (7, 9)
    peak, count = np.iinfo(dtype).max, int(np.prod(shape))
    values = np.array([peak * i // (count - 1) for i in range(count)], dtype).reshape(shape)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb" if channels == 3 else None)
    image, codes = read(tmp_path / "a.tif")
    expected = scaled(values, bits)
    assert image.is_gray == (channels == 1)
    assert (image.pixels[..., 0] == (expected[..., 0] if channels == 3 else expected)).all()
    assert image.pixels.max() == image.peak
    assert codes == []


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14, 24])
def test_bits_that_fill_no_whole_bytes(tmp_path, bits):
    dtype = {24: np.uint32}.get(bits, np.uint8 if bits <= 8 else np.uint16)
    values = np.random.default_rng(0).integers(0, 2**bits, (8, 24)).astype(dtype)
    values[0, :2] = 0, 2**bits - 1
    packed = packed_rows(values, bits)
    tifffile_with_bits(tmp_path / "a.tif", packed, values.shape, bits)
    image, codes = read(tmp_path / "a.tif")
    assert image.pixels.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert (image.pixels[..., 0] == scaled(values, bits)).all()
    assert codes == []


def packed_rows(values, bits):
    """Packs rows of integers, the highest bit first, to whole bytes each."""
    planes = (
        values[..., None].astype(np.uint64) >> np.arange(bits - 1, -1, -1).astype(np.uint64)
    ) & 1
    return np.packbits(planes.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def tifffile_with_bits(path, data, shape, bits):
    """Writes a gray TIFF by hand (TIFF 6.0, section 2), little-endian, for bits of any number."""
    entries = {256: shape[1], 257: shape[0], 258: bits, 259: 1, 262: 1, 273: 8 + 2 + 12 * 9 + 4}
    entries |= {277: 1, 278: shape[0], 279: len(data)}
    directory = len(entries).to_bytes(2, "little")
    for tag, value in entries.items():
        directory += np.array([tag, 4], "<u2").tobytes() + np.array([1, value], "<u4").tobytes()
    path.write_bytes(b"II*\0\x08\0\0\0" + directory + bytes(4) + data)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4"])
def test_signed_samples_are_black_at_their_lowest(tmp_path, dtype):
    limits = np.iinfo(dtype)
    values = np.array([[limits.min, -1, 0, limits.max]], dtype)
    tifffile.imwrite(tmp_path / "a.tif", values)
    image, codes = read(tmp_path / "a.tif")
    bits = 8 * limits.dtype.itemsize
    expected = scaled(values.astype(np.int64) - limits.min, bits)
    assert (image.pixels[..., 0] == expected).all()
    assert codes == ["values-mapped"]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("predictor", [False, True])
def test_floats_of_0_to_1_become_16_bits(tmp_path, dtype, predictor):
    values = np.linspace(0, 1, 60).astype(dtype).reshape(4, 5, 3)
    options = {"compression": "zlib", "predictor": 3} if predictor else {}
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
    image, codes = read(tmp_path / "a.tif")
    assert (image.pixels == np.rint(values.astype(np.float64) * 65535)).all()
    assert codes == []


@pytest.mark.parametrize(
    "compression", ["zstd", "lzma", "lzw", "deflate", "packbits", "jpeg2000", "lerc", "webp", "png"]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_compressions(tmp_path, compression, dtype):
    if compression == "webp" and dtype == np.uint16:
        pytest.skip("WebP holds 8 bits")
    values = random_image(40, 33, dtype).pixels
    options = {"jpeg2000": {"level": 0}, "webp": {"level": -1}}.get(compression)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="rgb",
        compression=compression,
        compressionargs=options,
        tile=(16, 16),
    )
    image, codes = read(tmp_path / "a.tif")
    assert (image.pixels == values).all()
    assert codes == []


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_jpeg_within_tiff(tmp_path, subsampling):
    tifffile.imwrite(
        tmp_path / "a.tif",
        COLOR,
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 95},
        subsampling=subsampling,
    )
    image, codes = read(tmp_path / "a.tif")
    assert np.abs(image.pixels.astype(int) - COLOR).mean() < 2
    assert codes == []


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_layouts_of_16_bits(tmp_path, byteorder, bigtiff, planar):
    values = random_image(20, 17, np.uint16).pixels
    stored = np.moveaxis(values, 2, 0) if planar == "separate" else values
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb",
        planarconfig=planar,
        bigtiff=bigtiff,
        byteorder=byteorder,
        rowsperstrip=5,
    )
    image, codes = read(tmp_path / "a.tif")
    assert (image.pixels == values).all()
    assert codes == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("colors", [1, 3])
def test_alpha(tmp_path, dtype, planar, kind, colors):
    is_float = dtype == np.float32
    peak = 1.0 if is_float else np.iinfo(dtype).max
    values = np.empty((3, 4, colors + 1), dtype)
    values[..., :colors], values[..., colors] = peak / 4, peak / 2
    stored = np.moveaxis(values, 2, 0) if planar == "separate" else values
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb" if colors == 3 else "minisblack",
        planarconfig=planar,
        extrasamples=[kind],
    )
    image, codes = read(tmp_path / "a.tif")
    assert image.is_gray == (colors == 1)
    expected = (0.5 if kind == "assocalpha" else 0.25) * image.peak
    assert np.abs(image.pixels - expected).max() <= 1 + image.peak / 500
    assert np.abs(image.alpha - image.peak / 2).max() <= 1
    assert codes == []


def test_samples_that_are_neither_color_nor_alpha_are_told(tmp_path):
    values = random_image(5, 6).pixels
    stack = np.dstack([values, values[..., :2]])
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="rgb", extrasamples=["unspecified"] * 2)
    image, codes = read(tmp_path / "a.tif")
    assert (image.pixels == values).all()
    assert image.alpha is None
    assert codes == ["channels-dropped"]


def test_white_may_be_zero(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GRAY, photometric="miniswhite")
    assert (read(tmp_path / "a.tif")[0].pixels[..., 0] == 255 - GRAY).all()


def test_palettes(tmp_path):
    palette = np.random.default_rng(1).integers(0, 256, (3, 256)) * 257
    tifffile.imwrite(
        tmp_path / "a.tif", GRAY, photometric="palette", colormap=palette.astype(np.uint16)
    )
    image, _ = read(tmp_path / "a.tif")
    assert (image.pixels == (palette.T >> 8)[GRAY]).all()
    assert not image.is_gray


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_cmyk_without_a_profile(tmp_path, dtype, planar):
    peak = np.iinfo(dtype).max
    inks = np.array([[[0, 0, 0, 0], [peak, 0, 0, 0], [0, peak, peak, 0], [0, 0, 0, peak]]], dtype)
    stored = np.moveaxis(inks, 2, 0) if planar == "separate" else inks
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="separated", planarconfig=planar)
    image, codes = read(tmp_path / "a.tif")
    expected = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0]]) * peak
    assert (image.pixels[0] == expected).all()
    assert image.pixels.dtype == dtype
    assert codes == ["color-converted"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_through_its_profile(tmp_path, dtype):
    peak = np.iinfo(dtype).max
    inks = np.array([[[0, 0, 0, 0], [0, 0, 0, peak], [peak, 0, 0, 0]]], dtype)
    icc = cmyk_profile()
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", iccprofile=icc)
    image, codes = read(tmp_path / "a.tif")
    white, black, cyan = image.pixels[0] / peak * 255
    assert white.min() > 254
    assert black.max() < 1
    assert (
        np.abs(cyan - [75, 200, 178]).max() < 2
    )  # by littleCMS; the formula would say 0, 255, 255
    assert image.metadata.icc is None
    assert codes == ["color-converted"]


@pytest.mark.parametrize(("photometric", "offset"), [("cielab", 0), ("icclab", 128)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab_becomes_srgb(tmp_path, photometric, offset, dtype):
    """Values of sRGB's red, green and of mid gray in Lab of D50 (brucelindbloom.com)."""
    lab = np.array([[[54.29, 80.81, 69.89], [87.82, -79.29, 80.99], [53.59, 0, 0]]])
    unit = 1 if dtype == np.uint8 else 256
    peak = np.iinfo(dtype).max
    stored = np.rint(lab * [peak / 100, unit, unit])
    stored[..., 1:] += offset * unit
    stored = (stored.astype(int) & peak).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric)
    image, codes = read(tmp_path / "a.tif")
    expected = np.array([[255, 0, 0], [0, 255, 0], [128, 128, 128]]) / 255 * peak
    assert np.abs(image.pixels[0] - expected).max() < peak * 0.05
    assert codes == ["color-converted"]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_metadata(tmp_path, bigtiff, byteorder):
    extra = [(270, "s", 0, "a text", True), (700, "B", 5, b"<xmp>", True)]
    tifffile.imwrite(
        tmp_path / "a.tif",
        GRAY,
        bigtiff=bigtiff,
        byteorder=byteorder,
        extratags=extra,
        metadata=None,
    )
    image, codes = read(tmp_path / "a.tif")
    assert image.metadata.xmp == b"<xmp>"
    assert parse_exif(image)[270] == "a text"
    assert codes == []


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "jpeg", "packbits"])
def test_damaged_parts_are_told_and_strictly_refused(tmp_path, compression):
    values = random_image(64, 64).pixels
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="rgb", compression=compression, rowsperstrip=16)
    data = bytearray(stream.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        start, count = file.pages[0].dataoffsets[1], file.pages[0].databytecounts[1]
        intact = file.pages[0].asarray()
    filler = b"\x81\xff" if compression == "packbits" else b"\xff\x55"
    data[start : start + count] = (filler * count)[:count]
    (tmp_path / "a.tif").write_bytes(data)
    image, codes = read(tmp_path / "a.tif")
    assert codes == ["image-damaged"]
    assert (image.pixels[:16] == intact[:16]).all()
    assert (image.pixels[32:] == intact[32:]).all()
    with pytest.raises(UnreadableMediaError, match=r"a\.tif: damaged.*is_strict"):
        read(tmp_path / "a.tif", is_strict=True)


def test_missing_pixels_are_refused(tmp_path):
    stream = io.BytesIO()
    tifffile.imwrite(stream, COLOR, photometric="rgb", compression="zstd", rowsperstrip=8)
    (tmp_path / "a.tif").write_bytes(stream.getvalue()[:-100])
    with pytest.raises(UnreadableMediaError, match=r"a\.tif: damaged or cut short"):
        read(tmp_path / "a.tif")


def test_fax_is_left_to_pillow(tmp_path):
    bits = PillowImage.fromarray(GRAY).convert("1")
    bits.save(tmp_path / "a.tif", compression="group4")
    image, codes = read(tmp_path / "a.tif")
    assert (image.pixels[..., 0] == np.asarray(bits) * 255).all()
    assert codes == []


@pytest.mark.parametrize("compression", ["group4", "raw"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation(tmp_path, compression, orientation):
    bits = PillowImage.fromarray(GRAY[:30]).convert("1")
    bits.save(tmp_path / "a.tif", compression=compression, tiffinfo={274: orientation})
    image, _ = read(tmp_path / "a.tif")
    turned = np.rot90(np.asarray(bits), {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    assert (image.pixels[..., 0] == turned * 255).all()


def test_ycbcr_that_is_not_jpeg(tmp_path):
    stored = np.asarray(PillowImage.fromarray(COLOR).convert("YCbCr"))
    subsampling = [(530, "H", 2, (1, 1), True)]
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="ycbcr", compression="lzw", extratags=subsampling
    )
    image, codes = read(tmp_path / "a.tif")
    assert np.abs(image.pixels.astype(int) - COLOR).max() <= 3
    assert codes == []


@pytest.mark.skipif(not can_catch(), reason="this C library's stderr is constant")
def test_damage_within_jpeg_is_told(tmp_path, capfd):
    stream = io.BytesIO()
    values = random_image(64, 64).pixels
    tifffile.imwrite(stream, values, photometric="rgb", compression="jpeg", rowsperstrip=32)
    data = bytearray(stream.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        start = file.pages[0].dataoffsets[0] + file.pages[0].databytecounts[0] // 2
    data[start : start + 300] = bytes(300)
    (tmp_path / "a.tif").write_bytes(data)
    assert read(tmp_path / "a.tif")[1] == ["image-damaged"]
    assert capfd.readouterr() == ("", "")


def test_complex_numbers_are_no_colors(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.complex64))
    with pytest.raises(UnsupportedMediaError, match=r"a\.tif: a TIFF with .* is not read"):
        read(tmp_path / "a.tif")


def test_the_size_is_checked_before_pixels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((100, 100), np.uint8), compression="zstd")
    with pytest.raises(UnsupportedMediaError, match="`max_pixels` 10000"):
        read(tmp_path / "a.tif", max_pixels=9999)


def test_tifffile_prints_nothing(tmp_path, capfd):
    assert logging.lastResort is not None
    tifffile.imwrite(tmp_path / "a.tif", COLOR, photometric="rgb", rowsperstrip=8)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[4:8] = (2**30).to_bytes(4, "little")
    (tmp_path / "b.tif").write_bytes(data)
    with warnings.catch_warnings(), pytest.raises(UnreadableMediaError):
        warnings.simplefilter("error")
        read(tmp_path / "b.tif")
    assert capfd.readouterr() == ("", "")


def test_imagecodecs_has_what_tiff_needs():
    for name in ("ZSTD", "LZMA", "WEBP", "LERC", "JPEG2K", "JPEG8", "LZW", "PACKBITS"):
        assert getattr(imagecodecs, name).available


def test_a_strip_must_not_be_larger_than_is_allowed(tmp_path):
    """A JPEG within a TIFF has a size of its own, for which its decoder takes memory."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, COLOR, photometric="rgb", compression="jpeg", rowsperstrip=40)
    data = bytearray(stream.getvalue())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = b"\xff\xdc\xff\xdc"
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(UnsupportedMediaError, match="65500x65500"):
        read(tmp_path / "a.tif")
