import pytest
import torch

from realesr.engine.precision import has_bf16, resolve_precision
from realesr.errors import UnsupportedPrecisionError

CPU, CUDA, MPS = map(torch.device, ("cpu", "cuda", "mps"))


@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("auto", CUDA, torch.float16),
        ("auto", CPU, torch.float32),
        ("auto", MPS, torch.float32),
        ("fp32", CUDA, torch.float32),
        ("fp32", CPU, torch.float32),
        ("fp16", CUDA, torch.float16),
        ("fp16", MPS, torch.float16),
    ],
)
def test_what_a_device_computes_in(name, device, expected):
    assert resolve_precision(name, device) == expected


def test_a_cpu_never_computes_in_fp16():
    with pytest.raises(UnsupportedPrecisionError, match="fp16"):
        resolve_precision("fp16", CPU)


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_cpu_computes_in_bf16_only_with_instructions_for_it(monkeypatch, flag):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: True}, raising=False)
    assert resolve_precision("bf16", CPU) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: False}, raising=False)
    assert not has_bf16(CPU)
    with pytest.raises(UnsupportedPrecisionError, match="bf16"):
        resolve_precision("bf16", CPU)
