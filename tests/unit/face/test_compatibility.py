import importlib.util
import subprocess
import sys

import pytest

PLAIN = "import warnings; warnings.simplefilter('ignore'); import basicsr"
MENDED = (
    "from realesr.face.compatibility import restore_removed_torchvision_module as restore; "
    f"restore(); {PLAIN}"
)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("basicsr") is None, reason="needs the extra `face` or `train`"
)


def imports(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_basicsr_imports_with_the_stand_in():
    result = imports(MENDED)
    assert result.returncode == 0, result.stderr


def test_the_stand_in_is_still_needed():
    """When this fails, basicsr has been mended: remove ``realesr.face.compatibility``."""
    assert "functional_tensor" in imports(PLAIN).stderr
