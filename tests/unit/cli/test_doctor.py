"""``realesr doctor``: which packages it tells of."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

from realesr.cli import doctor
from realesr.cli.main import main

PROJECT = Path(__file__).parents[3] / "pyproject.toml"
PINNED = {"python-dateutil"}
"""What an extra names for its version alone."""


def names(requirements):
    return {re.match(r"[\w-]+", each)[0] for each in requirements} - PINNED


def test_all_packages_of_all_extras_are_told():
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = {
        extra: names(requirements)
        for extra, requirements in project["optional-dependencies"].items()
        if extra not in ("dev", "all")
    }
    assert {extra: set(packages) for extra, packages in doctor.EXTRAS.items()} == extras
    assert set(doctor.PACKAGES) <= names(project["dependencies"])


def test_the_extra_of_a_missing_package_is_named(capsys, monkeypatch):
    def version(package):
        if package in ("basicsr", "ray", "isal", "openvino"):
            raise metadata.PackageNotFoundError(package)
        return "1.2.3"

    monkeypatch.setattr(metadata, "version", version)
    assert main(["doctor"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["basicsr"] == "not installed (extra face, train)"
    assert lines["ray"] == "not installed (extra cluster)"
    assert lines["isal"] == "not installed"
    assert lines["uvicorn"] == "1.2.3"
    assert "openvino" not in lines
