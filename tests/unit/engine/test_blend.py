import numpy as np
import pytest
import torch
from torch.nn import functional as F

from realesr.engine.blend import stitch
from realesr.engine.tiling import TileGrid
from realesr.geometry import Size
from realesr.media.images.decode import read_image
from realesr.models.loader import load_model

from support.networks import tiny_srvgg
from support.paths import ROOT


def random_input(width, height):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def tiled(network, x, *, tile, overlap, blend=0, as_arrays=False):
    size = Size(x.shape[-1], x.shape[-2])
    grid = TileGrid(
        size=size, tile=tile, overlap=overlap, blend=blend, multiple_of=network.multiple_of
    )
    whole = torch.full((1, 3, *(side * network.scale for side in x.shape[-2:])), torch.nan)
    visits = np.zeros(whole.shape[-2:], int)

    def upscale(piece):
        rows, columns = piece.padded.slices
        sr = network(x[..., rows, columns])
        return sr.numpy() if as_arrays else sr

    for region, values in stitch(grid, network.scale, map(upscale, grid)):
        rows, columns = region.slices
        whole[..., rows, columns] = torch.as_tensor(values)
        visits[region.slices] += 1
    assert (visits == 1).all()
    return whole


class Nearest:
    scale, multiple_of = 3, 1

    def __call__(self, x):
        return F.interpolate(x, scale_factor=3)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (37, 61), (64, 64)])
@pytest.mark.parametrize("tile", [1, 7, 16, 64])
@pytest.mark.parametrize("blend", [0, 1, 3, 8])
@pytest.mark.parametrize("as_arrays", [False, True])
def test_weights_sum_to_one(size, tile, blend, as_arrays):
    """Every output px is final once, and equal tiles blend into what they are."""
    x = random_input(*size)
    torch.testing.assert_close(
        tiled(Nearest(), x, tile=tile, overlap=8, blend=blend, as_arrays=as_arrays),
        Nearest()(x),
        atol=2e-7,
        rtol=0,
    )


@pytest.mark.parametrize("tile", [5, 16, 33])
def test_with_all_the_context_a_tiled_result_is_the_whole_one(tile):
    network, x = tiny_srvgg(), random_input(61, 37)
    with torch.no_grad():
        whole = network(x)
    difference = tiled(network, x, tile=tile, overlap=network.receptive_radius) - whole
    assert difference.abs().max() < 2e-6
    less = tiled(network, x, tile=tile, overlap=network.receptive_radius - 1) - whole
    assert less.abs().max() > 2e-6  # so the bound means something


def test_blending_softens_the_seam_that_missing_context_leaves():
    """Measured on a trained network and a photograph, against the whole image."""
    network = load_model(ROOT / "weights/realesr-photo-x4-faithful.safetensors")
    photo = read_image(ROOT / "inputs/coffee.jpg").pixels[100:196, 100:228]
    x = torch.from_numpy(photo / np.float32(255)).permute(2, 0, 1)[None].contiguous()
    with torch.no_grad():
        whole = network(x)

    def errors(blend):
        error = (tiled(network, x, tile=64, overlap=4, blend=blend) - whole) * 255
        steps = error.diff(dim=-1)[..., 64 * network.scale - 1]
        return float(error.abs().mean()), float(steps.abs().mean())

    (hard_mean, hard_step), (soft_mean, soft_step) = errors(0), errors(2)
    assert hard_step > 0.05  # there is a seam to soften
    assert soft_step < hard_step / 2
    assert soft_mean < hard_mean * 1.05
