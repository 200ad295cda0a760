import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from realesr.errors import UnreadableMediaError, UnsupportedMediaError
from realesr.media.formats import IMAGES
from realesr.media.images.decode import read_image
from realesr.options import DEFAULT_MAX_PIXELS
from realesr.progress import Notice

from support.animations import save_gif_with_far_frame
from support.images import COLOR, png, write_bomb, write_image
from support.networks import random_image

ORIENTATION = 0x0112


def turned(array, orientation):
    """What a reader shows of an array stored under an EXIF orientation, with Pillow's own words."""
    how = {
        2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
        3: PillowImage.Transpose.ROTATE_180,
        4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
        5: PillowImage.Transpose.TRANSPOSE,
        6: PillowImage.Transpose.ROTATE_270,
        7: PillowImage.Transpose.TRANSVERSE,
        8: PillowImage.Transpose.ROTATE_90,
    }
    if orientation == 1:
        return array
    planes = [PillowImage.fromarray(plane.astype(np.int32)) for plane in np.moveaxis(array, 2, 0)]
    return np.stack([plane.transpose(how[orientation]) for plane in planes], axis=2)


def tiff(levels, tags):
    """A TIFF with tags of choice in front of what OpenCV compresses."""
    channels = levels.shape[2] if levels.ndim == 3 else 1
    order = {1: ..., 3: (..., [2, 1, 0]), 4: (..., [2, 1, 0, 3])}[channels]
    _, data = cv2.imencode(".tif", np.ascontiguousarray(levels[order]))
    data = data.tobytes()
    directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    stream = io.BytesIO(data)
    stream.seek(directory.next)
    directory.load(stream)
    directory.update(dict(directory) | dict(tags))  # tags are written only once read
    # Written out, a directory takes offsets of strips (273) as counted from its own end.
    directory[273] = tuple(offset - 8 for offset in directory[273])
    return data[:4] + struct.pack("<L", 8) + directory.tobytes(8) + data[8:]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG16", "WEBP", "TIFF", "TIFF16", "AVIF"])
def test_orientation_is_applied_and_said_to_be_upright(tmp_path, kind, orientation):
    exif = PillowImage.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "maker"
    path = tmp_path / "image.png"
    if kind == "PNG16":
        rows = [row.astype(">u2").tobytes() for row in COLOR.astype(np.uint16) * 257]
        path.write_bytes(png(16, 2, rows, (b"eXIf", exif.tobytes()[6:])))
    elif kind == "TIFF16":
        path.write_bytes(tiff(COLOR.astype(np.uint16) * 257, exif))
    else:
        options = {"lossless": True} if kind == "WEBP" else {"quality": 95}
        PillowImage.fromarray(COLOR).save(path, kind, exif=exif, **options)
    image = read_image(path)
    assert image.pixels.dtype == (np.uint16 if "16" in kind else np.uint8)
    upright = turned(COLOR, orientation)
    assert image.pixels.shape == upright.shape
    assert np.abs(image.pixels / image.peak * 255 - upright).mean() < 2
    parsed = PillowImage.Exif()
    parsed.load(b"Exif\0\0" + image.metadata.exif)
    assert parsed[ORIENTATION] == 1
    assert parsed[0x010F] == "maker"


def test_palettes_become_colors_and_alpha(tmp_path):
    palette = PillowImage.fromarray(COLOR).quantize(256)
    palette.save(tmp_path / "p.png")
    expected = np.asarray(palette.convert("RGB"))
    opaque = read_image(tmp_path / "p.png")
    assert (opaque.pixels == expected).all()
    assert opaque.alpha is None
    shares = bytes(range(256))
    palette.save(tmp_path / "t.png", transparency=shares)
    image = read_image(tmp_path / "t.png")
    assert (image.pixels == expected).all()
    assert (image.alpha == np.asarray(palette)).all()


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_a_transparent_gray_becomes_alpha(tmp_path, bits):
    """PNG's tRNS on gray, which OpenCV loses."""
    levels = {1: (0, 1), 2: (0, 1, 2, 3), 8: (0, 7, 9, 255), 16: (0, 258, 513, 65535)}[bits]
    key = levels[1]
    if bits < 8:
        packed = bytes([sum(level << (8 - bits * (n + 1)) for n, level in enumerate(levels))])
    else:
        packed = np.array(levels, ">u2" if bits == 16 else ">u1").tobytes()
    (tmp_path / "a.png").write_bytes(png(bits, 0, [packed], (b"tRNS", struct.pack(">H", key))))
    image = read_image(tmp_path / "a.png")
    assert image.is_gray
    expected = np.array(levels) / (2**bits - 1)
    np.testing.assert_allclose(image.pixels[0, : len(levels), 0] / image.peak, expected, atol=1e-3)
    assert (
        image.alpha[0, : len(levels)] == [image.peak * (level != key) for level in levels]
    ).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_color_becomes_alpha(tmp_path, bits):
    levels = np.array([[1, 2, 3], [4, 5, 6], [1, 2, 4]], np.dtype(f">u{bits // 8}"))
    key = (b"tRNS", struct.pack(">HHH", 4, 5, 6))
    (tmp_path / "a.png").write_bytes(png(bits, 2, [levels.tobytes()], key))
    image = read_image(tmp_path / "a.png")
    assert (image.pixels[0] == levels).all()
    assert image.alpha[0].tolist() == [image.peak, 0, image.peak]


def test_cmyk_becomes_rgb(tmp_path):
    PillowImage.fromarray(COLOR).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    image = read_image(tmp_path / "c.jpg")
    assert np.abs(image.pixels.astype(int) - COLOR).mean() < 6


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_avif_reaches_the_full_range(tmp_path, bits, channels):
    ramp = np.linspace(0, 2**bits - 1, 64).round().astype(np.uint16)
    levels = np.broadcast_to(ramp[None, :, None], (8, 64, channels)).squeeze()
    options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100]
    _, data = cv2.imencode(".avif", np.ascontiguousarray(levels), options)
    (tmp_path / "a.avif").write_bytes(data.tobytes())
    image = read_image(tmp_path / "a.avif")
    expected = np.rint(ramp / (2**bits - 1) * 65535)
    assert (image.pixels[0, :, 0] == expected).all()
    assert image.is_gray == (channels == 1)
    assert (image.alpha is not None) == (channels == 4)


def test_a_16_bit_tiff_may_count_from_white(tmp_path):
    levels = random_image(9, 7, np.uint16).pixels[..., 0]
    (tmp_path / "a.tif").write_bytes(tiff(levels, {262: 0}))
    assert (read_image(tmp_path / "a.tif").pixels[..., 0] == 65535 - levels).all()


def test_colors_with_the_alpha_multiplied_in_are_divided(tmp_path):
    """TIFF's associated alpha, of 16 bits; 8 bits are Pillow's."""
    levels = np.zeros((2, 3, 4), np.uint16)
    levels[..., :3], levels[..., 3] = (10000, 20000, 30000), 30000
    (tmp_path / "a.tif").write_bytes(tiff(levels, {338: 1}))
    image = read_image(tmp_path / "a.tif")
    assert (image.pixels == np.rint(np.array([1, 2, 3]) * 65535 / 3)).all()
    assert (image.alpha == 30000).all()


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_more_than_one_image_is_noticed(tmp_path, kind):
    frames = [PillowImage.fromarray(np.roll(COLOR, shift, axis=0)) for shift in (0, 5, 9)]
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(tmp_path / "a.png", kind, save_all=True, append_images=frames[1:], **options)
    notices = []
    image = read_image(tmp_path / "a.png", notify=notices.append)
    assert (image.pixels == COLOR).all()
    assert notices == [Notice("pages-dropped", "holds 3 images: only the first is taken")]


@pytest.mark.parametrize("suffix", sorted(set(IMAGES.output_suffixes) - {".gif"}))
@pytest.mark.parametrize("share", [0, 0.1, 0.6, 0.95])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    refused_when_cut(tmp_path / f"cut{suffix}", random_image(200, 150), share)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".avif"])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_truncated_deep_files_are_refused(tmp_path, suffix, share, capfd):
    refused_when_cut(tmp_path / f"cut{suffix}", random_image(200, 150, np.uint16), share)
    assert capfd.readouterr() == ("", "")  # the decoders keep their own words to themselves


def refused_when_cut(path, image, share):
    write_image(path, image)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableMediaError, match=path.name):
        read_image(path)


def test_other_content_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("not an image at all")
    with pytest.raises(UnreadableMediaError, match=r"a\.png.*not an image"):
        read_image(tmp_path / "a.png")


def test_content_counts_and_not_the_name(tmp_path):
    image = random_image(9, 7)
    write_image(tmp_path / "a.png", image)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert (read_image(tmp_path / "a.jpg").pixels == image.pixels).all()


def test_missing_files_and_folders_are_refused(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("none.png", "folder.png"):
        with pytest.raises(UnreadableMediaError, match=name):
            read_image(tmp_path / name)


@pytest.mark.parametrize("side", [15_000, 100_000])
def test_decompression_bombs_are_refused(tmp_path, side):
    write_bomb(tmp_path / "bomb.png", side)
    with pytest.raises(UnsupportedMediaError, match=rf"bomb\.png.*`max_pixels` {side**2}"):
        read_image(tmp_path / "bomb.png", max_pixels=DEFAULT_MAX_PIXELS)
    with pytest.raises(UnsupportedMediaError, match=r"bomb\.png.*: reduce it, or leave it out"):
        read_image(tmp_path / "bomb.png")  # where there is no option to name


def test_the_limit_is_the_users(tmp_path):
    write_image(tmp_path / "a.png", random_image(10, 10))
    assert read_image(tmp_path / "a.png", max_pixels=100).size.width == 10
    with pytest.raises(UnsupportedMediaError, match="`max_pixels` 100"):
        read_image(tmp_path / "a.png", max_pixels=99)
    write_bomb(tmp_path / "bomb.png", 15_000)
    with pytest.raises(UnreadableMediaError, match="cut short"):  # and not Pillow's limit
        read_image(tmp_path / "bomb.png", max_pixels=10**9)


def test_a_gif_that_is_too_large_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    save_gif_with_far_frame(tmp_path / "far.gif", 0)
    monkeypatch.setattr(PillowImage, "open", None)
    with pytest.raises(UnsupportedMediaError, match=r"far\.gif: says to be 60000x60000 px"):
        read_image(tmp_path / "far.gif")
