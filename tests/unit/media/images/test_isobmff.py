import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.imaging.color import Cicp
from realesr.imaging.image import Image, Metadata
from realesr.media.images.avif import encode_avif
from realesr.media.images.avif_metadata import Item, with_metadata
from realesr.media.images.decode import decode_image
from realesr.media.images.encode import encode_image
from realesr.media.images.isobmff import (
    Property,
    boxes,
    clean_aperture,
    color_of,
    primary_properties,
)
from realesr.options import EncodingOptions

from support.networks import random_image

LOSSLESS = EncodingOptions(lossless=True)
IMAGE = random_image(60, 40)
CLAP = Property(b"clap", struct.pack(">4IiIiI", 30, 1, 20, 1, 5, 1, -4, 1), True)
"""30x20 px, their center 5 px to the right and 4 px above that of the image: from (20, 6) on."""


def avif(properties=(), items=(), depth=np.uint8):
    """The image, stored exactly, with properties that turn or cut it."""
    pixels = IMAGE.pixels if depth == np.uint8 else IMAGE.pixels.astype(np.uint16) * 257
    data = b"".join(encode_avif(pixels, Metadata(), LOSSLESS))
    return b"".join(with_metadata(data, properties, items))


def irot(turns):
    return Property(b"irot", bytes((turns,)), True)


def imir(axis):
    return Property(b"imir", bytes((axis,)), True)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([], lambda pixels: pixels),
        ([irot(1)], lambda pixels: np.rot90(pixels, 1)),
        ([irot(2)], lambda pixels: np.rot90(pixels, 2)),
        ([irot(3)], lambda pixels: np.rot90(pixels, 3)),
        ([imir(0)], lambda pixels: pixels[::-1]),
        ([imir(1)], lambda pixels: pixels[:, ::-1]),
        ([irot(1), imir(0)], lambda pixels: np.rot90(pixels, 1)[::-1]),
        ([irot(3), imir(1)], lambda pixels: np.rot90(pixels, 3)[:, ::-1]),
        ([CLAP], lambda pixels: pixels[6:26, 20:50]),
        ([CLAP, irot(1)], lambda pixels: np.rot90(pixels[6:26, 20:50], 1)),
        ([CLAP, irot(3), imir(0)], lambda pixels: np.rot90(pixels[6:26, 20:50], 3)[::-1]),
    ],
)
def test_aperture_rotation_and_mirror_are_obeyed(tmp_path, properties, expected, depth):
    """ISO/IEC 23008-12, 6.5.10 and 6.5.12: turns are anticlockwise; axis 0 exchanges rows."""
    image = decode_image(avif(properties, depth=depth), tmp_path / "a.avif")
    shown = expected(IMAGE.pixels)
    assert image.pixels.shape == shown.shape
    assert (image.pixels >> (8 if depth == np.uint16 else 0) == shown).all()


@pytest.mark.parametrize("properties", [[], [irot(1)]])
def test_exif_does_not_turn_a_second_time(tmp_path, properties):
    exif = PillowImage.Exif()
    exif[0x0112] = 8 if properties else 6
    data = avif(properties, [Item(b"Exif", exif.tobytes()[6:])])
    image = decode_image(data, tmp_path / "a.avif")
    assert (image.pixels == np.rot90(IMAGE.pixels, len(properties))).all()
    assert PillowImage.open(io.BytesIO(data)).getexif()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        struct.pack(">4IiIiI", 30, 0, 20, 1, 0, 1, 0, 1),
        struct.pack(">4IiIiI", 70, 1, 20, 1, 0, 1, 0, 1),
        struct.pack(">4IiIiI", 30, 1, 20, 1, 50, 1, 0, 1),
        struct.pack(">4IiIiI", 60, 1, 40, 1, 0, 1, 0, 1),
    ],
)
def test_an_aperture_outside_of_the_image_is_ignored(body):
    assert clean_aperture([Property(b"clap", body)], 60, 40) is None


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("lossless", [False, True])
def test_code_points_are_in_the_file_and_in_the_bitstream(tmp_path, gray, depth, lossless):
    image = random_image(32, 16, depth, gray=gray)
    color = Metadata().color
    metadata = Metadata(color=type(color)(cicp=Cicp(9, 16)))
    options = EncodingOptions(lossless=lossless)
    described = Image(image.pixels, is_gray=gray, metadata=metadata)
    data = b"".join(encode_image(described, tmp_path / "a.avif", options))
    assert color_of(primary_properties(data))[0] == Cicp(9, 16)
    if not gray:  # AV1, 5.5.2: the three code points stand together, at any bit
        matrix = 0 if lossless else 9
        bits = "".join(f"{byte:08b}" for byte in data[data.index(b"mdat") :][:64])
        assert f"{9:08b}{16:08b}{matrix:08b}" in bits


@pytest.mark.parametrize("size", [(1, 1), (300, 200)])
@pytest.mark.parametrize("length", [1, 300, 5000])
def test_metadata_is_found_by_all_readers(size, length):
    """With little metadata the whole meta box lies within what OpenCV looks at first."""
    data = b"".join(encode_avif(random_image(*size).pixels, Metadata(), LOSSLESS))
    exif = PillowImage.Exif()
    exif[0x010F] = "m" * length
    items = [
        Item(b"Exif", exif.tobytes()[6:]),
        Item(b"mime", b"<x>" + b"y" * length, b"application/rdf+xml"),
    ]
    data = b"".join(with_metadata(data, [Property(b"clli", b"\0\1\0\2")], items))
    image = PillowImage.open(io.BytesIO(data))
    assert image.getexif()[0x010F] == "m" * length
    assert image.info["xmp"] == items[1].payload
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None


def test_damaged_boxes_say_nothing():
    data = avif([CLAP])
    for cut in range(0, 400, 7):
        primary_properties(data[:cut])
        primary_properties(data[:cut] + bytes(64))
    assert list(boxes(b"\0\0\0\1meta" + bytes(8))) == []
    assert primary_properties(b"no boxes at all") == []
