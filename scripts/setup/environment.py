"""Creates the virtual environment ``.venv`` of this checkout; needs only the standard library.

``demo.py`` and ``test.py`` use it. Every step checks the existing state first: an interrupted run
is resumed by the next one, and a run with nothing to do takes a fraction of a second.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "realesr.json"
SERVER = VENV / "s3-server"
SERVER_REQUIREMENT = "moto[server]>=5.0"

OLDEST_PYTHON = (3, 11)
DOWNLOAD_GB = 2.7
DISK_GB, DISK_ALL_GB = 6.5, 8.2
"""Without and with all extras, measured on Linux with PyTorch 2.15 and its CUDA libraries; less on
Windows and macOS."""


class SetupError(Exception):
    """The environment cannot be created; the message says why and what to do."""


def prepare(extras: tuple[str, ...]) -> Path:
    """Makes sure that ``.venv`` has this project with ``extras``; returns its interpreter.

    Raises:
        SetupError: The environment cannot be created.
    """
    check_python(sys.version_info[:2])
    wanted = set(extras) | set(read_stamp().get("extras", []))
    if is_current(wanted) and imports_opencv()[0]:
        return interpreter()
    disk_gb = DISK_ALL_GB if "all" in wanted else DISK_GB
    check_disk(ROOT, disk_gb - (folder_bytes(VENV) / 1e9 if VENV.is_dir() else 0))
    log(
        f"Setting up {VENV.relative_to(ROOT)}: up to {DOWNLOAD_GB} GB to download and "
        f"{disk_gb} GB on disk, nearly all of it PyTorch. This happens once. Until it is done, the "
        f"download takes room in {tempfile.gettempdir()}, too."
    )
    make_venv()
    STAMP.unlink(missing_ok=True)
    install(wanted)
    fix_opencv()
    write_stamp(wanted)
    return interpreter()


def prepare_server() -> None:
    """Gives the S3 server of the tests an environment of its own.

    It and s3fs, which the tests use, want different versions of the same packages. A server that
    cannot be installed costs its tests, which are skipped then.
    """
    stamp, wanted = SERVER / "complete", f"{SERVER_REQUIREMENT}\n{sys.version}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    log(f"Setting up {SERVER.relative_to(ROOT)}: {SERVER_REQUIREMENT}")
    try:
        shutil.rmtree(SERVER, ignore_errors=True)
        run(*venv_command(SERVER))
        run(str(interpreter(SERVER)), "-m", "pip", "install", "--quiet", SERVER_REQUIREMENT)
    except SetupError as error:
        log(f"tests of S3 will be skipped: {error}")
        return
    stamp.write_text(wanted, encoding="utf-8")


def check_python(version: tuple[int, int]) -> None:
    """Raises SetupError if this Python is too old; names a newer one if it is installed."""
    if version >= OLDEST_PYTHON:
        return
    script = Path(sys.argv[0]).name
    newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
    remedy = (
        f"this machine has one: run  {newer[0]} scripts/{script}"
        if newer
        else "install python3.11 or newer, and run this script with it"
    )
    raise SetupError(f"Python {version[0]}.{version[1]} is too old, 3.11 is needed; {remedy}")


def check_disk(folder: Path, needed_gb: float) -> None:
    """Raises SetupError if less than ``needed_gb`` are free on the disk of a folder."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < needed_gb:
        raise SetupError(
            f"{needed_gb:.1f} GB are needed on the disk of {folder}, but only "
            f"{free_gb:.1f} GB are free: make room, or use another disk"
        )


def folder_bytes(folder: Path) -> int:
    """Returns the size of all files in a folder and its subfolders, bytes."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def interpreter(folder: Path | None = None) -> Path:
    """Returns the path of the Python of an environment; ``.venv`` if none is named."""
    return (folder or VENV) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv() -> None:
    """Creates an environment with pip, unless a working one exists."""
    if succeeds(interpreter(), "-m", "pip", "--version"):
        return
    if VENV.is_dir() and any(VENV.iterdir()):
        if not (VENV / "pyvenv.cfg").is_file():
            raise SetupError(f"{VENV} is there but is no virtual environment: move it away")
        log("The existing environment is incomplete; it is created again.")
        shutil.rmtree(VENV)
    run(*venv_command())


def venv_command(folder: Path | None = None) -> list[str]:
    """Returns the command that creates an environment: venv, else virtualenv, else uv.

    Args:
        folder: Where; ``.venv`` if none is named.

    Raises:
        SetupError: None of the three is installed; the message names the package to install.
    """
    place = str(folder or VENV)
    if has_module("venv") and has_module("ensurepip"):
        return [sys.executable, "-m", "venv", place]
    if has_module("virtualenv"):
        return [sys.executable, "-m", "virtualenv", place]
    if shutil.which("virtualenv"):
        return ["virtualenv", "--python", sys.executable, place]
    if shutil.which("uv"):
        return ["uv", "venv", "--seed", "--python", sys.executable, place]
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    raise SetupError(
        f"this Python cannot make virtual environments. On Debian and Ubuntu:  sudo apt install "
        f"{package}  Elsewhere install virtualenv or uv with your package manager. Then run this "
        "again"
    )


def has_module(name: str) -> bool:
    """Returns whether this Python can find a top-level module."""
    return importlib.util.find_spec(name) is not None


def install(extras: set[str]) -> None:
    """Installs this project in editable mode, with its extras and all dependencies."""
    names = f"[{','.join(sorted(extras))}]" if extras else ""
    run(str(interpreter()), "-m", "pip", "install", "--editable", f"{ROOT}{names}")


def imports_opencv() -> tuple[bool, str]:
    """Returns whether the environment can import OpenCV, and the last line of the error output."""
    result = subprocess.run(
        [str(interpreter()), "-c", "import cv2"], capture_output=True, text=True, check=False
    )
    lines = result.stderr.strip().splitlines()
    return result.returncode == 0, lines[-1] if lines else ""


def fix_opencv() -> None:
    """Installs the headless OpenCV of the same version if a desktop library is missing.

    Raises:
        SetupError: OpenCV cannot be imported for another reason.
    """
    works, reason = imports_opencv()
    if works:
        return
    if "cannot open shared object file" not in reason:
        raise SetupError(f"OpenCV is installed but cannot be imported: {reason}")
    library = reason.split(": ")[1]
    log(f"{library} is missing here: opencv-python-headless replaces opencv-python.")
    python = str(interpreter())
    version = subprocess.run(
        [python, "-c", "from importlib.metadata import version; print(version('opencv-python'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    pip = [python, "-m", "pip"]
    run(*pip, "uninstall", "--yes", "opencv-python")
    run(*pip, "install", "--no-deps", "--force-reinstall", f"opencv-python-headless=={version}")
    works, reason = imports_opencv()
    if not works:
        raise SetupError(f"the headless OpenCV cannot be imported either: {reason}")


def fingerprint() -> str:
    """Returns a hash of the requirements, the C++ sources, the location and the Python version."""
    compiled = ("scripts/setup/build_native.py", "src/realesr/engine/native/*.[ch]*")
    files = [ROOT / "pyproject.toml", *(f for p in compiled for f in sorted(ROOT.glob(p)))]
    parts = (*(file.read_text(encoding="utf-8") for file in files), str(ROOT), sys.version)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_stamp() -> dict:
    """Returns the record of the last complete installation; empty if there is none."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(extras: set[str]) -> None:
    """Records that the installation is complete."""
    content = {"fingerprint": fingerprint(), "extras": sorted(extras)}
    STAMP.write_text(json.dumps(content), encoding="utf-8")


def is_current(extras: set[str]) -> bool:
    """Returns whether the environment is complete and up to date."""
    stamp = read_stamp()
    return stamp.get("fingerprint") == fingerprint() and extras <= set(stamp["extras"])


def succeeds(program: Path, *args: str) -> bool:
    """Returns whether a program exists and exits with code 0."""
    try:
        result = subprocess.run([str(program), *args], capture_output=True, check=False)
    except OSError:
        return False
    return result.returncode == 0


def run(*command: str) -> None:
    """Runs a step of the set-up.

    Raises:
        SetupError: The command failed.
    """
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    code = subprocess.run(command, env=environment, check=False).returncode
    if code:
        raise SetupError(
            f"this step failed with code {code}:\n  {' '.join(command)}\n"
            "see its output above; run the same script again to continue from here"
        )


def log(message: str) -> None:
    """Prints a line and flushes it, so that the order in a log file is right."""
    print(message, flush=True)


def main(work, extras: tuple[str, ...] = ()) -> int:
    """Prepares the environment and calls ``work`` with its interpreter; returns the exit code."""
    try:
        return work(prepare(extras))
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: run the same script again to continue", file=sys.stderr)
        return 130
