import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import realesr
from realesr import RealesrError, Upscaler
from realesr.options import FaceOptions

from support.networks import random_image, tiny_weights


def test_public_names_are_these():
    assert realesr.__all__ == ["RealesrError", "Upscaler", "__version__"]
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


def test_mistakes_are_errors_of_the_package(tmp_path):
    with pytest.raises(RealesrError, match="no-such"):
        Upscaler.from_name("no-such")
    with pytest.raises(RealesrError, match="`precision`"):
        Upscaler.from_name("realesr-photo-x4", precision="fp7")
    with pytest.raises(RealesrError, match=r"none\.pth"):
        Upscaler.from_file(tmp_path / "none.pth")
    with pytest.raises(ValueError, match="pixels must be"):
        Upscaler.from_name("nearest")(np.zeros((3, 3, 2), np.uint8))


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
