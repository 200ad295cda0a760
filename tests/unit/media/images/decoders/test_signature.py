from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from realesr.media.images.decoders.signature import family_of, stated_size

from support.images import png


@pytest.mark.parametrize(
    ("data", "name", "family"),
    [
        (b"\x89PNG\r\n\x1a\n", "a.jpg", "png"),
        (b"\xff\xd8\xff\xe0", "a.png", "jpeg"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a.jpg", "heif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a.jpg", "heif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "a.heif", "avif"),
        (b"\0\0\0\x14ftypavis\0\0\0\0avif", "a.avif", "avif"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a.cr3", "raw"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41isom", "a.mp4", None),
        (b"II*\0\x10\0\0\0CR\2\0", "a.tif", "raw"),
        (b"II*\0\x08\0\0\0\0\0\0\0", "a.tif", "tiff"),
        (b"MM\0*\0\0\0\x08\0\0\0\0", "a.NEF", "raw"),
        (b"MM\0+\0\x08\0\0", "a.png", "tiff"),
        (b"II+\0\x08\0\0\0", "a.png", "tiff"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a.png", "webp"),
        (b"RIFF\0\0\0\0AVI LIST", "a.webp", None),
        (b"\0\0\2\0\1\0\1\0", "a.tga", "tga"),
        (b"\0\0\2\0\1\0\1\0", "a.png", None),
        (b"P6\n1 1\n255\nabc", "a", "netpbm"),
        (b"P6abc", "a", None),
        (b"Pf\n1 1\n-1\n", "a", "netpbm"),
        (b"\xff\x0a\0", "a", "jpeg-xl"),
        (b"8BPS\0\1", "a", "psd"),
        (b"#?RADIANCE\n", "a", "hdr"),
        (b"", "a.png", None),
    ],
)
def test_the_content_counts(data, name, family):
    assert family_of(data, Path(name)) == family


def test_sizes_that_images_within_a_tiff_state():
    values = np.zeros((40, 56, 3), np.uint8)
    encoded = [
        imagecodecs.jpeg8_encode(values),
        imagecodecs.jpeg2k_encode(values),
        imagecodecs.jpeg2k_encode(values, codecformat="j2k"),
        imagecodecs.jpegxl_encode(values),
        png(8, 2, [bytes(56 * 3)] * 40),
    ]
    assert [stated_size(data) for data in encoded] == [(56, 40)] * 5
    assert stated_size(b"\x78\x9c\0\0") is None
