"""What the built wheel and the installed metadata promise."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from realesr import __version__
from realesr.media.images.decode import read_image
from realesr.weights.catalog import MODELS

from setup.build_native import find_compiler
from support.images import write_image
from support.networks import random_image
from support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


LIBRARY = "realesr/engine/native/realesr_native.so"


def build(folder, environment=None):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))


@pytest.mark.skipif(find_compiler() is None, reason="there is no C++ compiler for x86-64 here")
def test_the_wheel_holds_the_native_convolution_and_is_for_this_platform_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert LIBRARY in archive.namelist()
    assert "-py3-none-linux_x86_64" in wheel.name


def test_without_a_compiler_the_wheel_is_pure(tmp_path):
    path = build(tmp_path, {"PATH": "", "HOME": str(tmp_path)})
    with zipfile.ZipFile(path) as archive:
        assert LIBRARY not in archive.namelist()
    assert "-py3-none-any" in path.name


@pytest.mark.parametrize("compiler", ["/bin/false", "/nowhere/c++", "false c++"])
def test_a_compiler_that_fails_does_not_stop_the_installation(tmp_path, compiler):
    path = build(tmp_path, {**os.environ, "CXX": compiler})
    assert "-py3-none-any" in path.name


def test_a_release_can_ask_for_a_pure_wheel(tmp_path):
    path = build(tmp_path, {**os.environ, "REALESR_NATIVE": "0"})
    assert "-py3-none-any" in path.name


def test_a_release_can_insist_on_the_native_engine(tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as error:
        build(tmp_path, {**os.environ, "REALESR_NATIVE": "1", "CXX": "/bin/false"})
    assert b"REALESR_NATIVE=1, but the native engine cannot be compiled" in error.value.stderr
    assert not list(tmp_path.iterdir())


def test_the_wheel_holds_weights_recipes_and_license(wheel):
    with zipfile.ZipFile(wheel) as archive:
        content = set(archive.namelist())
    for spec in MODELS:
        if spec.weights.url:
            continue
        assert f"realesr/weights/{spec.weights.name}" in content
    assert "realesr/py.typed" in content
    assert "realesr/training/recipes/photo-x4-faithful.toml" in content
    template = ROOT / "src/realesr/comparison/template"
    assert {f"realesr/comparison/template/{path.name}" for path in template.iterdir()} <= content
    assert any(name.endswith("licenses/LICENSE") for name in content)
    assert not any(name.startswith(("tests", "scripts", "inputs")) for name in content)


def test_the_wheel_upscales_with_its_own_weights(wheel, tmp_path):
    """Unpacked away from the checkout: nothing of the checkout is found."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    work = tmp_path / "work"
    work.mkdir()
    write_image(work / "in.png", random_image(16, 12))
    code = (
        "import sys, realesr; from realesr.cli.main import main; "
        "print(realesr.__file__); sys.exit(main(sys.argv[1:]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    for arguments in (["image", "-i", "in.png"], ["models", "info", "realesr-photo-x4"]):
        result = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith(str(site))
    assert str(site / "realesr/weights") in result.stdout
    assert read_image(work / "results/in_out.png").size.width == 64


def test_the_installed_version_is_that_of_the_package():
    assert metadata.version("realesr") == __version__


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_what_does_not_build_is_not_asked_for(python):
    """PyPI's basicsr fails to build on Python 3.13, and gfpgan needs it."""
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == ["realesr[face,keras,raw,onnx,serve,train,evaluate,cluster,s3,dev]"]
    wanted = {
        requirement.name
        for extra in ("face", "train", "dev")
        for requirement in map(Requirement, extras[extra])
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python})
    }
    assert ({"basicsr", "gfpgan"} <= wanted) == (python != "3.13")
    assert {"facexlib", "pytest"} <= wanted
