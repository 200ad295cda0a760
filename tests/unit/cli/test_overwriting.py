"""No command writes a file over one that it was given."""

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from realesr.cli.main import main

from support.images import textured_pair
from support.networks import tiny_srvgg, tiny_weights


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    pixels = textured_pair(48, 64)[0]
    for name in ("in/a.png", "in/b.png", "ready.png"):
        PillowImage.fromarray(pixels).save(name)
    PillowImage.fromarray(np.repeat(np.repeat(pixels, 2, 0), 2, 1)).save("ready.jpg")
    tiny_weights(tmp_path).rename("net.safetensors")
    torch.save(tiny_srvgg().state_dict(), "net.pt")
    (tmp_path / "in/broken.png").write_bytes(b"no picture")
    (tmp_path / "link.prom").symlink_to("in/b.png")
    return tmp_path


IMAGE = "image in -o out -n bicubic"


@pytest.mark.parametrize(
    "line",
    [
        f"{IMAGE} --metrics-file in/a.png",
        f"{IMAGE} --metrics-file in/broken.png",
        f"{IMAGE} --metrics-file ./in/../in/b.png",
        f"{IMAGE} --metrics-file link.prom",
        f"{IMAGE} --metrics-file out/a_out.png",
        f"{IMAGE} --metrics-file in",
        "image in -o out --model-path net.safetensors --metrics-file net.safetensors",
        "image in/a.png -o ready.png -n bicubic --metrics-file ready.png",
        "image in/a.png -o ready.png -n bicubic --skip-existing --metrics-file ready.png",
        "degrade in -o out --metrics-file in/a.png",
        "degrade in -o out --show-steps in/b.png",
        "degrade in -o out --show-steps steps.png --metrics-file steps.png",
        "compare bicubic mine=ready.png -i in/a.png -o ready.png",
        "compare bicubic mine=net.safetensors -i in/a.png -o net.safetensors",
        "compare bicubic -i in/a.png -o ready.jpg",
        "compare bicubic -i in/a.png -o in",
        "tune -i in/a.png -o in/a.png",
        "tune -i in/a.png mine=ready.png -o ready.png",
        "tune -i in/a.png -o notes.txt",
        "export --model-path net.pt --format torchscript -o net.pt",
        "evaluate --sets in --models bicubic -o in",
        "evaluate --sets in --models bicubic -o in/deep/result",
        "prepare in -o in/result",
        "prepare in --exclude . -o result",
    ],
)
def test_what_was_given_stays(folder, line, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(line.split()) == 2
    assert "realesr: error: " in capsys.readouterr().err
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_results_may_lie_beside_the_originals_of_a_set(folder, capsys):
    (folder / "set").mkdir()
    (folder / "in/broken.png").unlink()
    (folder / "in").rename("set/HR")
    line = "evaluate --sets set --models bicubic -o set/result -q"
    assert main(line.split()) == 0
    assert main(line.split()) == 0
    assert "set/result" not in capsys.readouterr().err
    assert (folder / "set/result/report.md").read_text().count("2 pictures") == 1


@pytest.mark.parametrize(
    "line",
    [
        "video frames/%04d.png --fps 10 -n bicubic -o frames/0003.png",
        "video frames --fps 10 -n bicubic -o frames/0003.png",
        "video frames --fps 10 -n bicubic -o film.mkv --metrics-file frames/0002.png",
        "video frames/%04d.png --fps 10 -n bicubic -o film.mkv --metrics-file frames/0002.png",
        "video film.mkv.preview --fps 10 -n bicubic -o film.mkv --preview 1",
        "video film.mkv.preview/%06d.jpg --fps 10 -n bicubic -o film.mkv --preview 1",
        "train small.toml --data . --out . --set generator.init=net.safetensors --set name=net",
        "train small.toml --data . --out run --set name=../evil",
        "train small.toml --data . --out run --set name=",
    ],
)
def test_frames_and_starts_stay(folder, line, capsys):
    for place, kind in (("frames/{:04}.png", "PNG"), ("film.mkv.preview/{:06}.jpg", "JPEG")):
        (folder / place).parent.mkdir()
        for number in range(4):
            gray = PillowImage.new("RGB", (16, 16), (number, 9, 9))
            gray.save(folder / place.format(number), kind)
    (folder / "small.toml").write_text(
        'name = "small"\nlosses = { l1 = 1.0 }\nschedule = { total_steps = 1 }\n'
        'data = { sources = [{ path = "in", share = 1.0 }], damage = { clean = 1.0 } }\n'
    )
    test_what_was_given_stays(folder, line, capsys)
