import platform
import subprocess
import sys

import psutil
import pytest
import torch

from realesr.engine import memory
from realesr.engine.memory import MAX_CPU_TILE, MIN_TILE, free_bytes, largest_tile
from realesr.models import rrdbnet
from realesr.models.rrdbnet import RRDBNet
from realesr.models.srvgg import SRVGGNetCompact

from support.live_bytes import activation_values_per_pixel

CPU = torch.device("cpu")

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


@pytest.mark.parametrize(
    "network",
    [
        SRVGGNetCompact(num_feat=64, num_conv=3),
        SRVGGNetCompact(num_feat=8, num_conv=3),
        SRVGGNetCompact(num_feat=24, num_conv=2, scale=2),
        RRDBNet(num_feat=16, num_block=2, num_grow_ch=8),
        RRDBNet(num_feat=16, num_block=1, num_grow_ch=8, scale=2),
        RRDBNet(num_feat=32, num_block=1, num_grow_ch=16, scale=1),
    ],
)
def test_networks_know_what_they_hold_at_their_peak(network, monkeypatch):
    monkeypatch.setattr(rrdbnet, "STRIP_FEATURES", 1)  # as in a large picture
    held = activation_values_per_pixel(network, 64 * (4 // network.scale))
    assert network.activation_values == pytest.approx(held, rel=0.2)


def with_free(monkeypatch, free):
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)


def test_the_tile_is_the_largest_that_fits(monkeypatch):
    network = RRDBNet()
    with_free(monkeypatch, 4 * 2**30)
    side = largest_tile(network, torch.float32, CPU, overlap=32)
    pixel_bytes = memory.MARGIN * network.activation_values * 4
    budget = memory.SHARE_OF_FREE["cpu"] * 4 * 2**30
    assert (side + 64) ** 2 * pixel_bytes <= budget < (side + 65) ** 2 * pixel_bytes
    assert largest_tile(network, torch.bfloat16, CPU, overlap=32) > side
    assert largest_tile(SRVGGNetCompact(), torch.float32, CPU, overlap=18) == MAX_CPU_TILE
    assert largest_tile(SRVGGNetCompact(), torch.float16, torch.device("cuda"), 18) > MAX_CPU_TILE
    assert largest_tile(network, torch.float32, CPU, 32, budget=2**30) < side
    small = largest_tile(SRVGGNetCompact(), torch.float32, CPU, 18, result_bytes=2**31)
    assert small == 28 * 18
    with_free(monkeypatch, 1000)
    assert largest_tile(network, torch.float32, CPU, overlap=32) == MIN_TILE
    assert largest_tile(network, torch.float32, CPU, overlap=32, budget=int(budget)) == side


def test_a_container_has_less_than_its_machine(tmp_path, monkeypatch):
    def write(limit):
        (tmp_path / "memory.max").write_text(limit)
        (tmp_path / "memory.current").write_text("700000\n")
        (tmp_path / "memory.stat").write_text("anon 500000\ninactive_file 200000\n")

    names = (tmp_path, "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr(memory, "_CGROUPS", (names,))
    write("1000000\n")
    assert free_bytes(CPU) == 500_000
    write("max\n")
    assert free_bytes(CPU) == pytest.approx(psutil.virtual_memory().available, rel=0.2)
