"""The script that makes weights to ship of trained ones."""

from __future__ import annotations

from pathlib import Path

import finish_weights
import pytest
import torch

from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.models.registry import describe
from realesr.weights.fetch import sha256_of
from realesr.weights.torch_checkpoint import load_state_dict, save_weights


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = SRVGGNetCompact(num_feat=8, num_conv=2)
        paths.append(tmp_path / f"{seed}.safetensors")
        save_weights(network.state_dict(), paths[-1], **describe(network.config))
    return paths


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["finish_weights.py", *map(str, arguments)])
    finish_weights.main()


def test_a_negative_share_leads_beyond_a_network(files, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.safetensors"
    run(monkeypatch, "--version", "5", out, "--", f"1.5*{files[0]}", f"-0.5*{files[1]}")
    first, second, found = (load_state_dict(path) for path in (*files, out))
    for name, values in found.items():
        expected = 1.5 * first[name] - 0.5 * second[name]
        torch.testing.assert_close(values, expected.half().float(), atol=1e-7, rtol=1e-3)
    assert f"sha256={sha256_of(out)}" in capsys.readouterr().out


def test_shares_must_sum_to_one(files, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="sum to 1"):
        run(monkeypatch, tmp_path / "out.safetensors", f"0.5*{files[0]}", f"0.4*{files[1]}")
    assert not (tmp_path / "out.safetensors").exists()
