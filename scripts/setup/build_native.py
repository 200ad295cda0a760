"""Compiles the native engine when a wheel of this project is made, where that is possible.

Hatchling calls it. Without a C++ compiler, or elsewhere than on Linux on x86-64, the wheel is pure
Python, and PyTorch computes all convolutions. The environment variable ``REALESR_NATIVE`` decides
for release builds: ``0`` never compiles, and with ``1`` a wheel without the library is an error.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("src/realesr/engine/native")
LIBRARY = SOURCES / "realesr_native.so"
TAG = "py3-none-linux_x86_64"
"""For every Python, because ctypes loads the library; auditwheel makes a manylinux tag of it."""
SWITCH = "REALESR_NATIVE"
SHARED = ("convolution.cpp", "pixels.cpp")
BLOCK = "convolution_block.cpp"
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-pthread")
INSTRUCTION_SETS = {
    "avx2": ("-mavx2", "-mfma", "-DLANES=8", "-DREGISTER_COLUMNS=2"),
    "avx512": ("-mavx512f", "-mfma", "-DLANES=16", "-DREGISTER_COLUMNS=4"),
}


class NativeBuildHook(BuildHookInterface):
    """Puts the compiled library into the wheel, or, of an editable one, beside its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles, and tells Hatchling for which platform the wheel is then."""
        root = Path(self.root)
        self._folder = TemporaryDirectory()
        library = Path(self._folder.name, LIBRARY.name)
        if version == "editable":
            library = root / LIBRARY
            library.unlink(missing_ok=True)
        reason = make_library(root / SOURCES, library)
        if reason:
            if os.environ.get(SWITCH) == "1":
                self.app.abort(f"{SWITCH}=1, but the native engine cannot be compiled: {reason}")
            self.app.display_warning(f"realesr is built without its native engine: {reason}")
            return
        if version != "editable":
            build_data["force_include"][str(library)] = str(LIBRARY.relative_to("src"))
        build_data["pure_python"] = False
        build_data["tag"] = TAG

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what was compiled for the wheel."""
        self._folder.cleanup()


def make_library(sources: Path, library: Path) -> str:
    """Compiles where it is wanted and possible; returns why there is no library, or ``""``."""
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    compiler = find_compiler()
    if compiler is None:
        return "there is no C++ compiler for Linux on x86-64"
    try:
        compile_library(compiler, sources, library)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{compiler} failed:\n{getattr(error, 'stderr', None) or error}"
    return ""


def find_compiler() -> str | None:
    """The C++ compiler, as ``CXX`` or PATH has it; None where it would be of no use."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        return None
    return os.environ.get("CXX") or shutil.which("c++") or shutil.which("clang++")


def compile_library(compiler: str, sources: Path, library: Path) -> None:
    """Compiles one object for each instruction set, and links them.

    Raises:
        subprocess.CalledProcessError: The compiler refused.
        OSError: It is not there, or the disk is full.
    """

    def run(*arguments: str) -> None:
        command = [*shlex.split(compiler), *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True)

    with TemporaryDirectory() as folder:
        objects = [f"{folder}/{name}.o" for name in INSTRUCTION_SETS]
        for path, (name, flags) in zip(objects, INSTRUCTION_SETS.items(), strict=True):
            block = f"-DCONVOLVE_BLOCK=convolve_block_{name}"
            run(*FLAGS, *flags, block, "-c", str(sources / BLOCK), "-o", path)
        temporary = f"{folder}/{library.name}"
        shared = [str(sources / name) for name in SHARED]
        run(*FLAGS, "-shared", *shared, *objects, "-o", temporary)
        partial = library.with_suffix(".part")
        shutil.move(temporary, partial)
        partial.replace(library)
