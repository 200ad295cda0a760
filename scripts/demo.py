"""Sets up the environment and upscales the images in ``inputs/`` by a factor of four.

Run ``python3 scripts/demo.py`` in a fresh clone. Needs Python 3.11 or newer, nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setup import environment


def upscale(python: Path) -> int:
    """Upscales ``inputs/`` into ``results/``; returns the exit code."""
    environment.log("Upscaling inputs/ into results/ ...")
    code = subprocess.run(
        [str(python), "-m", "realesr", "image"], cwd=environment.ROOT, check=False
    ).returncode
    if code == 0:
        scripts = python.parent.relative_to(environment.ROOT)
        environment.log(
            f"Done. Compare {environment.ROOT / 'results'} with {environment.ROOT / 'inputs'}.\n"
            f"Your own image:  {scripts / 'realesr'} image -i IMAGE"
        )
    return code


if __name__ == "__main__":
    sys.exit(environment.main(upscale))
