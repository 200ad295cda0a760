import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnwritableMediaError
from realesr.imaging.sheets import Cell, Row, draw_sheet, save_sheet, square_around

RED, BLUE = (np.full((20, 30, 3), color, np.uint8) for color in ((255, 0, 0), (0, 0, 255)))


def test_cells_stand_in_columns():
    rows = [Row((Cell(RED), Cell(BLUE))), Row((Cell(BLUE, ("name", "x")), Cell(RED)), "title")]
    sheet = draw_sheet(rows, ["one", "two"])
    assert sheet.shape == (20 + 24 + 24 + 3 * 16, 2 * 34, 3)
    assert (sheet[20:40, :30] == RED).all()
    assert (sheet[20:40, 34:64] == BLUE).all()
    assert (sheet[60:80, 34:64] == RED).all()


def test_long_names_do_not_run_into_the_next_column():
    rows = [Row((Cell(RED, ("a name that is far too long",)), Cell(BLUE)))]
    sheet = draw_sheet(rows)
    assert (sheet[21:, 32:] == 255).all()
    assert (sheet[21:, :32] < 128).any()


def test_sheets_are_written_whole(tmp_path):
    path = tmp_path / "new" / "sheet.png"
    save_sheet(RED, path)
    assert (np.asarray(PillowImage.open(path)) == RED).all()
    assert [each.name for each in path.parent.iterdir()] == ["sheet.png"]
    with pytest.raises(UnwritableMediaError, match=r"sheet\.txt: choose another suffix"):
        save_sheet(RED, tmp_path / "sheet.txt")


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.5, 0.5, (slice(5, 15), slice(10, 20))),
        (0.0, 1.0, (slice(10, 20), slice(0, 10))),
        (1.0, 0.0, (slice(0, 10), slice(20, 30))),
    ],
)
def test_squares_lie_inside(x, y, expected):
    assert square_around(RED.shape, x, y, 10) == expected


def test_a_square_larger_than_the_image_is_the_image():
    assert square_around(RED.shape, 0.9, 0.9, 25) == (slice(0, 20), slice(5, 30))
