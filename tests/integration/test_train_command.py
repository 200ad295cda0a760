"""``realesr train`` from the command line."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image

from realesr.cli.main import main
from realesr.models.loader import load_model
from realesr.weights.torch_checkpoint import load_state_dict

from reports import training_report as report
from support.training import make_data

RECIPE = """
name = "tiny"
scale = 2
precision = "fp32"
log_every = 1
[generator]
parameters = { num_feat = 8, num_conv = 1 }
[data]
sources = [{ path = "a.tar" }]
damage = { light = 1.0 }
batch_size = 2
lr_size = 16
margin = 1
[losses]
l1 = 1.0
[schedule]
total_steps = 3
[validation]
images = "clean"
levels = ["light"]
every = 3
"""


@pytest.fixture
def arguments(tmp_path):
    make_data(tmp_path / "data")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    files = [tmp_path / each for each in ("tiny.toml", "data", "out")]
    return ["train", str(files[0]), "--data", str(files[1]), "--out", str(files[2])]


def test_a_recipe_becomes_a_file_of_weights(arguments, tmp_path, capsys):
    assert main([*arguments, "--set", "schedule.total_steps=2", "--workers", "0"]) == 0
    path = tmp_path / "out/tiny.safetensors"
    assert capsys.readouterr().out.strip() == str(path)
    assert load_model(path).scale == 2


def test_with_workers_as_without(arguments, tmp_path):
    assert main([*arguments, "--workers", "0"]) == 0
    other = [*arguments[:-1], str(tmp_path / "other"), "--workers", "2"]
    assert main(other) == 0
    one, two = (load_state_dict(tmp_path / f"{each}/tiny.safetensors") for each in ("out", "other"))
    assert all(torch.equal(two[name], tensor) for name, tensor in one.items())


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--set", "schedule.totl_steps=2"], "did you mean schedule.total_steps"),
        (["--set", "generator.architecture=srvg"], "must be one of rrdbnet, srvgg"),
        (
            ["--set", "generator.parameters.num_feet=4"],
            "did you mean generator.parameters.num_feat",
        ),
        (["--set", "generator.parameters.num_feat=0"], "generator.parameters: its num_feat is 0"),
        (["--set", "generator.parameters.num_conv=-1"], "its num_conv is -1"),
        (["--set", "generator.parameters.num_conv=1.5"], "num_conv = 1.5: must be a whole number"),
        (["--set", "generator.parameters.scale=2"], "the recipe's own scale says it"),
        (["--set", "validation.levels=['lite']"], "must be one of clean, light"),
        (["--set", "losses.vgg=1.0"], "--perceptual-weights FILE"),
        (["--set", "data.batch_size=0"], "data.batch_size must be 1 or more"),
        (["--workers", "-1"], "--workers -1: must be 0 or more"),
        (["--device", "foo"], "--device foo"),
        (["--set", "data.lr_size=90"], "set data.lr_size or data.margin smaller"),
        (["--device", "cuda:7"], "cuda:7"),
    ],
)
def test_mistakes_end_before_the_first_step(arguments, tmp_path, capsys, extra, message):
    assert main([*arguments, "--workers", "0", *extra]) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_damaged_picture_ends_the_run_and_is_named(arguments, tmp_path, workers):
    """With workers, too: the process must not wait for those that nobody has told to stop."""
    path = tmp_path / "data/cut/photo.png"
    path.parent.mkdir()
    Image.effect_noise((128, 128), 50).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:4000])
    command = [sys.executable, "-m", "realesr", *arguments, "--workers", workers]
    command += ["--set", 'data.sources=[{ path = "cut" }]']
    found = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert found.returncode == 1
    assert "photo.png: damaged or cut short" in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
    assert (tmp_path / "out/last.ckpt").exists()


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("clean/run", []),
        ("pictures", ["data.sources=[{ path = 'pictures' }]"]),
        ("link/run", ["data.sources=[{ path = 'a.tar' }, { path = 'pictures' }]"]),
    ],
)
def test_contact_sheets_must_not_become_pictures_to_learn(
    arguments, tmp_path, capsys, place, changes
):
    data = tmp_path / "data"
    (data / "pictures/deep").mkdir(parents=True)
    (data / "link").symlink_to("pictures/deep")
    changes = [part for change in changes for part in ("--set", change)]
    out = data / place
    assert main([*arguments[:-1], str(out), *changes, "--workers", "0"]) == 2
    assert f"--out {out}: lies in" in capsys.readouterr().err
    assert not (out / "log.jsonl").exists()


def test_missing_data_is_named(arguments, tmp_path, capsys):
    (tmp_path / "data/a.tar").unlink()
    assert main([*arguments, "--workers", "0"]) == 1
    assert "a.tar: no such file or folder" in capsys.readouterr().err


def test_a_prepared_set_is_a_source(arguments, tmp_path, capsys):
    """As docs/training.md has it; partners are no clean pictures, and the manifest fits."""
    data = tmp_path / "data"
    (data / "clean/manifest.csv").write_text("file,license\n0.png,CC0\n1.png,GPL\n")
    prepared = [
        "prepare",
        str(data / "clean"),
        "-o",
        str(data / "set"),
        "--lr",
        "2",
        "--sub-images",
    ]
    assert main([*prepared, "48", "--step", "48", "-q"]) == 0
    for file in (data / "set/train").rglob("*.png"):
        if "LRx2" in file.parts or file.name.startswith("1"):
            file.write_bytes(b"nobody looks at this")
    for name, value in (("sources", "[{ path = 'set/train' }]"), ("manifest", "set/manifest.csv")):
        arguments += ["--set", f"data.{name}={value}"]
    assert main([*arguments, "--workers", "0", "--set", "data.licenses=['CC0']"]) == 0
    capsys.readouterr()
    assert main([*arguments, "--workers", "0", "--set", "data.licenses=['MIT']"]) == 2
    told = capsys.readouterr().err
    assert "set/train has no image that" in told
    assert "set/manifest.csv allows by data.licenses" in told


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_same_command_goes_on(arguments, tmp_path, sent):
    long = [*arguments, "--set", "schedule.total_steps=100000", "--set", "validation.every=100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "realesr", *long],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "out/log.jsonl"
    deadline = time.monotonic() + 120
    while not (log.exists() and '"losses"' in log.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, sent)  # the workers, too, as Ctrl-C and a container's stop do
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors
    assert (tmp_path / "out/last.ckpt").exists()
    done = len(log.read_text().splitlines())
    assert main([*arguments, "--set", f"schedule.total_steps={done + 500}", "--workers", "0"]) == 0


def test_the_report_draws_curves_and_tells_the_time_of_a_step(arguments, tmp_path, capsys):
    assert main([*arguments, "--workers", "0"]) == 0
    out = tmp_path / "curves.png"
    report.main([str(tmp_path / "out"), "--out", str(out)])
    assert "data 0." in capsys.readouterr().out
    with Image.open(out) as sheet:
        assert sheet.size == report.PANEL
        assert len(sheet.getcolors(2**16)) > 3
