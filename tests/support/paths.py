"""Places that tests read from."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"

OFFICIAL_SRVGG = {
    "realesr-animevideov3.pth": 16,
    "realesr-animevideov3.safetensors": 16,
    "realesr-general-x4v3.pth": 32,
    "realesr-general-wdn-x4v3.pth": 32,
}
"""The official networks, repacked: file name and number of convolutions in the body."""

OFFICIAL_RRDB = {"RealESRGAN_x4plus.pth": 23, "RealESRGAN_x4plus_anime_6B.pth": 6}
"""The same, with the number of residual-in-residual dense blocks."""


def shared(relative: str) -> Path:
    """A file of the data that is not part of the project; skips the test without it."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs {relative} of the shared data beside the checkout")
    return path
