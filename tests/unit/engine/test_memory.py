import platform
import subprocess
import sys

import pytest

CHECK = """
import resource, torch
from realesr.engine.memory import keep_freed_memory
taken = keep_freed_memory() if {keep} else False
for _ in range(30):  # until the heap has its final size
    torch.zeros(20_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.zeros(20_000_000)
print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> tuple[bool, int]:
    out = subprocess.run(
        [sys.executable, "-c", CHECK.format(keep=keep)], capture_output=True, text=True, check=True
    ).stdout.split()
    return out[0] == "True", int(out[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_used_again():
    _, without = faults(keep=False)
    taken, with_setting = faults(keep=True)
    assert taken
    assert with_setting < without / 5
