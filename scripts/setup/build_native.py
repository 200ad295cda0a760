"""Build hook of Hatchling: compiles the native engine when a wheel is built, if possible.

Without a C++ compiler, or on anything other than Linux on x86-64, the wheel is pure Python, and
PyTorch computes all convolutions. The environment variable ``REALESR_NATIVE`` controls release
builds: ``0`` never compiles, and with ``1`` a wheel without the library is an error.
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
"""Tag of the wheel. ctypes loads the library, so one wheel serves every Python version; auditwheel
replaces the tag by a manylinux tag."""
SWITCH = "REALESR_NATIVE"
SHARED = ("convolution.cpp", "pixels.cpp")
BLOCK = "convolution_block.cpp"
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-pthread")
INSTRUCTION_SETS = {
    "avx2": ("-mavx2", "-mfma", "-DLANES=8", "-DREGISTER_COLUMNS=2"),
    "avx512": ("-mavx512f", "-mfma", "-DLANES=16", "-DREGISTER_COLUMNS=4"),
}


class NativeBuildHook(BuildHookInterface):
    """Adds the library to the wheel; for an editable wheel it is compiled next to its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the library and sets the platform tag of the wheel."""
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
        """Removes the temporary files of the compilation."""
        self._folder.cleanup()


def make_library(sources: Path, library: Path) -> str:
    """Compiles the library if possible; returns the reason for its absence, or ``""``."""
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
    """Returns the C++ compiler from ``CXX`` or PATH; None on unsupported platforms."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        return None
    return os.environ.get("CXX") or shutil.which("c++") or shutil.which("clang++")


def compile_library(compiler: str, sources: Path, library: Path) -> None:
    """Compiles one object for each instruction set, and links them.

    Raises:
        subprocess.CalledProcessError: The compiler failed.
        OSError: The compiler does not exist, or the disk is full.
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
