"""PNGs that Pillow alone would refuse, or of which OpenCV would return other pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError
from realesr.media.images.decode import read_image
from realesr.media.images.decoders import png_chunks
from realesr.media.images.decoders.png_chunks import read_chunks
from realesr.media.images.decoders.source import EncodedImage

from support.icc import profile
from support.images import COLOR, png, png_chunk

ROWS = [row.tobytes() for row in COLOR]
DEEP_ROWS = [row.astype(">u2").tobytes() for row in COLOR.astype(np.uint16) * 257]


def read(path, data, **options):
    path.write_bytes(data)
    notices = []
    image = read_image(path, notify=notices.append, **options)
    return image, [notice.code for notice in notices]


def pillow_info(data):
    """What Pillow's ``info`` holds once the large texts are added."""
    seen = []
    source = EncodedImage(path="a.png", data=data, max_pixels=10**6, notify=seen.append)
    chunks = read_chunks(source)
    return chunks, seen


@pytest.mark.parametrize("size", [2**20 + 1, 3 * 2**20])
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_large_texts_are_read(tmp_path, kind, size):
    text = b"x" * size
    body = {
        b"tEXt": b"workflow\0" + text,
        b"zTXt": b"workflow\0\0" + zlib.compress(text),
        b"iTXt": b"workflow\0\1\0en\0\0" + zlib.compress(text),
    }[kind]
    data = png(8, 2, ROWS, (kind, body))
    image, codes = read(tmp_path / "a.png", data)
    assert (image.pixels == COLOR).all()
    assert codes == []
    chunks, _ = pillow_info(data)
    assert chunks.texts == {"workflow": text.decode()}


def test_a_large_profile_is_kept(tmp_path):
    icc = profile() + bytes(2**20)
    data = png(8, 2, ROWS, (b"iCCP", b"name\0\0" + zlib.compress(icc)))
    image, codes = read(tmp_path / "a.png", data)
    assert image.metadata.icc == icc
    assert codes == []


def test_a_bomb_of_text_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(png_chunks, "MOST_TEXT", 2 * 2**20)
    bombs = [(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_500_000))) for _ in range(2)]
    data = png(8, 2, ROWS, *bombs)
    image, codes = read(tmp_path / "a.png", data)
    assert (image.pixels == COLOR).all()
    assert codes == ["metadata-dropped"]
    chunks, _ = pillow_info(data)
    assert [len(text) for text in chunks.texts.values()] == [1_500_000]


@pytest.mark.parametrize("rows", [ROWS, DEEP_ROWS])
def test_a_wrong_checksum_of_an_optional_chunk_leaves_it_out(tmp_path, rows):
    bits = 16 if rows is DEEP_ROWS else 8
    data = bytearray(png(bits, 2, rows, (b"tEXt", b"a\0b"), (b"gAMA", bytes(4))))
    data[data.index(b"tEXt") + 4] ^= 1
    image, codes = read(tmp_path / "a.png", bytes(data))
    assert (image.pixels / image.peak * 255 == COLOR).all()
    assert codes == ["metadata-damaged"]


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_wrong_checksum_of_a_critical_chunk_is_an_error(tmp_path, kind, bits):
    data = bytearray(png(bits, 2, ROWS if bits == 8 else DEEP_ROWS))
    start = data.index(kind)
    length = int.from_bytes(data[start - 4 : start], "big")
    data[start + 4 + length] ^= 1
    with pytest.raises(UnreadableMediaError, match=rf"a\.png: damaged.*{kind.decode()} is wrong"):
        read(tmp_path / "a.png", bytes(data))


@pytest.mark.parametrize(
    "chunk",
    [
        (b"iCCP", b"name\0\x09" + zlib.compress(b"x")),  # a compression that does not exist
        (b"iCCP", b""),
        (b"pHYs", b"\0"),
        (b"gAMA", b"\0"),
        (b"cHRM", b"\0"),
        (b"sRGB", b""),
        (b"acTL", b"\0"),
        (b"fcTL", b"\0"),
        (b"zTXt", b"key\0\0no zlib stream"),
        (b"iTXt", b"key"),
        (b"eXIf", b"Lorem ipsum"),
        (b"prVt", b"of someone"),
    ],
)
def test_odd_optional_chunks_do_not_stop_the_image(tmp_path, chunk):
    image, codes = read(tmp_path / "a.png", png(8, 2, ROWS, chunk))
    assert (image.pixels == COLOR).all()
    assert set(codes) <= {"metadata-damaged", "metadata-dropped"}


def test_odd_chunks_behind_the_pixels(tmp_path):
    data = png(8, 2, ROWS)
    end = data.index(b"IEND") - 4
    data = data[:end] + png_chunk(b"iCCP", b"n\0\x09x") + png_chunk(b"tEXt", b"a\0b") + data[end:]
    image, codes = read(tmp_path / "a.png", data)
    assert (image.pixels == COLOR).all()
    assert codes == ["metadata-damaged"]


def test_a_missing_end_is_told_and_strictly_refused(tmp_path):
    data = png(8, 2, ROWS)
    data = data[: data.index(b"IEND") - 4]
    image, codes = read(tmp_path / "a.png", data)
    assert (image.pixels == COLOR).all()
    assert codes == ["image-damaged"]
    with pytest.raises(UnreadableMediaError, match="is_strict"):
        read(tmp_path / "a.png", data, is_strict=True)
    with pytest.raises(UnreadableMediaError, match="cut short"):
        read(tmp_path / "a.png", data[:-30])


@pytest.mark.parametrize("bits", [8, 16])
def test_an_animation_gives_its_first_image(tmp_path, bits):
    """OpenCV would return another one (a frame that was blended)."""
    rows = ROWS if bits == 8 else DEEP_ROWS
    first = png(bits, 2, rows)
    other = zlib.compress(b"".join(b"\0" + bytes(len(row)) for row in rows))
    size = struct.pack(">II", 40, 40)
    control = size + bytes(8) + struct.pack(">HHBB", 1, 10, 0, 0)
    header_end = first.index(b"IDAT") - 4
    animated = b"".join(
        (
            first[:header_end],
            png_chunk(b"acTL", struct.pack(">II", 2, 0)),
            png_chunk(b"fcTL", struct.pack(">I", 0) + control),
            first[header_end : first.index(b"IEND") - 4],
            png_chunk(b"fcTL", struct.pack(">I", 1) + control),
            png_chunk(b"fdAT", struct.pack(">I", 2) + other),
            png_chunk(b"IEND", b""),
        )
    )
    image, codes = read(tmp_path / "a.png", animated)
    assert (image.pixels / image.peak * 255 == COLOR).all()
    assert codes == ["pages-dropped"]


def test_healthy_files_are_passed_on_as_they_are():
    stream = io.BytesIO()
    PillowImage.fromarray(COLOR).save(stream, "PNG", icc_profile=profile(), dpi=(72, 72))
    data = stream.getvalue()
    chunks, _ = pillow_info(data)
    assert chunks.file() is data
