import pytest
import torch

from realesr.engine.precision import (
    BF16,
    FP16,
    FP32,
    MIXED,
    automatic,
    has_bf16,
    resolve_precision,
    selects_native,
)
from realesr.engine.pytorch.backend import in_precision
from realesr.engine.pytorch.tensor import to_tensor
from realesr.errors import UnsupportedPrecisionError
from realesr.media.images.decode import read_image
from realesr.models.loader import load_model
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact

from support.networks import randomized
from support.paths import ROOT, shared

CPU, CUDA, MPS = "cpu", "cuda:0", "mps"


@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("auto", CUDA, FP16),
        ("auto", MPS, FP32),
        ("fp32", CUDA, FP32),
        ("fp32", CPU, FP32),
        ("fp16", CUDA, FP16),
        ("fp16", MPS, FP16),
    ],
)
def test_what_a_device_computes_in(name, device, expected):
    assert resolve_precision(name, device) == expected


def test_a_cpu_never_computes_in_fp16():
    with pytest.raises(UnsupportedPrecisionError, match="fp16"):
        resolve_precision("fp16", CPU)


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_cpu_computes_in_bf16_only_with_instructions_for_it(monkeypatch, flag):
    monkeypatch.setattr("realesr.engine.precision.lanes", lambda: 0)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: True}, raising=False)
    assert resolve_precision("bf16", CPU) == BF16
    assert resolve_precision("auto", CPU) == resolve_precision("mixed", CPU) == MIXED
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: False}, raising=False)
    assert not has_bf16(CPU)
    assert resolve_precision("auto", CPU) == FP32
    for name in ("bf16", "mixed"):
        with pytest.raises(UnsupportedPrecisionError, match=name):
            resolve_precision(name, CPU)


@pytest.mark.parametrize(("flag", "auto"), [("avx512_bf16", FP32), ("amx_bf16", MIXED)])
def test_where_the_native_engine_is_there_only_amx_is_faster(monkeypatch, tmp_path, flag, auto):
    (tmp_path / "cpuinfo").write_text(f"flags : fpu {flag} sse2")
    monkeypatch.setattr("realesr.engine.precision._CPU_FLAGS", tmp_path / "cpuinfo")
    monkeypatch.setattr("realesr.engine.precision.lanes", lambda: 16)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: True}, raising=False)
    assert automatic(CPU) == auto
    assert selects_native("auto", CPU) == (auto == FP32)
    assert selects_native("fp32", CPU)
    assert not selects_native("mixed", CPU)
    assert not selects_native("auto", CUDA)
    monkeypatch.setattr("realesr.engine.precision.lanes", lambda: 0)
    assert not selects_native("fp32", CPU)
    assert automatic(CPU) == resolve_precision("auto", CPU) == MIXED


NETWORKS = {
    "SRVGG": lambda: SRVGGNetCompact(num_feat=16, num_conv=4),
    "RRDB": lambda: RRDBNet(num_feat=16, num_block=2, num_grow_ch=8),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_mixed_precision_lies_between_the_two(name):
    network = randomized(NETWORKS[name]())
    x = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    exact = network(x)
    errors = {}
    for precision in (BF16, MIXED):
        reduced = in_precision(network, precision)
        out = reduced(x.to(getattr(torch, precision.dtype))).float()
        errors[precision.name] = ((out - exact) ** 2).mean().sqrt() / exact.std()
        assert {p.dtype for p in reduced.low_precision_part.parameters()} == {torch.bfloat16}
    assert 0 < errors["mixed"] < errors["bf16"] < 0.1
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert torch.equal(in_precision(network, FP32)(x), exact)


@pytest.mark.parametrize(
    ("name", "psnr"),
    [
        ("realesr-animevideov3.safetensors", 64),
        ("realesr-general-x4v3.pth", 60),
        ("realesr-general-wdn-x4v3.pth", 54),
    ],
)
def test_mixed_precision_hardly_shows_on_a_photograph(name, psnr):
    """A fifth to half of a level, root mean square, with the published weights; dB."""
    network = load_model(shared(f"weights/{name}"))
    pixels = read_image(ROOT / "inputs/coffee.jpg").pixels[None]
    x = to_tensor(pixels, torch.device(CPU), torch.float32)
    with torch.inference_mode():
        error = in_precision(network, MIXED)(x) - network(x)
    assert -10 * torch.log10((error**2).mean()) > psnr
