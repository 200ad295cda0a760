import psutil
import pytest

from realesr import memory
from realesr.memory import free_host_bytes


def test_a_container_has_less_than_its_machine(tmp_path, monkeypatch):
    def write(limit):
        (tmp_path / "memory.max").write_text(limit)
        (tmp_path / "memory.current").write_text("700000\n")
        (tmp_path / "memory.stat").write_text("anon 500000\ninactive_file 200000\n")

    names = (tmp_path, "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr(memory, "_CGROUPS", (names,))
    write("1000000\n")
    assert free_host_bytes() == 500_000
    write("max\n")
    assert free_host_bytes() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
