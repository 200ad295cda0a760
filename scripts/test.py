"""Sets up the environment and runs every check and test.

Run ``python3 scripts/test.py`` in a fresh clone; arguments go to pytest, as in
``python3 scripts/test.py -k tiling``. Needs Python 3.11 or newer, nothing else.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from setup import environment

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("codespell", "-D", "-", "-D", "scripts/setup/words.txt"),
    ("mypy",),
    ("lint-imports", "--no-logo"),
    ("mkdocs", "build", "--strict"),
    ("pytest", "-m", "not slow"),
)

TEMPORARY_GB = 1.5
"""Room that the files of the tests need at most at the same time."""


def check(python: Path) -> int:
    """Runs all checks, even after a failure; returns 1 if any of them failed."""
    environment.prepare_server()
    environment.check_disk(Path(tempfile.gettempdir()), TEMPORARY_GB)
    failed = []
    for program, *arguments in CHECKS:
        if program == "pytest":
            arguments += sys.argv[1:]
        title = " ".join([program, *arguments])
        environment.log(f"\n== {title}")
        started = time.monotonic()
        command = [str(python.parent / program), *arguments]
        if subprocess.run(command, cwd=environment.ROOT, check=False).returncode:
            failed.append(title)
        environment.log(f"== {time.monotonic() - started:.1f} s")
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(environment.main(check, extras=("all",)))
