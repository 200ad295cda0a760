"""Work on a cluster: what needs none. ``tests/integration/test_cluster.py`` has one."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from realesr.cli.executors import load_on_node, weights_files
from realesr.cli.main import main
from realesr.errors import ChecksumMismatchError, InvalidOptionError
from realesr.loading.resolve import NetworkFiles, ensure_files
from realesr.options import ClusterOptions, UpscaleOptions
from realesr.pipeline.executors.cluster_worker import NodeWeights, TravellingFile

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def travelling(path, content=CONTENT):
    """A file, and a list that grows each time it is fetched."""
    fetched = []

    def fetch():
        fetched.append(path)
        return content

    return TravellingFile(path, SHA256, fetch), fetched


def test_weights_travel_once_a_node(tmp_path):
    path = Path("/nowhere/model.pth")
    file, fetched = travelling(path)
    places = [NodeWeights((file,), tmp_path).locate(path) for _ in range(3)]
    assert {place.read_bytes() for place in places} == {CONTENT}
    assert {place.name for place in places} == {"model.pth"}
    assert len(fetched) == 1


def test_weights_that_are_there_stay_where_they_are(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(CONTENT)
    file, fetched = travelling(path)
    assert NodeWeights((file,), tmp_path / "cache").locate(path) == path
    assert not fetched


def test_other_weights_of_the_same_name_are_not_taken(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(b"others")
    file, fetched = travelling(path)
    place = NodeWeights((file,), tmp_path / "cache").locate(path)
    assert place != path
    assert place.read_bytes() == CONTENT
    place.write_bytes(b"damaged")
    assert NodeWeights((file,), tmp_path / "cache").locate(path).read_bytes() == CONTENT
    assert len(fetched) == 2


def test_weights_that_arrive_damaged_are_refused(tmp_path):
    path = Path("/nowhere/model.pth")
    file, _ = travelling(path, b"weight")
    with pytest.raises(ChecksumMismatchError, match=r"model\.pth"):
        NodeWeights((file,), tmp_path).locate(path)
    assert not list(tmp_path.rglob("model.pth"))


def test_a_node_loads_from_where_the_files_lie_there():
    options = UpscaleOptions(model_name="realesr-anime-x4", device="cpu", threads=1)
    files = ensure_files(options)
    elsewhere = NetworkFiles(Path("/elsewhere/model.pth"))
    assert weights_files(elsewhere, None) == (elsewhere.path,)
    locate = {elsewhere.path: files.path}.__getitem__
    assert load_on_node(replace(elsewhere), None, locate, options).scale == 4


def test_without_ray_the_remedy_is_told(tmp_path, monkeypatch, capsys):
    from realesr.imaging.image import Image

    from support.images import COLOR, write_image

    write_image(tmp_path / "a.png", Image(COLOR))
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ["image", str(tmp_path / "a.png"), "-o", str(tmp_path), "-n", "nearest"]
    assert main([*command, "--cluster", "auto"]) == 1
    assert 'pip install "realesr[cluster]"' in capsys.readouterr().err


def test_ray_is_not_imported_without_a_cluster(tmp_path):
    code = (
        "import sys\nfrom realesr.cli.main import main\n"
        "main(['image', 'inputs', '-n', 'nearest', '--dry-run', '--workers', '2'])\n"
        "import realesr.pipeline.executors.processes, realesr.pipeline.executors.pieces\n"
        "sys.exit('ray' in sys.modules or 's3fs' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-g", "0,1"], "leave --gpu-id away"),
        (["--device", "cuda:1"], "leave the number away"),
        (["--workers", "0"], "--workers 0"),
        (["-o", "-"], "--cluster: standard input and output"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(arguments, words, capsys):
    command = ["image", "inputs", "-n", "nearest", "--cluster", "auto", "--dry-run"]
    assert main([*command, *arguments]) == 2
    assert words in capsys.readouterr().err


def test_numbers_are_checked():
    with pytest.raises(InvalidOptionError):
        ClusterOptions(address="auto", each=0)
