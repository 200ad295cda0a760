import numpy as np
import pytest

from realesr.engine.tiling import TileGrid
from realesr.geometry import Size


@pytest.mark.parametrize("size", [Size(1, 1), Size(100, 7), Size(64, 64), Size(3, 250)])
@pytest.mark.parametrize("tile", [0, 1, 7, 32, 500])
@pytest.mark.parametrize("overlap", [0, 5, 40])
def test_cores_partition_the_image(size, tile, overlap):
    grid = TileGrid(size=size, tile=tile, overlap=overlap, blend=9)
    covered = np.zeros((size.height, size.width), int)
    shared = np.zeros_like(covered)
    tiles = list(grid)
    for piece in tiles:
        covered[piece.core.slices] += 1
        shared[piece.extent.slices] += 1
        assert piece.padded == piece.core.grown_within(overlap, size)
        assert tile == 0 or max(piece.core.size.width, piece.core.size.height) <= tile
        for region in (piece.core, piece.extent):
            inside = region.relative_to(piece.padded)
            assert min(inside.x, inside.y) >= 0
    assert (covered == 1).all()
    assert shared.max() <= 4  # two along each axis
    assert len(tiles) == len(grid)


@pytest.mark.parametrize("length", [33, 64, 65, 100, 1000])
def test_no_tile_is_a_sliver(length):
    """65 px in tiles of 32 are 21, 22 and 22, not 32, 32 and 1."""
    sides = [tile.core.size.width for tile in TileGrid(size=Size(length, 1), tile=32, overlap=0)]
    assert len(sides) == -(-length // 32)
    assert max(sides) - min(sides) <= 1


def test_extents_reach_over_by_the_blend():
    left, right = TileGrid(size=Size(40, 8), tile=20, overlap=6, blend=4)
    assert (left.extent.x, left.extent.right) == (0, 24)
    assert (right.extent.x, right.extent.right) == (16, 40)


@pytest.mark.parametrize("multiple_of", [2, 4])
def test_every_region_lies_on_the_multiple(multiple_of):
    size = Size(20 * multiple_of, 9 * multiple_of)
    for piece in TileGrid(size=size, tile=13, overlap=5, multiple_of=multiple_of):
        for region in (piece.core, piece.padded):
            edges = (region.x, region.y, region.right, region.bottom)
            assert all(edge % multiple_of == 0 for edge in edges)


def test_whole_image_is_one_tile():
    grid = TileGrid(size=Size(30, 50), tile=0, overlap=9)
    (tile,) = grid
    assert tile.core == tile.extent == tile.padded
    assert tile.core.size == grid.size


@pytest.mark.parametrize("bad", [{"tile": -1}, {"overlap": -1}, {"blend": -1}, {"multiple_of": 2}])
def test_impossible_grids_are_refused(bad):
    with pytest.raises(ValueError, match=r"negative|multiple"):
        TileGrid(**{"size": Size(5, 5), "tile": 1, "overlap": 0, **bad})
