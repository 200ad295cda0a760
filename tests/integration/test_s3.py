"""Images of S3, from a local server."""

import hashlib
import json

import cv2
import numpy as np
import pytest

from realesr.cli.main import main

from support import s3

s3fs = pytest.importorskip("s3fs")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of botocore
    pytest.mark.skipif(s3.program() is None, reason="scripts/test.py installs the server"),
]

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)


@pytest.fixture(scope="module")
def address():
    with s3.running() as address:
        yield address


@pytest.fixture
def store(address, monkeypatch):
    """A bucket; credentials and address are in the environment, as a user has them."""
    from realesr.media import remote

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }.items():
        monkeypatch.setenv(name, value)
    remote._file_system.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.makedir("bucket")
    yield system
    system.rm("bucket", recursive=True)
    remote._file_system.cache_clear()


def picture(number):
    return cv2.imencode(".png", np.roll(PIXELS, number))[1].tobytes()


def test_a_bucket_is_upscaled_in_parts_and_goes_on(store, tmp_path, capsys):
    for number in range(6):
        content = picture(number)
        store.pipe(f"bucket/in/d{number % 2}/n{number}.png", content)
        path = tmp_path / "in" / f"d{number % 2}" / f"n{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    options = ["-r", "-n", "nearest", "-s", "2", "--suffix", ""]
    assert main(["image", "-i", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *options]) == 0
    there = ["image", "-i", "s3://bucket/in", "-o", "s3://bucket/out", *options]
    for part in ("1/2", "2/2"):
        assert main([*there, "--shard", part, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    parts = [line for line in lines if line.get("event") == "summary"]
    assert sum(part["done"] for part in parts) == 6
    assert [part["shard"] for part in parts] == [[1, 2], [2, 2]]
    expected = {
        path.relative_to(tmp_path / "out").as_posix(): digest(path.read_bytes())
        for path in (tmp_path / "out").rglob("*.png")
    }
    found = {key.removeprefix("bucket/out/"): digest(store.cat(key)) for key in listing(store)}
    assert found == expected
    store.rm("bucket/out/d0/n0.png")
    store.invalidate_cache()
    capsys.readouterr()
    assert main([*there, "--skip-existing"]) == 0
    assert "left alone, outputs exist: 5" in capsys.readouterr().err
    store.invalidate_cache()
    assert len(listing(store)) == 6


@pytest.mark.slow
def test_a_cluster_takes_images_from_a_bucket_and_puts_them_there(store, capsys):
    pytest.importorskip("ray")
    for number in range(12):
        store.pipe(f"bucket/in/n{number:02}.png", picture(number))
    command = [
        "image",
        "-i",
        "s3://bucket/in",
        "-n",
        "nearest",
        "-s",
        "2",
        "--suffix",
        "",
        "--json",
    ]
    assert main([*command, "-o", "s3://bucket/out", "--cluster", "local"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["done"], summary["failed"]) == (12, [])
    assert main([*command, "-o", "s3://bucket/one"]) == 0
    store.invalidate_cache()
    there, here = (
        [digest(store.cat(key)) for key in sorted(store.find(f"bucket/{place}"))]
        for place in ("out", "one")
    )
    assert there == here
    assert len(here) == 12


def test_listings_come_in_pages(store, monkeypatch):
    """The order is that of folders: what is in one, then what is below."""
    from realesr.media import remote
    from realesr.media.urls import path_of

    names = [*(f"n{number:02}.png" for number in range(9)), "a/x.png", "a/y/z.png", "b.c/d.png"]
    for name in names:
        store.pipe(f"bucket/pages/{name}", b"12345")
    store.pipe("bucket/pages/.hidden.png", b"")
    store.touch("bucket/pages/a/")
    monkeypatch.setattr(remote, "_PAGE", 2)

    def listed(url, **options):
        return [
            (path.relative_to(below).as_posix() if below else path.name, size)
            for path, below, size in remote.listed(path_of(url), **options)
        ]

    assert listed("s3://bucket/pages", is_recursive=True) == [(name, 5) for name in names]
    assert len(listed("s3://bucket/pages/", is_recursive=False)) == 9
    assert listed("s3://bucket/pages/n03.png", is_recursive=False) == [("n03.png", 5)]
    assert len(listed("s3://bucket", is_recursive=True)) == len(names)


def test_a_bucket_that_is_not_there_is_told(store, capsys):
    assert main(["image", "-i", "s3://nowhere/in", "-r", "-n", "nearest"]) == 1
    assert "s3://nowhere/in: no such object or folder" in capsys.readouterr().err


def listing(store):
    return store.find("bucket/out")


def digest(content):
    return hashlib.sha256(content).hexdigest()
