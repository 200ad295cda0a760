"""``--face-enhance`` from the command line, with real networks and random values."""

import json

import cv2
import numpy as np
import pytest

from realesr.cli.main import main
from realesr.face import dependencies
from realesr.media.images.decode import read_image
from realesr.options import FACE_DETECTORS, FACE_MODELS, FaceOptions
from realesr.weights.catalog import FACE_NETWORKS, MIRROR_VARIABLE, find_spec

from support.clips import ffmpeg, times
from support.faces import needs_extra, random_gfpgan, random_parsenet
from support.images import write_image
from support.networks import random_image
from support.paths import shared

FACE = ("--face-enhance", "--face-detector", "yunet")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:9")  # nobody is there
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Weights in their official files."""
    folder = tmp_path_factory.mktemp("stored")
    random_gfpgan(folder / "GFPGANv1.3.pth")
    random_parsenet(folder / "parsing_parsenet.pth")
    return folder


@pytest.fixture
def weights(tmp_path, stored):
    """The same in ``weights/`` of the current folder, where they are looked for first."""
    (tmp_path / "weights").symlink_to(stored)
    return stored


@pytest.fixture
def yunet(weights):
    path = weights / find_spec("yunet").weights.name
    path.write_bytes(shared("weights/face/yunet_n_dynamic.onnx").read_bytes())


def image_of_a_face(width=640, height=480):
    """A portrait on gray; the portrait's place is (200, 100)."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    face = read_image(shared("eval/real_faces/face_07.png")).pixels
    pixels[100 : 100 + face.shape[0], 200 : 200 + face.shape[1]] = face
    return pixels


def image(*arguments, model="bicubic"):
    return main(["image", "-i", "in.png", "-o", "out.png", "-n", model, *arguments])


def test_names_are_those_of_the_catalog():
    assert {*FACE_MODELS, *FACE_DETECTORS, "parsenet"} == {spec.name for spec in FACE_NETWORKS}
    assert FaceOptions().model == "GFPGANv1.3", "as in the reference"


def test_at_weight_0_no_network_is_needed_and_nothing_changes(tmp_path, capsys):
    write_image(tmp_path / "in.png", random_image(40, 30))
    assert image("-s", "2") == 0
    plain = read_image(tmp_path / "out.png").pixels
    assert image("-s", "2", *FACE, "--face-weight", "0", "--face-report", "faces.jsonl") == 0
    assert (read_image(tmp_path / "out.png").pixels == plain).all()
    assert "--face-report does nothing" in capsys.readouterr().err
    assert not (tmp_path / "faces.jsonl").exists()


def test_without_the_extra_nothing_is_downloaded(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(dependencies.importlib.util, "find_spec", lambda name: None)
    write_image(tmp_path / "in.png", random_image(8, 8))
    assert image(*FACE) == 1
    assert "pip install 'realesr[face]'" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


@needs_extra("facexlib")
def test_weights_that_cannot_be_had_are_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("realesr.weights.fetch.WAITS_S", ())
    write_image(tmp_path / "in.png", random_image(8, 8))
    assert image(*FACE) == 1
    assert "GFPGANv1.3.pth" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("--face-weight", "1.5"), ("--face-confidence", "-1"), ("--face-min-size", "-1")],
)
def test_values_outside_their_range_are_refused(tmp_path, capsys, arguments):
    write_image(tmp_path / "in.png", random_image(8, 8))
    assert image(*FACE, *arguments) == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize("report", ["in.png", "out.png", "."])
@pytest.mark.usefixtures("weights")
def test_a_report_takes_no_file_s_place(tmp_path, capsys, report):
    write_image(tmp_path / "in.png", random_image(8, 8))
    before = (tmp_path / "in.png").read_bytes()
    assert image("--face-enhance", "--aligned", "--face-report", report) == 2
    assert f"--face-report {report}" in capsys.readouterr().err
    assert (tmp_path / "in.png").read_bytes() == before
    assert not (tmp_path / "out.png").exists()


@pytest.mark.usefixtures("yunet")
@needs_extra("facexlib")
def test_a_face_is_found_restored_and_reported(tmp_path, capsys):
    pixels = image_of_a_face()
    cv2.imwrite("in.png", pixels[..., ::-1])
    assert image("-s", "2") == 0
    plain = read_image(tmp_path / "out.png").pixels
    assert image("-s", "2", *FACE, "--face-report", "faces.jsonl") == 0
    restored = read_image(tmp_path / "out.png").pixels
    (line,) = map(json.loads, (tmp_path / "faces.jsonl").read_text().splitlines())
    (face,) = line["faces"]
    left, top, right, bottom = face["box"]
    assert 200 < left < right < 200 + 283
    assert 100 < top < bottom < 100 + 300
    changed = (restored != plain).any(-1)
    assert changed[int(top + bottom), int(left + right)], "the middle, twice as large"
    assert not changed[:, :100].any(), "far from the face nothing changes"
    assert not (tmp_path / "gfpgan").exists(), "nothing is written where people are"
    notes = capsys.readouterr().err
    assert "not the published GFPGANv1.3" in notes


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_an_aligned_face_needs_no_detector(tmp_path, depth, monkeypatch):
    find = dependencies.importlib.util.find_spec
    monkeypatch.setattr(
        dependencies.importlib.util,
        "find_spec",
        lambda name: object() if name == "facexlib" else find(name),
    )
    write_image(tmp_path / "in.png", random_image(64, 64, depth, alpha=True))
    assert image("-s", "2") == 0
    plain = read_image(tmp_path / "out.png")
    assert image("-s", "2", "--face-enhance", "--aligned") == 0
    restored = read_image(tmp_path / "out.png")
    assert restored.pixels.dtype == depth
    assert (restored.alpha == plain.alpha).all()
    assert (restored.pixels != plain.pixels).mean() > 0.5


@pytest.mark.usefixtures("yunet")
@needs_extra("facexlib")
def test_a_video_gets_its_faces_and_keeps_its_frames(tmp_path):
    still = image_of_a_face(560, 416)
    for number, shift in enumerate((0, 4, 8)):
        cv2.imwrite(f"{number}.png", np.roll(still, shift, axis=1)[..., ::-1])
    ffmpeg("-framerate", "24", "-i", "%d.png", "-c:v", "libx264rgb", "-qp", "0", "in.mkv")
    command = ["video", "-i", "in.mkv", "-o", "out.mkv", "-n", "bicubic", "-s", "1"]
    assert main([*command, *FACE, "--face-report", "faces.jsonl"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "faces.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2]
    middles = [line["faces"][0]["box"][0] for line in lines]
    assert middles[0] < middles[1] < middles[2]
    assert len(times(tmp_path / "out.mkv")) == 3


@needs_extra("facexlib")
def test_a_model_for_drawings_is_warned_of_and_obeyed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("realesr.weights.fetch.WAITS_S", ())
    write_image(tmp_path / "in.png", random_image(8, 8))
    (tmp_path / "anime.pth").write_bytes(b"")
    command = ["image", "-i", "in.png", "--model-path", "anime.pth", *FACE]
    assert main(command) == 1
    assert "anime.pth is made for drawings" in capsys.readouterr().err


def test_models_lists_them(capsys):
    assert main(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(spec.name in listed for spec in FACE_NETWORKS)
    assert main(["models", "info", "GFPGANv1.4"]) == 0
    assert "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad" in (
        capsys.readouterr().out
    )
