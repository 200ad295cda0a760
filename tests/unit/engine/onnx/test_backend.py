import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnx")

from realesr.errors import (
    InvalidOptionError,
    UnsupportedCheckpointError,
    UnsupportedPrecisionError,
)
from realesr.loading import exchange
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import NetworkFiles
from realesr.options import UpscaleOptions

from support.networks import random_image, tiny_weights
from support.onnx_files import write_onnx


@pytest.fixture(params=["onnxruntime", "openvino"])
def engine(request):
    pytest.importorskip(request.param)
    return request.param


def load(path, notices=None, **options):
    options = UpscaleOptions(model_path=path, threads=1, color_lock=False, **options)
    notify = (lambda notice: None) if notices is None else notices.append
    return make_upscaler(options, NetworkFiles(path), notify=notify)


def upscale(upscaler, image):
    (result,) = upscaler.upscale_to([image], image.size.scaled(upscaler.scale))
    return result


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_images_of_every_kind_pass_through(tmp_path, engine, dtype):
    upscaler = load(write_onnx(tmp_path / "n.onnx", scale=3), engine=engine, tile=16)
    assert upscaler.scale == 3
    assert upscaler.description.engine == engine
    for kind in ({}, {"gray": True}, {"alpha": True}):
        image = random_image(37, 29, dtype, **kind)
        result = upscale(upscaler, image)
        expected = image.pixels.repeat(3, 0).repeat(3, 1)
        if image.alpha is None:
            np.testing.assert_array_equal(result.pixels, expected)
        else:
            assert result.alpha is not None
            np.testing.assert_array_equal(result.alpha, image.alpha.repeat(3, 0).repeat(3, 1))


def test_tiles_equal_the_whole(tmp_path, engine):
    path = write_onnx(tmp_path / "n.onnx", blurs=True)
    image = random_image(75, 60, np.uint8)
    whole = upscale(load(path, engine=engine, tile=0), image)
    tiled = upscale(load(path, engine=engine, tile=20), image)
    assert np.abs(whole.pixels.astype(int) - tiled.pixels).max() <= 1


@pytest.mark.parametrize("fixed", [(64, 64), (24, 40), (8, 8)])
def test_a_network_of_one_size_gets_tiles_of_that_size(tmp_path, engine, fixed):
    path = write_onnx(tmp_path / "n.onnx", fixed=fixed, blurs=True)
    notices = []
    upscaler = load(path, notices, engine=engine, tile=10)
    assert [notice.code for notice in notices] == ["option-without-effect"]
    free = write_onnx(tmp_path / "free.onnx", blurs=True)
    for size in ((70, 50), (3, 2), (1, 1)):
        image = random_image(*size, np.uint8)
        expected = upscale(load(free, engine=engine, tile=0), image).pixels
        result = upscale(upscaler, image).pixels
        assert result.shape == expected.shape
        # A border is zeros for the network, or the reflected image where it is padded.
        inner = np.s_[2:-2, 2:-2]
        assert np.abs(result[inner].astype(int) - expected[inner]).max(initial=0) <= 1


def test_what_sides_must_be_multiples_of_is_found(tmp_path, engine):
    path = write_onnx(tmp_path / "n.onnx", multiple_of=4)
    image = random_image(21, 18, np.uint8)
    result = upscale(load(path, engine=engine, tile=8), image)
    np.testing.assert_array_equal(result.pixels, image.pixels.repeat(2, 0).repeat(2, 1))


def test_a_file_in_half_precision(tmp_path, engine):
    path = write_onnx(tmp_path / "n.onnx", is_half=True)
    upscaler = load(path, engine=engine)
    assert upscaler.description.precision == "fp16"
    image = random_image(21, 18, np.uint8)
    result = upscale(upscaler, image)
    np.testing.assert_array_equal(result.pixels, image.pixels.repeat(2, 0).repeat(2, 1))


def test_values_that_are_not_finite_are_an_error(tmp_path):
    pytest.importorskip("onnxruntime")
    path = write_onnx(tmp_path / "n.onnx", gain=float("nan"))
    with pytest.raises(UnsupportedCheckpointError, match="not finite"):
        upscale(load(path), random_image(8, 8))


def test_engines_that_do_not_fit_are_refused(tmp_path):
    path = write_onnx(tmp_path / "n.onnx")
    for engine in ("torch", "native"):
        with pytest.raises(InvalidOptionError, match="ONNX network"):
            load(path, engine=engine)
    with pytest.raises(UnsupportedPrecisionError, match="bf16"):
        load(path, precision="bf16")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"\x08\x08\x12\x00")
    with pytest.raises(UnsupportedCheckpointError, match=r"bad\.onnx"):
        load(bad)


def test_a_network_that_enlarges_by_no_whole_number_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(UnsupportedCheckpointError, match="factor of 1 to 16"):
        load(write_onnx(tmp_path / "n.onnx", scale=17))


def test_weights_are_converted_once(tmp_path, engine, monkeypatch):
    monkeypatch.setattr(exchange, "cache_folder", lambda: tmp_path / "cache")
    path, image = tiny_weights(tmp_path), random_image(45, 37, np.uint8)
    expected = upscale(load(path, engine="torch", precision="fp32"), image)
    result = upscale(load(path, engine=engine, tile=16), image)
    assert np.abs(result.pixels.astype(int) - expected.pixels).max() <= 1
    (kept,) = (tmp_path / "cache" / "converted").iterdir()
    monkeypatch.setattr("realesr.models.loader.load_model", None)
    again = upscale(load(path, engine=engine, tile=16), image)
    np.testing.assert_array_equal(again.pixels, result.pixels)
    kept.write_bytes(b"damaged")
    monkeypatch.undo()
    monkeypatch.setattr(exchange, "cache_folder", lambda: tmp_path / "cache")
    assert load(path, engine=engine).scale == 4


def test_no_torch_is_imported_for_an_onnx_file(tmp_path):
    pytest.importorskip("onnxruntime")
    path = write_onnx(tmp_path / "n.onnx")
    code = (
        "import sys, numpy as np\nfrom realesr import Upscaler\n"
        f"upscaler = Upscaler.from_file({str(path)!r}, device='cpu', threads=1)\n"
        "assert upscaler(np.zeros((5, 6, 3), np.uint8)).shape == (10, 12, 3)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_engine_is_part_of_what_results_depend_on():
    options = UpscaleOptions()
    assert replace(options, engine="torch") != options
    with pytest.raises(InvalidOptionError, match="`engine` cuda"):
        UpscaleOptions(engine="cuda")
