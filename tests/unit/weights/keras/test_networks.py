"""Networks of Keras, written in the layout of Keras 2, against the same networks in NumPy."""

import contextlib
import struct
import sys

import numpy as np
import pytest
import torch

from realesr.errors import MissingExtraError, UnsupportedCheckpointError
from realesr.models.loader import load_model
from realesr.weights.parameters import read_parameters

from support import keras
from support.bounded import measured

h5py = pytest.importorskip("h5py", reason="needs h5py (extra `keras`)")

READ = "from realesr.weights.parameters import read_parameters as r; r(pathlib.Path(sys.argv[1]))"
NETWORKS = {
    "edsr-x2": (255, 2, lambda net, x: keras.edsr(net, x, 2)),
    "edsr-x3": (255, 3, lambda net, x: keras.edsr(net, x, 3)),
    "edsr-x4": (255, 4, lambda net, x: keras.edsr(net, x, 4)),
    "wdsr-a-x2": (255, 2, lambda net, x: keras.wdsr(net, x, 2, "a")),
    "wdsr-b-x3": (255, 3, lambda net, x: keras.wdsr(net, x, 3, "b")),
    "wdsr-b-x4": (255, 4, lambda net, x: keras.wdsr(net, x, 4, "b")),
    "srgan": (255, 4, keras.srgan),
    "rdn-x2": (1, 2, lambda net, x: keras.rdn(net, x, 2, "ups")),
    "rdn-x3-shuffled": (1, 3, lambda net, x: keras.rdn(net, x, 3, "shuffle")),
    "rrdn-x4": (1, 4, lambda net, x: keras.rrdn(net, x, 4)),
    "rrdn-x2": (1, 2, lambda net, x: keras.rrdn(net, x, 2)),
}
"""Range of values, scale, and the network."""
IMAGE = np.random.default_rng(1).random((9, 7, 3))


def made(kind, **options):
    levels, _, build = NETWORKS[kind]
    net = keras.KerasNet(**options)
    return net, build(net, IMAGE * levels) / levels


def assert_computes(path, expected, scale):
    model = load_model(path)
    assert model.scale == scale
    x = torch.from_numpy(IMAGE.transpose(2, 0, 1)[None].astype("f4"))
    found = model(x)[0].numpy().transpose(1, 2, 0)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_result_is_that_of_keras(tmp_path, kind):
    net, expected = made(kind)
    assert_computes(net.write(tmp_path / "net.h5"), expected, NETWORKS[kind][1])


@pytest.mark.parametrize("options", [{"in_model": True}, {"is_split": True}, {"is_old": True}])
def test_other_places_of_the_same_layers(tmp_path, options):
    net, expected = made("edsr-x4")
    assert_computes(net.write(tmp_path / "net.hdf5", **options), expected, 4)


def test_norms_that_were_never_set_are_those_of_the_kernels(tmp_path):
    net, expected = made("wdsr-b-x4", is_initialized=False)
    assert_computes(net.write(tmp_path / "net.h5"), expected, 4)


def test_the_order_of_branches_and_of_weights_does_not_matter(tmp_path):
    net, expected = made("wdsr-a-x2")
    *_, main, _, skip, _ = net.layers
    net.layers = [*net.layers[:-4], skip, main]
    net.layers = [(name, dict(reversed(weights.items()))) for name, weights in net.layers]
    assert_computes(net.write(tmp_path / "net.h5"), expected, 2)


def test_a_wdsr_without_norms_is_read(tmp_path):
    """The project's earliest version normalized in the optimizer."""
    net, expected = made("wdsr-b-x4", is_initialized=False)
    net.layers = [
        (name, {each: w for each, w in weights.items() if each in ("kernel:0", "bias:0")})
        for name, weights in net.layers
    ]
    assert_computes(net.write(tmp_path / "net.h5"), expected, 4)


def changed(tmp_path, change, kind="edsr-x2"):
    path = made(kind)[0].write(tmp_path / "net.h5")
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(file, name, **options):
    group, _, dataset = name.rpartition("/")
    del file[name]
    file[group].create_dataset(dataset, **options)


KERNEL = "conv2d_8/conv2d_8/kernel:0"
CHANGES = {
    "another kernel": lambda file: replaced(file, KERNEL, data=np.zeros((3, 3, 3, 9), "f4")),
    "a long kernel": lambda file: replaced(file, KERNEL, data=np.zeros((3, 5, 3, 8), "f4")),
    "a missing weight": lambda file: file.__delitem__(KERNEL),
    "a missing layer": lambda file: file.__delitem__("conv2d_8"),
    "words for numbers": lambda file: replaced(file, KERNEL, data=np.array([b"a"])),
    "an empty kernel": lambda file: replaced(file, KERNEL, data=np.zeros((3, 3, 0, 8), "f4")),
    "no value at all": lambda file: replaced(file, KERNEL, data=h5py.Empty("f4")),
    "no names": lambda file: file.attrs.__delitem__("layer_names"),
    "long names": lambda file: file.attrs.__setitem__("layer_names", ["a" * 10**6] * 9),
    "numbers for names": lambda file: file.attrs.__setitem__("layer_names", [1, 2]),
    "a link to another file": lambda file: (
        file.__delitem__(KERNEL),
        file["conv2d_8/conv2d_8"].__setitem__("kernel:0", h5py.ExternalLink("/etc/passwd", "/")),
    ),
    "values in another file": lambda file: replaced(
        file, KERNEL, shape=(3, 3, 3, 8), dtype="f4", external=[("/etc/passwd", 0, 864)]
    ),
    "pieces": lambda file: replaced(
        file, KERNEL, shape=(3, 3, 3, 8), dtype="f4", chunks=(3, 3, 3, 8), compression="gzip"
    ),
    "a huge array": lambda file: replaced(file, KERNEL, shape=(10**4, 10**4, 10, 10), dtype="f4"),
    "one layer more": lambda file: file.attrs.__setitem__(
        "layer_names", np.array([*file.attrs["layer_names"], b"conv2d_8"], "S")
    ),
    "an odd weight": lambda file: file["conv2d_8"].attrs.__setitem__(
        "weight_names", np.array([b"conv2d_8/kernel:1"], "S")
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_hold_something_else_are_refused(tmp_path, change):
    path = changed(tmp_path, CHANGES[change])
    with pytest.raises(UnsupportedCheckpointError, match=r"net\.h5 .{10,}"):
        load_model(path)


def test_a_file_of_keras_3_is_named(tmp_path):
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        file.create_dataset("layers/conv2d/vars/0", data=np.zeros((3, 3, 3, 8)))
    with pytest.raises(UnsupportedCheckpointError, match="of Keras 3; load it there"):
        load_model(tmp_path / "net.weights.h5")


def test_an_unknown_network_names_those_that_are_known(tmp_path):
    net = keras.KerasNet()
    net.conv(net.conv(IMAGE, 8), 12)
    with pytest.raises(UnsupportedCheckpointError, match="EDSR, WDSR and SRGAN of krasserm"):
        load_model(net.write(tmp_path / "net.h5"))


def test_without_h5py_the_package_is_named(tmp_path, monkeypatch):
    path = made("edsr-x2")[0].write(tmp_path / "net.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py: pip install 'realesr\[keras\]'"):
        read_parameters(path)


def garbage(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(10**6))


def cut(path):
    net = keras.KerasNet()
    keras.edsr(net, IMAGE, 4)
    data = net.write(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def long_text(path):
    """A name that says that it has four gigabytes."""
    net = keras.KerasNet()
    keras.edsr(net, IMAGE, 4)
    data = net.write(path).read_bytes()
    heap = struct.pack("<Q", data.index(b"GCOL"))
    at = data.index(heap) - 4  # of the first text: its length, its heap, its number
    path.write_bytes(data[:at] + struct.pack("<I", 2**32 - 1) + data[at + 4 :])


def endless_heap(path):
    """A name whose size leads back to its own beginning."""
    net = keras.KerasNet()
    keras.edsr(net, IMAGE, 4)
    data = bytearray(net.write(path).read_bytes())
    struct.pack_into("<Q", data, data.index(b"GCOL") + 24, 2**64 - 16)
    path.write_bytes(data)


def vast(path):
    """A terabyte of zeros that take no place, in each of many layers."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"a"] * 4000)
        file.create_group("a").attrs["weight_names"] = np.array([b"kernel:0"])
        file.create_dataset("a/kernel:0", shape=(10**4, 10**4, 100, 25), dtype="f4")


@pytest.mark.parametrize("attack", [garbage, cut, vast, long_text, endless_heap])
def test_attacks_are_refused_in_time_and_memory(tmp_path, attack):
    attack(tmp_path / "net.h5")
    done = measured(READ, tmp_path / "net.h5")
    assert done.output.startswith("UnsupportedCheckpointError")
    assert "\n" not in done.output
    assert done.seconds < 2
    assert done.mebibytes < 1024


def test_a_damaged_byte_never_ends_the_process(tmp_path):
    path = made("edsr-x2")[0].write(tmp_path / "net.h5")
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
    for _ in range(200):
        broken = data.copy()
        places = rng.integers(0, len(data), 60)
        np.frombuffer(broken, "u1")[places] = rng.choice(np.array([0, 1, 7, 255], "u1"), 60)
        path.write_bytes(broken)
        with contextlib.suppress(UnsupportedCheckpointError):
            read_parameters(path)
