import platform
import subprocess
import sys

import pytest

from realesr.engine.memory import (
    ACTIVATION_OVERHEAD,
    MAX_CPU_TILE,
    MIN_TILE,
    largest_tile,
)
from realesr.engine.pytorch.backend import TorchBackend
from realesr.engine.tiled import TiledUpscaler
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig

from support.networks import random_image, tiny_srvgg

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


def test_the_tile_is_the_largest_that_fits():
    network = RRDBNetConfig()
    budget = 2 * 2**30
    side = largest_tile(network, 4, "cpu", 32, budget=budget)
    pixel_bytes = ACTIVATION_OVERHEAD * network.peak_activations_per_pixel * 4
    assert (side + 64) ** 2 * pixel_bytes <= budget < (side + 65) ** 2 * pixel_bytes
    assert largest_tile(network, 2, "cpu", 32, budget=budget) > side
    assert largest_tile(SRVGGConfig(), 4, "cpu", 18, budget=budget) == MAX_CPU_TILE
    assert largest_tile(SRVGGConfig(), 2, "cuda:0", 18, budget=budget) > MAX_CPU_TILE
    assert largest_tile(network, 4, "cpu", 32, budget=budget // 2) < side
    small = largest_tile(SRVGGConfig(), 4, "cpu", 18, budget=budget, result_bytes=2**31)
    assert small == 28 * 18
    assert largest_tile(network, 4, "cpu", 32, budget=1000) == MIN_TILE


def test_a_share_of_what_is_free_is_the_budget_unless_it_is_given(monkeypatch):
    image = random_image(100, 100)
    for free, budget in ((2**22, None), (2**60, 2**21)):
        backend = TorchBackend(tiny_srvgg())
        monkeypatch.setattr(backend, "free_bytes", lambda free=free: free)
        upscaler = TiledUpscaler(backend, memory_budget=budget)
        upscaler(image)
        assert upscaler.description.tile == largest_tile(
            backend.architecture, 4, "cpu", 4, budget=2**21
        )
