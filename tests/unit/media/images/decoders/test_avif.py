import io

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError
from realesr.media.images.decode import read_image
from realesr.media.images.decoders import avif

from support.images import COLOR

BLOCKS = np.kron(np.random.default_rng(0).integers(0, 256, (16, 16, 3)), np.ones((8, 8, 1)))


def encoded(**options):
    stream = io.BytesIO()
    PillowImage.fromarray(BLOCKS.astype(np.uint8)).save(stream, "AVIF", **options)
    return stream.getvalue()


def read(path, data, **options):
    path.write_bytes(data)
    notices = []
    image = read_image(path, notify=notices.append, **options)
    return image, [notice.code for notice in notices]


@pytest.mark.parametrize(
    "options", [{}, {"quality": 30}, {"quality": 100}, {"subsampling": "4:4:4"}]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_healthy_files_are_not_called_damaged(tmp_path, options, mode):
    stream = io.BytesIO()
    PillowImage.fromarray(COLOR).convert(mode).save(stream, "AVIF", **options)
    assert read(tmp_path / "a.avif", stream.getvalue())[1] == []


def test_damage_is_told_and_strictly_refused(tmp_path):
    """dav1d within Pillow fills what it cannot decode, and says nothing."""
    data = encoded()
    start = data.index(b"mdat") + 40
    rng = np.random.default_rng(0)
    codes = set()
    for _ in range(20):
        damaged = bytearray(data)
        for place in rng.integers(start, len(data), 3):
            damaged[place] ^= 0x55
        try:
            image, told = read(tmp_path / "a.avif", bytes(damaged))
        except UnreadableMediaError:
            continue
        codes.update(told)
        if told:
            assert image.size.width == 128
            with pytest.raises(UnreadableMediaError, match=r"dav1d: .*is_strict"):
                read(tmp_path / "a.avif", bytes(damaged), is_strict=True)
    assert codes == {"image-damaged"}


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_opencv_refuses_is_read_by_another(tmp_path, monkeypatch, bits, channels):
    ramp = np.linspace(0, 2**bits - 1, 64).round().astype(np.uint16)
    levels = np.broadcast_to(ramp[None, :, None], (8, 64, channels)).squeeze()
    options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100]
    _, data = cv2.imencode(".avif", np.ascontiguousarray(levels), options)
    expected, _ = read(tmp_path / "a.avif", data.tobytes())
    monkeypatch.setattr(avif, "decode_with_opencv", lambda _: (None, "refused"))
    image, codes = read(tmp_path / "a.avif", data.tobytes())
    assert (image.pixels == expected.pixels).all()
    assert image.is_gray == expected.is_gray
    assert (image.alpha is None) == (expected.alpha is None)
    assert codes == []
