from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from realesr.errors import UnreadableMediaError
from realesr.serving.answers import told, words_of

FOLDER = Path("/tmp/place/a1")  # noqa: S108


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (f"{FOLDER}/body.mp4: there is no frame", "a_cat.mov: there is no frame"),
        (f"file:{FOLDER}/body.mp4: refused", "a_cat.mov: refused"),
        (f"`max_pixels`: {FOLDER}/output.jpg would be", "`max-pixels`: the result would be"),
        (f"{FOLDER}/frames/0001.png is", "frames/0001.png is"),
        ("`model_name` body.png: this service has", "`model-name` body.png: this service has"),
    ],
)
def test_own_names_of_files_are_not_told(message, words):
    assert told(message, FOLDER, "a_cat.mov") == words


def test_a_body_without_a_name_is_called_so():
    assert told(f"{FOLDER}/body: empty", FOLDER) == "the body: empty"
    assert len(told(f"{FOLDER}/body.png", FOLDER, "x" * 9999)) == 100


def test_links_to_the_folder_are_not_told(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    error = UnreadableMediaError(f"{tmp_path}/real/body.png: bad")
    assert words_of(error, tmp_path / "link") == "the body: bad"
    assert str(tmp_path) not in words_of(OSError(str(tmp_path)), tmp_path)
