from pathlib import Path

import numpy as np
import pytest

from realesr.degradation.degrader import Degrader, degrader_of, seed_of
from realesr.degradation.figure import CELL, StepsFigure
from realesr.degradation.levels import FIXED_LEVELS, LEVELS
from realesr.errors import InvalidOptionError, UnsupportedMediaError
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.options import DAMAGE_LEVELS, FIXED_DAMAGE_LEVELS, DamageOptions

from support.images import textured_pair

PIXELS = textured_pair(64, 96)[0]
SIZE = Size(24, 16)


def damaged(image, name="a.png", notices=None, **options):
    degrader = degrader_of(DamageOptions(**options)).session(Path(name), is_video=False)
    size = image.size.scaled(1 / degrader.reduction)
    notify = (lambda notice: None) if notices is None else notices.append
    (result,) = degrader.upscale_to([image], size, notify=notify)
    return result


@pytest.mark.parametrize("options", [{"level": "paper"}, {"level": "heavy", "is_fixed": True}])
def test_the_result_depends_on_seed_and_name_alone(options):
    image = Image(PIXELS)
    first = damaged(image, **options).pixels
    assert first.shape == (16, 24, 3)
    assert (damaged(image, "folder/a.png", **options).pixels == first).all()
    assert (damaged(image, "b.png", **options).pixels != first).any()
    assert (damaged(image, seed=1, **options).pixels != first).any()
    assert seed_of(1, "2:a") != seed_of(12, ":a")


def test_names_of_levels_are_those_of_the_options():
    assert set(DAMAGE_LEVELS) == set(LEVELS)
    assert set(FIXED_DAMAGE_LEVELS) == set(FIXED_LEVELS)


def test_an_order_means_exactly_so_many_rounds():
    assert degrader_of(DamageOptions(level="light", order=3)).level.second_probability == 1
    assert degrader_of(DamageOptions(level="light")).level == LEVELS["light"]


def test_edges_off_the_scale_are_cut_and_told():
    notices = []
    image = Image(np.pad(PIXELS, ((0, 3), (0, 1), (0, 0)), "edge"))
    result = damaged(image, notices=notices, level="clean", is_fixed=True)
    assert result.size == SIZE
    assert [notice.code for notice in notices] == ["edge-cropped"]
    assert (result.pixels == damaged(Image(PIXELS), level="clean", is_fixed=True).pixels).all()
    with pytest.raises(UnsupportedMediaError, match=r"a\.png: 3x64 px"):
        damaged(Image(PIXELS[:, :3].copy()), level="light")


def test_sixteen_bits_gray_and_alpha():
    notices = []
    alpha = np.full(PIXELS.shape[:2], 65535, np.uint16)
    alpha[:, :48] = 0
    deep = Image(PIXELS.astype(np.uint16) * 257, alpha=alpha)
    result = damaged(deep, notices=notices, level="medium")
    assert result.pixels.dtype == result.alpha.dtype == np.uint8
    assert (result.alpha[:, :10] == 0).all()
    assert (result.alpha[:, 14:] == 255).all()
    assert [notice.code for notice in notices] == ["depth-reduced"]
    gray = Image(np.repeat(PIXELS[..., :1], 3, axis=2), is_gray=True)
    result = damaged(gray, level="paper")
    assert result.is_gray
    assert (result.pixels == result.pixels[..., :1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "awful"}, "`level` awful: must be one of bicubic, clean"),
        ({"level": "paper", "is_fixed": True}, "with `is_fixed`, `level` paper"),
        ({"level": "light", "is_fixed": True, "order": 2}, "`is_fixed` has none"),
        ({"order": 0}, "`order` 0"),
        ({"scale": 17}, "`scale` 17"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InvalidOptionError, match=message):
        DamageOptions(**options)


@pytest.mark.parametrize("level", ["paper", "clean", "heavy"])
def test_the_figure_shows_every_step(level):
    hr = (np.kron(PIXELS, np.ones((5, 5, 1))) / 255).astype(np.float32)
    figure = StepsFigure(hr, "a.png")
    degrader = Degrader(LEVELS[level], 4, seed=2, observe=figure)
    drawn = figure.finish(degrader.degrade(hr))
    rows = figure._rows
    assert drawn.shape[1] == max(map(len, rows)) * (CELL + 4)
    assert drawn.shape[0] > len(rows) * CELL
    titles = [cell.lines[0] for row in rows for cell in row]
    assert titles[0] == "a.png"
    assert titles[-1] == "result"
    shown = [cell.pixels.mean(axis=(0, 1)) for row in rows for cell in row]
    # every cell shows the same part of the scene: no mean strays far
    assert np.abs(np.array(shown) - shown[0]).max() < 25
