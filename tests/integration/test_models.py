"""``realesr models``, and weights that come over the network."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from realesr.cli.main import main
from realesr.media.images.decode import read_image
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.weights import catalog
from realesr.weights.catalog import (
    MIRROR_VARIABLE,
    RELEASES,
    ModelSpec,
    WeightFile,
    all_specs,
)

from support.images import write_image
from support.networks import random_image, randomized
from support.server import Server


def network(seed):
    """Nothing but a constant, which differs from seed to seed."""
    made = randomized(SRVGGNetCompact(num_feat=4, num_conv=1, scale=2), seed)
    for parameter in made.parameters():
        parameter.zero_()
    made.body[-1].bias.fill_(0.1 * seed)
    return made


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server with two small models, and a catalog of them, in an empty home."""
    server = Server()
    specs = []
    for seed, name in enumerate(("clean", "noisy"), start=1):
        path = tmp_path / f"{name}.pth"
        torch.save({"params": network(seed).state_dict()}, path)
        data = path.read_bytes()
        path.unlink()
        server.content[f"/v1/{name}.pth"] = data
        weights = WeightFile(
            name=f"{name}.pth",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            url=f"{RELEASES}/v1/{name}.pth",
        )
        specs.append(
            ModelSpec(
                name=name,
                scale=2,
                architecture="SRVGG 4x1",
                domain="tests",
                license="MIT",
                weights=weights,
                weak_denoise_model="noisy" if name == "clean" else None,
            )
        )
    for module in ("realesr.weights.catalog", "realesr.cli.models"):
        monkeypatch.setattr(f"{module}.MODELS", tuple(specs))
    monkeypatch.setattr(
        "realesr.weights.catalog.platformdirs.user_cache_dir",
        lambda *_, **__: str(tmp_path / "cache"),
    )
    monkeypatch.chdir(tmp_path)
    with server.running():
        monkeypatch.setenv(MIRROR_VARIABLE, server.url)
        yield server


def test_list_shows_every_model(capsys):
    assert main(["models", "list"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "SCALE", "MB", "LICENSE", "WEIGHTS", "MADE", "FOR"]
    assert [row.split()[0] for row in rows] == [spec.name for spec in all_specs()]
    assert " bundled " in rows[0]


def test_list_says_in_a_word_where_weights_are(published, capsys):
    assert main(["models", "fetch", "noisy"]) == 0
    Path("weights").mkdir()
    Path("weights/clean.pth").write_bytes(b"by hand")
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    rows = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()}
    assert " cached " in rows["noisy"]
    assert " weights/clean.pth " in rows["clean"]
    assert " not downloaded " in rows["yunet"]


def test_a_model_that_is_not_here_is_downloaded_once(published, tmp_path):
    image = random_image(8, 6)
    write_image(tmp_path / "in.png", image)
    for _ in range(2):
        assert main(["image", "-i", "in.png", "-n", "noisy", "-o", "out.png"]) == 0
    assert len(published.requests) == 1
    assert (tmp_path / "cache/weights/noisy.pth").is_file()
    assert read_image(tmp_path / "out.png").size == image.size.scaled(2)


@pytest.mark.parametrize(
    ("options", "added"), [([], 0.15), (["-dn", "1"], 0.1), (["-dn", "0"], 0.2)]
)
def test_denoise_strength_mixes_two_networks(published, tmp_path, options, added):
    """1 is the model itself, 0 its partner that keeps noise, and the default lies between."""
    write_image(tmp_path / "in.png", random_image(8, 6))
    base = np.repeat(np.repeat(random_image(8, 6).pixels, 2, axis=0), 2, axis=1)
    arguments = ["-n", "clean", "-o", "out.png", "--no-color-lock", *options]
    assert main(["image", "-i", "in.png", *arguments]) == 0
    expected = np.clip(np.rint(base + 255 * added), 0, 255)
    assert np.abs(read_image(tmp_path / "out.png").pixels - expected).max() <= 1
    assert len(published.requests) == (1 if "1" in options else 2)


def test_denoise_strength_without_a_partner_is_told(published, tmp_path, capsys):
    write_image(tmp_path / "in.png", random_image(8, 6))
    assert main(["image", "-i", "in.png", "-n", "noisy", "-dn", "0.3", "-o", "out.png"]) == 0
    assert "note: --denoise-strength does nothing for noisy" in capsys.readouterr().err


def test_denoise_strength_takes_a_partner_beside_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "in.png", random_image(8, 6))
    for seed, name in ((1, "general-x4v3"), (2, "general-wdn-x4v3")):
        torch.save(network(seed).state_dict(), tmp_path / f"my-{name}.pth")
    arguments = ["image", "-i", "in.png", "-o", "out.png", "--model-path", "my-general-x4v3.pth"]
    assert main([*arguments, "-dn", "0.5"]) == 0
    (tmp_path / "my-general-wdn-x4v3.pth").unlink()
    assert main([*arguments, "-dn", "0.5"]) == 2
    assert "my-general-x4v3.pth" in capsys.readouterr().err
    assert main(arguments) == 0


def test_a_file_of_another_hash_is_used_with_a_word(published, tmp_path, capsys):
    write_image(tmp_path / "in.png", random_image(8, 6))
    (tmp_path / "weights").mkdir()
    torch.save(network(3).state_dict(), tmp_path / "weights/noisy.pth")
    assert main(["image", "-i", "in.png", "-n", "noisy.pth", "-o", "out.png"]) == 0
    assert "note: weights/noisy.pth is not the published noisy" in capsys.readouterr().err
    assert not published.requests


def test_a_failed_download_is_one_line_and_leaves_nothing(published, tmp_path, capsys):
    write_image(tmp_path / "in.png", random_image(8, 6))
    published.content["/v1/noisy.pth"] = b"something else"[::-1] * 10_000
    assert main(["image", "-i", "in.png", "-n", "noisy"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("realesr: error: ")
    assert "SHA-256" in line
    assert {path.suffix for path in (tmp_path / "cache/weights").iterdir()} <= {".lock"}
    assert not (tmp_path / "results").exists()


def test_fetch_and_verify(published, tmp_path, capsys):
    assert main(["models", "fetch"]) == 2
    assert main(["models", "verify"]) == 0
    assert main(["models", "verify", "clean"]) == 1
    assert main(["models", "fetch", "clean"]) == 0
    assert main(["models", "verify", "clean"]) == 0
    assert "clean: genuine" in capsys.readouterr().out
    assert main(["models", "fetch", "--all"]) == 0
    assert [path for path, _ in published.requests] == ["/v1/clean.pth", "/v1/noisy.pth"]
    (tmp_path / "cache/weights/clean.pth").write_bytes(b"changed")
    assert main(["models", "verify"]) == 1
    assert "clean: not the published file" in capsys.readouterr().out


def test_info_of_a_name_and_of_a_file(published, tmp_path, capsys):
    assert main(["models", "info", "clean"]) == 0
    said = capsys.readouterr().out
    for part in ("x2", "MIT", "/v1/clean.pth", catalog.MODELS[0].weights.sha256, "no: would go to"):
        assert part in said
    main(["models", "fetch", "noisy"])
    assert main(["models", "info", str(tmp_path / "cache/weights/noisy.pth")]) == 0
    said = capsys.readouterr().out
    for part in ("SRVGGNetCompact", "x2", "published as", "noisy"):
        assert part in said
    assert main(["models", "info", "nobody"]) == 2
