"""Colors, computed here from the matrices' definitions and not by another run of ffmpeg."""

import subprocess

import av
import numpy as np
import pytest

from realesr.errors import UnsupportedMediaError
from realesr.geometry import Size
from realesr.media.formats import VIDEOS
from realesr.media.video.color import ColorTags
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.probe import probe
from realesr.media.video.sink import VideoSink
from realesr.media.video.source import VideoSource
from realesr.options import VideoOptions

LUMA = {
    # K_R and K_B: ITU-R BT.601, BT.709, BT.2020
    "smpte170m": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020nc": (0.2627, 0.0593),
}
BARS = np.array(
    [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
)
COLORS = np.concatenate([BARS, BARS * 0.75, np.random.default_rng(0).random((16, 3))])
SIDE = 16
LOSSLESS = ("-c:v", "libx264", "-qp", "0")


def to_yuv(rgb, matrix, *, is_full, depth):
    """(..., 3) RGB in [0, 1] to Y', C_B, C_R as integers (ITU-R BT.2020, table 5)."""
    red, blue = LUMA[matrix]
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    cb = (rgb[..., 2] - luma) / (2 * (1 - blue))
    cr = (rgb[..., 0] - luma) / (2 * (1 - red))
    unit = 2 ** (depth - 8)
    peak = 2**depth - 1
    if is_full:
        values = luma * peak, cb * peak + 128 * unit, cr * peak + 128 * unit
    else:
        values = (
            unit * (219 * luma + 16),
            unit * (224 * cb + 128),
            unit * (224 * cr + 128),
        )
    return np.clip(np.round(np.stack(values)), 0, peak).astype(np.uint8 if depth == 8 else "<u2")


def to_rgb(planes, matrix, *, is_full, depth):
    """The way back, without rounding, clipped to what can be shown."""
    red, blue = LUMA[matrix]
    unit, peak = 2 ** (depth - 8), 2**depth - 1
    luma, cb, cr = planes.astype(float)
    if is_full:
        luma, cb, cr = luma / peak, (cb - 128 * unit) / peak, (cr - 128 * unit) / peak
    else:
        luma = (luma / unit - 16) / 219
        cb, cr = ((chroma / unit - 128) / 224 for chroma in (cb, cr))
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack((r, g, b), axis=-1), 0, 1)


def write_patches(path, matrix, *, is_full, depth):
    """A lossless 4:4:4 clip of flat patches; returns its planes, (3, H, W)."""
    patches = np.kron(COLORS.reshape(4, 8, 3), np.ones((SIDE, SIDE, 1)))
    planes = to_yuv(patches, matrix, is_full=is_full, depth=depth)
    raw = "yuv444p" if depth == 8 else f"yuv444p{depth}le"
    height, width = planes.shape[1:]
    tags = f"setparams=colorspace={matrix}:range={'pc' if is_full else 'tv'}"
    command = [find_ffmpeg(), "-v", "error", "-f", "rawvideo", "-pix_fmt", raw]
    command += ["-s", f"{width}x{height}", "-i", "pipe:", "-vf", tags, *LOSSLESS, str(path)]
    subprocess.run(command, input=planes.tobytes(), check=True)
    return planes


def stored(path):
    """Planes of the first frame, (3, H, W)."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    dtype = np.uint8 if "le" not in frame.format.name else np.dtype("<u2")
    return np.stack(
        [
            np.frombuffer(bytes(plane), dtype).reshape(plane.height, -1)[:, : plane.width]
            for plane in frame.planes
        ]
    )


@pytest.mark.parametrize("matrix", LUMA)
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("depth", [8, 10])
def test_colors_are_what_the_matrix_says_both_ways(tmp_path, matrix, is_full, depth):
    path, copy = tmp_path / "in.mkv", tmp_path / "out.mkv"
    planes = write_patches(path, matrix, is_full=is_full, depth=depth)
    binary = find_ffmpeg()
    info = probe(path)
    assert info.color.is_full is is_full
    options = VideoOptions(codec="libx264", crf=0)
    source = VideoSource(path, binary=binary)
    sink = VideoSink(copy, target=VIDEOS.format_of(copy), info=info, options=options, binary=binary)
    with source, sink:
        for frame in source:
            image = frame.image
            expected = to_rgb(planes, matrix, is_full=is_full, depth=depth)
            error = np.abs(image.pixels / image.peak - expected) * 255
            sink.write(sink.prepare(frame, image.size))
    assert error.max() <= 1
    after = probe(copy)
    assert after.color == info.color
    assert after.pixel_format == info.pixel_format
    level = 2 ** (depth - 8)
    assert np.abs(stored(copy).astype(int) - planes).max() <= level


@pytest.mark.parametrize(
    ("size", "matrix"), [(Size(720, 576), 6), (Size(1280, 400), 1), (Size(1024, 577), 1)]
)
def test_what_is_not_told_is_what_players_assume(size, matrix):
    assert ColorTags().completed(size).matrix == matrix
    assert ColorTags(matrix=9).completed(size).matrix == 9


def test_an_unknown_matrix_is_refused_in_words():
    with pytest.raises(UnsupportedMediaError, match="number 8"):
        ColorTags(matrix=8).to_rgb("rgb24", is_rgb=False)
