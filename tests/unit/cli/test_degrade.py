import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli.main import main

from support.animations import save_animation
from support.images import textured_pair


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    pixels = textured_pair(70, 96)[0]
    for name in ("a.png", "b.png", "deep/a.png"):
        PillowImage.fromarray(pixels).save(tmp_path / "in" / name)
    return tmp_path


def pixels_of(path):
    return np.asarray(PillowImage.open(path))


def test_a_file_alone_becomes_what_it_becomes_in_a_folder(folder, capsys):
    assert main(["degrade", "in", "-r", "-o", "all", "--json", "--seed", "7"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["output_size"] for line in lines] == [[24, 17]] * 3
    assert lines[0]["level"] == "medium"
    assert [notice["code"] for notice in lines[0]["notices"]] == ["edge-cropped"]
    assert main(["degrade", "in/b.png", "-o", "alone.png", "--seed", "7"]) == 0
    assert (pixels_of("all/b_out.png") == pixels_of("alone.png")).all()
    assert (pixels_of("all/a_out.png") == pixels_of("all/deep/a_out.png")).all()
    assert (pixels_of("all/a_out.png") != pixels_of("alone.png")).any()


def test_results_are_png_by_default(folder):
    PillowImage.fromarray(textured_pair(64, 64)[0]).save("in/c.jpg")
    assert main(["degrade", "in/c.jpg", "-o", "out", "--scale", "2", "--suffix", ""]) == 0
    assert pixels_of("out/c.png").shape == (32, 32, 3)


def test_the_steps_are_drawn(folder):
    options = ["--show-steps", "fig/steps.png", "--order", "3", "--level", "paper", "-q"]
    assert main(["degrade", "in/a.png", "-o", "out", *options]) == 0
    assert pixels_of("fig/steps.png").shape[0] > 3 * 200
    assert main(["degrade", "in/a.png", "-o", "out", "--show-steps", "in/a.png"]) == 2
    assert main(["degrade", "in/a.png", "-o", "out", "--show-steps", "steps.xyz"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--order", "0"], "--order 0: must be between 1 and 10"),
        (["--fixed", "--level", "paper"], "with --fixed, --level paper: must be one of clean"),
        (["--fixed", "--order", "2"], "--order counts random rounds, and --fixed has none"),
        (["--scale", "99"], "--scale 99: must be between 1 and 16"),
    ],
)
def test_what_cannot_be_is_refused(folder, capsys, options, message):
    assert main(["degrade", "in", *options]) == 2
    assert message in capsys.readouterr().err


def test_pytorch_is_not_imported(folder):
    import subprocess
    import sys

    code = (
        "import sys; from realesr.cli.main import main; "
        "main(['degrade', 'in/a.png', '-o', 'x.png', '--level', 'paper', '-q']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["named.jpg", "named.webp", "named.png"])
def test_a_named_output_chooses_its_format(folder, name):
    assert main(["degrade", "in/a.png", "-o", name, "-q"]) == 0
    with PillowImage.open(name) as image:
        found = image.format
    assert found == {"jpg": "JPEG"}.get(name[6:], name[6:].upper())
    assert main(["degrade", "in/a.png", "-o", "named.jpg", "--ext", "png", "-q"]) == 2


def test_a_palette_of_256_colors_is_refused_before_a_file_is_read(folder, capsys):
    (folder / "in/a.png").write_bytes(b"no picture")
    assert main(["degrade", "in/a.png", "-o", "v.gif"]) == 2
    assert "images are not written as .gif: choose one of .png" in capsys.readouterr().err
    for options in (["--ext", "gif"], ["--ext", "apng"], ["--first-frame"]):
        with pytest.raises(SystemExit) as left:
            main(["degrade", "in/a.png", *options])
        assert left.value.code == 2
    assert not (folder / "results").exists()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_the_first_image_of_an_animation_becomes_one_of_that_name(folder, capsys, suffix):
    save_animation(
        folder / f"in/moving{suffix}", **({} if suffix == ".gif" else {"lossless": True})
    )
    for options in ([], ["--ext", "auto"]):
        assert main(["degrade", f"in/moving{suffix}", "--json", *options]) == 0
        line = json.loads(capsys.readouterr().out)
        ext = ".webp" if options and suffix == ".webp" else ".png"
        assert line["output"].endswith(f"moving_out{ext}")
        assert "pages-dropped" in {notice["code"] for notice in line["notices"]}
        with PillowImage.open(line["output"]) as image:
            assert getattr(image, "n_frames", 1) == 1


def test_a_picture_that_cannot_be_drawn_stops_neither_figure_nor_run(folder, capsys):
    (folder / "in" / "0.png").write_bytes((folder / "in" / "a.png").read_bytes()[:99])
    PillowImage.new("RGB", (3, 2)).save("in/1.png")
    assert main(["degrade", "in", "-o", "out", "--show-steps", "steps.png"]) == 1
    assert pixels_of("steps.png").shape[0] > 200
    assert pixels_of("out/b_out.png").shape == (17, 24, 3)
    said = capsys.readouterr().err
    assert "0.png" in said
    assert "3x2 px is less than a pixel" in said
    assert "internal error" not in said


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "RGB"])
def test_the_figure_ends_with_what_the_run_writes(folder, monkeypatch, mode):
    rgb = textured_pair(64, 64)[0]
    if mode == "I;16":
        PillowImage.fromarray(rgb[..., 0].astype(np.uint16) * 257 + 100).save("in/d.png")
    elif mode == "RGBA":
        alpha = np.zeros((64, 64, 1), np.uint8)
        alpha[20:] = 255
        PillowImage.fromarray(np.concatenate([rgb * (alpha > 0), alpha], axis=2)).save("in/d.png")
    else:
        PillowImage.fromarray(rgb).save("in/d.png")
    drawn = []
    monkeypatch.setattr(
        "realesr.degradation.figure.StepsFigure.finish",
        lambda self, lr: drawn.append(lr) or np.zeros((9, 9, 3), np.uint8),
    )
    # Bicubic and fixed: no noise in color, which a gray picture would lose.
    assert (
        main(["degrade", "in/d.png", "-o", "d.png", "--level", "bicubic", "--show-steps", "s.png"])
        == 0
    )
    written = np.asarray(PillowImage.open("d.png").convert("RGBA"))[..., :3]
    assert np.abs(np.rint(drawn[0] * 255) - written).max() <= (1 if mode == "I;16" else 0)


def test_a_damaged_picture_fails_where_strict_is_asked_for(folder, capsys):
    PillowImage.fromarray(textured_pair(64, 64)[0]).save("in/c.jpg")
    (folder / "in/c.jpg").write_bytes((folder / "in/c.jpg").read_bytes()[:-2])
    assert main(["degrade", "in/c.jpg", "-o", "c.png", "-q"]) == 0
    options = ["-o", "d.png", "--show-steps", "steps.png", "--strict"]
    assert main(["degrade", "in/c.jpg", *options]) == 1
    assert "ends without its end marker" in capsys.readouterr().err
    assert not (folder / "d.png").exists()
    assert not (folder / "steps.png").exists()


def test_metadata_is_left_out_on_demand(folder):
    exif = PillowImage.Exif()
    exif[0x010E] = "a description"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 0.0, 0.0)})
    PillowImage.fromarray(textured_pair(64, 64)[0]).save("in/c.jpg", exif=exif)
    found = {}
    for options in ((), ("--strip", "location"), ("--strip-metadata",)):
        assert main(["degrade", "in/c.jpg", "-o", "c.png", "-q", *options]) == 0
        with PillowImage.open("c.png") as image:
            kept = image.getexif()
            found[options] = kept.get(0x010E), bool(kept.get_ifd(0x8825))
    assert list(found.values()) == [
        ("a description", True),
        ("a description", False),
        (None, False),
    ]
