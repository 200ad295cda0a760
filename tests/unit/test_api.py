import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

import realesr
from realesr import RealesrError, Upscaler, upscale_image, upscale_video
from realesr.errors import InvalidOptionError, OutOfMemoryError
from realesr.geometry import Size
from realesr.media.images.decode import read_image
from realesr.options import FaceOptions
from realesr.progress import Started, Warned

from support.clips import make_clip
from support.images import write_image
from support.networks import random_image, tiny_weights


def test_public_names_are_these():
    assert realesr.__all__ == [
        "RealesrError",
        "Upscaler",
        "__version__",
        "upscale_image",
        "upscale_video",
    ]
    public = {name for name in vars(Upscaler) if not name.startswith("_")}
    assert public == {"from_file", "from_name", "scale"}
    with pytest.raises(AttributeError, match="Downscaler"):
        realesr.Downscaler  # noqa: B018


def test_importing_the_package_loads_nothing():
    code = "import sys, realesr; assert not {'torch', 'numpy', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3), (9, 12, 4)])
def test_channels_and_depth_stay(tmp_path, dtype, shape):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)
    upscaler = Upscaler.from_file(tiny_weights(tmp_path), device="cpu")
    upscaled = upscaler(pixels)
    assert upscaled.dtype == dtype
    assert upscaled.shape == (36, 48, *shape[2:])
    assert upscaler(pixels, outscale=1.5).shape == (13, 18, *shape[2:])
    assert upscaler(pixels, width=24).shape == (18, 24, *shape[2:])


def test_models_are_found_by_name():
    pixels = random_image(12, 9).pixels
    assert Upscaler.from_name("realesr-photo-x4", tile=0).scale == 4
    nearest = Upscaler.from_name("nearest")(pixels, outscale=2)
    assert (nearest[::2, ::2] == pixels).all()


def test_arguments_without_effect_are_told(tmp_path):
    notices = []
    Upscaler.from_name("bicubic", strength=0.5, tile=0, tile_pad=3, notify=notices.append)
    assert {notice.code for notice in notices} == {"option-without-effect"}
    assert "`tile`, `tile_pad` and `strength` do nothing for bicubic" in str(notices[0])
    events = []
    path = tmp_path / "a.png"
    write_image(path, random_image(4, 3))
    bicubic = Upscaler.from_name("bicubic")
    upscale_image(
        path, tmp_path / "b.png", upscaler=bicubic, quality=50, on_event=events.append
    )  # fmt: skip
    (told,) = [event.notice for event in events if isinstance(event, Warned)]
    assert str(told) == "`quality` does nothing for PNG, which loses nothing"


def test_a_partner_that_is_missing_is_told():
    notices = []
    Upscaler.from_name("realesr-anime-x4-faithful", sharpness=0.5, notify=notices.append)
    assert [notice.code for notice in notices] == ["option-without-effect"]


def test_mistakes_are_errors_of_the_package(tmp_path):
    with pytest.raises(RealesrError, match="no-such"):
        Upscaler.from_name("no-such")
    with pytest.raises(RealesrError, match="`precision`"):
        Upscaler.from_name("realesr-photo-x4", precision="fp7")
    with pytest.raises(RealesrError, match=r"none\.pth"):
        Upscaler.from_file(tmp_path / "none.pth")
    nearest = Upscaler.from_name("nearest")
    for shape in ((3, 3, 2), (2, 3, 3, 3), (3,)):
        with pytest.raises(ValueError, match=r"pixels must be \(H, W\), \(H, W, 3\) or"):
            nearest(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="pixels must be uint8, uint16 or floats, not int64"):
        nearest(np.zeros((3, 3), np.int64))
    with pytest.raises(TypeError, match="pixels must be a NumPy array, not list"):
        nearest([[1, 2], [3, 4]])


def test_a_result_that_cannot_fit_is_told_before_anything_is_computed():
    with pytest.raises(OutOfMemoryError, match="a result of 10000000x8333333 px"):
        Upscaler.from_name("bicubic")(np.zeros((20, 24, 3), np.uint8), width=10**7)


@pytest.mark.parametrize("fit", [(0, 5), (5,), "ab", (1.5, 2)])
def test_a_box_that_is_none_is_told(fit):
    with pytest.raises(InvalidOptionError, match="`fit`"):
        Upscaler.from_name("bicubic")(np.zeros((4, 4), np.uint8), fit=fit)


@pytest.mark.parametrize("source", [".", "*.png", "empty"])
def test_files_are_upscaled_one_at_a_time(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, random_image(8, 6))
    with pytest.raises(RealesrError):
        upscale_image(source, "out", upscaler=Upscaler.from_name("bicubic"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(TypeError, match="must be an Upscaler, not str"):
        upscale_image("a.png", "out", upscaler="bicubic")


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_order_of_bytes_is_kept(order):
    levels = np.arange(48, dtype=np.uint16).reshape(4, 4, 3) * 1000
    upscaler = Upscaler.from_name("nearest")
    result = upscaler(levels.astype(f"{order}u2"), outscale=2)
    assert result.dtype == np.dtype(f"{order}u2")
    assert (result == upscaler(levels, outscale=2)).all()


def test_faces_are_not_forgotten(monkeypatch):
    """Without the extra they are refused, not left out."""
    monkeypatch.setattr("realesr.face.dependencies.importlib.util.find_spec", lambda name: None)
    with pytest.raises(RealesrError, match="realesr\\[face\\]"):
        Upscaler.from_name("bicubic", faces=FaceOptions())


@pytest.mark.parametrize("options", [{}, {"tile": 8}, {"precision": "fp32"}])
def test_it_can_be_copied_and_sent_to_another_process(options):
    pixels = random_image(20, 14).pixels
    upscaler = Upscaler.from_name("realesr-photo-x4", device="cpu", **options)
    expected = upscaler(pixels)
    for other in (copy.deepcopy(upscaler), pickle.loads(pickle.dumps(upscaler))):  # noqa: S301
        assert (other(pixels) == expected).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3), (9, 12, 4)])
def test_floats_in_the_unit_interval_are_accepted(tmp_path, dtype, shape):
    levels = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    upscaler = Upscaler.from_file(tiny_weights(tmp_path), device="cpu")
    pixels = (levels / 65535).astype(dtype)
    upscaled = upscaler(pixels)
    assert upscaled.dtype == dtype
    assert upscaled.min() >= 0
    assert upscaled.max() <= 1
    if dtype != np.float16:
        np.testing.assert_allclose(upscaled, upscaler(levels) / 65535, atol=1e-6)


@pytest.mark.parametrize("value", [-0.001, 1.001, 255, np.nan, np.inf])
def test_other_floats_are_refused(value):
    pixels = np.full((4, 4, 3), 0.5)
    pixels[1, 2, 0] = value
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        Upscaler.from_name("nearest")(pixels)


def test_a_box_is_fitted():
    upscaled = Upscaler.from_name("nearest")(np.zeros((9, 12), np.uint8), fit=(24, 24))
    assert upscaled.shape == (18, 24)


def test_image_files(tmp_path):
    write_image(tmp_path / "in.png", random_image(12, 9, np.uint16))
    events = []
    outcome = upscale_image(
        tmp_path / "in.png",
        str(tmp_path / "out" / "large.jpg"),
        upscaler=Upscaler.from_file(tiny_weights(tmp_path)),
        outscale=2,
        quality=80,
        on_event=events.append,
    )
    assert outcome.destination == tmp_path / "out" / "large.jpg"
    assert outcome.size == Size(24, 18)
    assert read_image(outcome.destination).size == Size(24, 18)
    assert isinstance(events[0], Started)


def test_video_files(tmp_path):
    make_clip(tmp_path / "in.mkv")
    nearest = Upscaler.from_name("nearest")
    outcome = upscale_video(tmp_path / "in.mkv", tmp_path / "out.mkv", upscaler=nearest, outscale=2)
    assert outcome.frames == 24
    assert outcome.destination.is_file()


def test_files_that_fail_raise_and_leave_nothing(tmp_path):
    (tmp_path / "in.png").write_bytes(b"no image")
    nearest = Upscaler.from_name("nearest")
    with pytest.raises(RealesrError, match=r"in\.png"):
        upscale_image(tmp_path / "in.png", tmp_path / "out.png", upscaler=nearest)
    with pytest.raises(RealesrError, match=r"none\.png"):
        upscale_image(tmp_path / "none.png", tmp_path / "out.png", upscaler=nearest)
    write_image(tmp_path / "in.png", random_image(4, 3))
    with pytest.raises(RealesrError, match="replace an input"):
        upscale_image(tmp_path / "in.png", tmp_path / "in.png", upscaler=nearest)
    with pytest.raises(RealesrError, match="`quality` 0"):
        upscale_image(tmp_path / "in.png", tmp_path / "out.jpg", upscaler=nearest, quality=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png"]


def test_damage_is_refused_if_that_is_asked_for(tmp_path):
    whole = tmp_path / "a.png"
    PillowImage.new("RGB", (4, 4)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:-12])
    nearest = Upscaler.from_name("nearest")
    upscale_image(tmp_path / "cut.png", tmp_path / "out.png", upscaler=nearest)
    with pytest.raises(RealesrError, match="IEND"):
        upscale_image(tmp_path / "cut.png", tmp_path / "b.png", upscaler=nearest, strict=True)
    assert not (tmp_path / "b.png").exists()


def test_using_the_package_changes_nothing_in_the_process(tmp_path):
    write_image(tmp_path / "in.png", random_image(8, 6, np.uint16))
    code = """
import os, sys
import cv2, av  # OpenCV itself sets paths of Qt
before = dict(os.environ)
levels = cv2.utils.logging.getLogLevel(), av.logging.get_level()
import realesr
realesr.upscale_image(sys.argv[1], sys.argv[2])
assert dict(os.environ) == before, set(os.environ.items()) ^ set(before.items())
assert (cv2.utils.logging.getLogLevel(), av.logging.get_level()) == levels
import signal
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""
    command = [sys.executable, "-c", code, tmp_path / "in.png", tmp_path / "out.png"]
    subprocess.run(command, check=True)


def test_the_library_does_not_touch_the_heap(monkeypatch):
    def touch():
        raise AssertionError("a setting of the process")

    monkeypatch.setattr("realesr.engine.memory.keep_freed_memory", touch)
    Upscaler.from_name("realesr-photo-x4", tile=0)(np.zeros((8, 8, 3), np.uint8))
