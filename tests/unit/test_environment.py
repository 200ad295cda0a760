"""The set-up script, with a stand-in for every program that it would start."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from setup import environment


@pytest.fixture
def venv(tmp_path, monkeypatch):
    """An empty checkout, and a list of all commands that would have been run in it."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "STAMP", tmp_path / ".venv/realesr.json")
    monkeypatch.setattr(environment, "SERVER", tmp_path / ".venv/s3-server")
    return tmp_path / ".venv"


class Machine:
    """Answers like a machine on which OpenCV imports or not."""

    def __init__(self, venv, monkeypatch):
        self.venv = venv
        self.commands = []
        self.opencv = ""
        self.fails_at = None
        self.refuses = None
        monkeypatch.setattr(subprocess, "run", self.run)

    def run(self, command, **_options):
        command = [str(part) for part in command]
        self.commands.append(" ".join(command[1:]))
        code, out, err = 0, "", ""
        if self.fails_at and self.fails_at in self.commands[-1]:
            raise KeyboardInterrupt
        if self.refuses and self.refuses in self.commands[-1]:
            return subprocess.CompletedProcess(command, 1, out, err)
        if "--version" in command:
            complete = (self.venv / "pyvenv.cfg").exists() and not (self.venv / "leftover").exists()
            code = int(not complete)
        elif "venv" in command:
            folder = Path(command[-1])
            folder.mkdir(parents=True)
            (folder / "pyvenv.cfg").write_text("")
        elif "import cv2" in command:
            code, err = (1, f"Traceback\n{self.opencv}") if self.opencv else (0, "")
        elif "version('opencv-python')" in command[-1]:
            out = "5.0.0.93\n"
        elif any("headless" in part for part in command):
            self.opencv = ""
        return subprocess.CompletedProcess(command, code, out, err)

    def ran(self, words):
        return sum(words in command for command in self.commands)


@pytest.fixture
def machine(venv, monkeypatch):
    return Machine(venv, monkeypatch)


def test_the_second_time_nothing_is_installed(machine):
    environment.prepare(())
    assert machine.ran("pip install") == 1
    machine.commands.clear()
    assert environment.prepare(()) == environment.interpreter()
    assert machine.ran("pip") == 0


def test_more_extras_are_added_and_never_taken_away(machine):
    environment.prepare(("all",))
    environment.prepare(())
    assert machine.ran("pip install") == 1
    assert machine.ran(f"{environment.ROOT}[all]") == 1


def test_changed_requirements_are_installed(machine):
    environment.prepare(())
    (environment.ROOT / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    environment.prepare(())
    assert machine.ran("pip install") == 2


@pytest.mark.parametrize("step", ["-m venv", "pip install", "import cv2"])
def test_an_interrupted_set_up_goes_on(machine, step):
    machine.fails_at = step
    with pytest.raises(KeyboardInterrupt):
        environment.prepare(("all",))
    assert not environment.STAMP.exists()
    machine.fails_at = None
    environment.prepare(("all",))
    assert json.loads(environment.STAMP.read_text())["extras"] == ["all"]


def test_an_incomplete_environment_is_created_again(machine, venv, capsys):
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("")
    (venv / "leftover").write_text("")
    environment.prepare(())
    assert not (venv / "leftover").exists()
    assert "created again" in capsys.readouterr().out


def test_a_folder_that_is_no_environment_is_left_alone(machine, venv):
    venv.mkdir()
    (venv / "precious").write_text("")
    with pytest.raises(environment.SetupError, match="move it away"):
        environment.prepare(())
    assert (venv / "precious").exists()


def test_a_missing_desktop_library_brings_the_headless_opencv(machine, capsys):
    machine.opencv = (
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    )
    environment.prepare(())
    assert machine.ran("pip uninstall --yes opencv-python") == 1
    assert machine.ran("opencv-python-headless==5.0.0.93") == 1
    assert "libGL.so.1 is missing here" in capsys.readouterr().out


def test_another_error_of_opencv_is_reported(machine):
    machine.opencv = "ImportError: numpy is too old"
    with pytest.raises(environment.SetupError, match="numpy is too old"):
        environment.prepare(())
    assert machine.ran("headless") == 0
    assert not environment.STAMP.exists()


def test_an_old_python_is_told_which_one_to_use(monkeypatch):
    environment.check_python((3, 11))
    monkeypatch.setattr(environment.shutil, "which", lambda name: name == "python3.12")
    with pytest.raises(environment.SetupError, match=r"3\.9 is too old.*python3\.12 scripts/"):
        environment.check_python((3, 9))
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    with pytest.raises(environment.SetupError, match=r"install python3\.11"):
        environment.check_python((3, 10))


@pytest.mark.parametrize(("extras", "needed"), [((), r"6\.5"), (("all",), r"8\.2")])
def test_too_little_disk_is_told_before_anything_is_fetched(machine, monkeypatch, extras, needed):
    monkeypatch.setattr(
        environment.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2e9})
    )
    with pytest.raises(environment.SetupError, match=rf"{needed} GB are needed.*2\.0 GB are free"):
        environment.prepare(extras)
    assert machine.ran("install") == 0


def test_what_is_installed_already_needs_no_room(machine, venv, monkeypatch):
    environment.prepare(())
    environment.STAMP.unlink()
    free = type("Usage", (), {"free": 6.499e9})
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: free)
    with pytest.raises(environment.SetupError, match=r"6\.5 GB are needed"):
        environment.prepare(())
    with (venv / "torch").open("wb") as file:
        file.truncate(2_000_000)
    environment.prepare(())
    assert environment.STAMP.exists()


def test_the_tests_say_where_they_need_room(monkeypatch):
    monkeypatch.setattr(environment, "prepare_server", lambda: None)
    free = type("Usage", (), {"free": 0.5e9})
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: free)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail("it started"))
    script = runpy.run_path(str(Path(environment.__file__).parents[1] / "test.py"))
    with pytest.raises(environment.SetupError, match=r"1\.5 GB are needed.*0\.5 GB are free"):
        script["check"](Path(sys.executable))


@pytest.mark.parametrize(
    ("modules", "programs", "expected"),
    [
        ({"venv", "ensurepip"}, {"uv"}, "-m venv"),
        ({"venv", "virtualenv"}, {"uv"}, "-m virtualenv"),
        ({"venv"}, {"virtualenv", "uv"}, "virtualenv --python"),
        ({"venv"}, {"uv"}, "uv venv --seed"),
    ],
)
def test_the_first_way_to_make_an_environment_is_taken(monkeypatch, modules, programs, expected):
    monkeypatch.setattr(environment, "has_module", modules.__contains__)
    monkeypatch.setattr(environment.shutil, "which", lambda name: name in programs or None)
    assert expected in " ".join(environment.venv_command())


def test_without_a_way_the_package_is_named(monkeypatch):
    monkeypatch.setattr(environment, "has_module", lambda name: name == "venv")
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    package = f"python3.{sys.version_info[1]}-venv"
    with pytest.raises(environment.SetupError, match=f"apt install {package}"):
        environment.venv_command()


@pytest.mark.parametrize(
    ("error", "code"), [(environment.SetupError("why"), 1), (KeyboardInterrupt(), 130)]
)
def test_failures_become_exit_codes(monkeypatch, capsys, error, code):
    def prepare(_extras):
        raise error

    monkeypatch.setattr(environment, "prepare", prepare)
    assert environment.main(lambda python: 0) == code
    assert capsys.readouterr().err.strip()


@pytest.mark.parametrize("name", ["demo.py", "test.py", "setup/environment.py"])
def test_the_scripts_need_the_standard_library_alone(name):
    scripts = Path(environment.__file__).parents[1]
    path = scripts / name
    code = f"import runpy; runpy.run_path({str(path)!r}, run_name='imported')"
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.append({str(scripts)!r}); {code}",
    ]
    subprocess.run(command, check=True)


def test_the_server_of_the_tests_has_an_environment_of_its_own(machine):
    environment.prepare(())
    environment.prepare_server()
    environment.prepare_server()
    assert machine.ran(f"pip install --quiet {environment.SERVER_REQUIREMENT}") == 1
    assert machine.ran(f"venv {environment.SERVER}") == 1


def test_without_the_server_the_other_tests_run(machine, capsys):
    environment.prepare(())
    machine.refuses = "moto"
    environment.prepare_server()
    assert "tests of S3 will be skipped" in capsys.readouterr().out
    machine.refuses = None
    environment.prepare_server()
    assert machine.ran(environment.SERVER_REQUIREMENT) == 2
