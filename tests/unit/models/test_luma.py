"""Networks of one channel upscale the luma, and a filter the chroma."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from spandrel.architectures.SwinIR import SwinIR

from realesr.engine.native.networks import build_native
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.errors import UnsupportedCheckpointError
from realesr.imaging.image import Image
from realesr.loading.build import make_upscaler
from realesr.loading.resolve import NetworkFiles
from realesr.models.loader import load_model
from realesr.models.networks.luma import LumaNetwork
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.options import UpscaleOptions

from support.networks import random_image, randomized
from support.paths import shared

NETWORKS = {
    "srvgg-x4": lambda: SRVGGNetCompact(num_feat=8, num_conv=2, scale=4, channels=1),
    "srvgg-x1": lambda: SRVGGNetCompact(num_feat=16, num_conv=1, scale=1, channels=1),
    "rrdbnet-x2": lambda: RRDBNet(num_feat=8, num_block=1, num_grow_ch=4, scale=2, channels=1),
}


def saved(tmp_path, make):
    network = randomized(make())
    torch.save({"params": network.state_dict()}, tmp_path / "luma.pth")
    return network, tmp_path / "luma.pth"


def nearest(scale):
    """A network that repeats every luma: its convolutions are zero."""
    network = SRVGGNetCompact(num_feat=8, num_conv=1, scale=scale, channels=1)
    for parameter in network.requires_grad_(False).parameters():
        parameter.zero_()
    return LumaNetwork(network)


def ycbcr(pixels):
    """Full-range BT.601, by OpenCV, which has (Y, Cr, Cb); Y, Cb and Cr, (3, H, W)."""
    converted = cv2.cvtColor(np.float32(pixels / 255), cv2.COLOR_RGB2YCrCb)
    return converted.transpose(2, 0, 1)[[0, 2, 1]]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_luma_is_that_of_the_network(tmp_path, name):
    network, path = saved(tmp_path, NETWORKS[name])
    image = random_image(12, 10)
    loaded = load_model(path)
    x = torch.from_numpy(np.float32(image.pixels / 255)).permute(2, 0, 1)[None]
    y = torch.from_numpy(ycbcr(image.pixels)[None, :1])
    rgb = loaded(x)[0].permute(1, 2, 0).numpy()
    assert rgb.shape == (10 * network.scale, 12 * network.scale, 3)
    np.testing.assert_allclose(ycbcr(255 * rgb)[0], network(y)[0, 0].numpy(), atol=2e-5)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_chroma_is_bicubic(scale):
    image = random_image(9, 7)
    x = torch.from_numpy(np.float32(image.pixels / 255)).permute(2, 0, 1)[None]
    rgb = nearest(scale)(x)[0].permute(1, 2, 0).numpy()
    luma, *chroma = ycbcr(image.pixels)
    found = ycbcr(255 * rgb)
    np.testing.assert_allclose(found[0], np.kron(luma, np.ones((scale, scale))), atol=2e-5)
    size, inner = (15 * scale, 13 * scale), slice(3 * scale, -3 * scale)
    for plane, expected in zip(found[1:], chroma, strict=True):
        padded = PillowImage.fromarray(np.pad(expected, 3, "edge"))
        filtered = np.asarray(padded.resize(size, PillowImage.Resampling.BICUBIC))
        np.testing.assert_allclose(plane, filtered[inner, inner], atol=5e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_stays_gray_and_flat_colors_stay(dtype):
    peak = np.iinfo(dtype).max
    gray = random_image(8, 6, dtype, gray=True)
    upscaler = TiledUpscaler(TorchBackend(nearest(2)))
    upscaled = upscaler(gray)
    assert upscaled.is_gray
    assert np.array_equal(upscaled.pixels, gray.pixels.repeat(2, 0).repeat(2, 1))
    for color in ((peak, 0, 0), (0, peak, 0), (0, 0, peak), (peak, peak, 0), (peak // 3, 9, 200)):
        flat = Image(np.full((6, 8, 3), color, dtype))
        difference = np.abs(upscaler(flat).pixels.astype(int) - np.array(color))
        assert difference.max() <= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_do_not_show(tmp_path, name):
    _, path = saved(tmp_path, NETWORKS[name])
    image = random_image(40, 30, alpha=True)
    backend = TorchBackend(load_model(path))
    whole = TiledUpscaler(backend, tile=0)(image)
    tiled = TiledUpscaler(backend, tile=16)(image)
    assert whole.size == image.size.scaled(backend.architecture.scale)
    for one, other in ((whole.pixels, tiled.pixels), (whole.alpha, tiled.alpha)):
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_options_lead_to_it(tmp_path, precision):
    _, path = saved(tmp_path, lambda: SRVGGNetCompact(num_feat=16, num_conv=1, channels=1))
    options = UpscaleOptions(model_path=path, device="cpu", precision=precision, color_lock=False)
    upscaler = make_upscaler(options, NetworkFiles(path))
    image = random_image(8, 6)
    (upscaled,) = upscaler.upscale_to([image], image.size.scaled(4))
    expected = TiledUpscaler(TorchBackend(load_model(path)))(image)
    assert np.abs(upscaled.pixels.astype(int) - expected.pixels).max() <= 3  # bf16
    arrays = {
        name: tensor.numpy() for name, tensor in load_model(path).network.state_dict().items()
    }
    assert build_native(arrays) is None


@pytest.mark.filterwarnings("ignore")  # spandrel's own
def test_a_foreign_network_of_one_channel(tmp_path):
    network = SwinIR(
        upscale=2,
        in_chans=1,
        img_size=16,
        window_size=8,
        depths=[1],
        embed_dim=12,
        num_heads=[2],
        upsampler="pixelshuffledirect",
    )
    torch.save(network.state_dict(), tmp_path / "swin.pth")
    loaded = load_model(tmp_path / "swin.pth")
    assert isinstance(loaded, LumaNetwork)
    assert loaded.architecture == "SwinIR, luma"
    image = random_image(20, 18)
    assert TiledUpscaler(TorchBackend(loaded), tile=16)(image).size == image.size.scaled(2)


def test_the_file_that_was_seen():
    loaded = load_model(shared("cases/models/one-channel-x4.pth"))
    assert isinstance(loaded, LumaNetwork)
    assert loaded.scale == 4


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_are_refused(tmp_path, channels):
    shapes = {
        "body.0.weight": (8, channels, 3, 3),
        "body.0.bias": (8,),
        "body.1.weight": (8,),
        "body.2.weight": (channels * 16, 8, 3, 3),
        "body.2.bias": (channels * 16,),
    }
    torch.save({n: torch.zeros(s) for n, s in shapes.items()}, tmp_path / "net.pth")
    with pytest.raises(UnsupportedCheckpointError, match=f"it has {channels} channels"):
        load_model(tmp_path / "net.pth")
