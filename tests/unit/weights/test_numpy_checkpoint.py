import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from realesr.models.rrdbnet import RRDBNet
from realesr.weights.numpy_checkpoint import _Unpickler, read_arrays
from realesr.weights.torch_checkpoint import load_state_dict, save_weights

from support.networks import tiny_srvgg
from support.paths import ROOT, shared
from support.pickles import Trap

STORAGE = b"\x80\x02(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI3\ntQ"


def assert_same(path):
    arrays = read_arrays(path)
    assert arrays is not None
    state = load_state_dict(path)
    assert arrays.keys() == state.keys()
    for name, tensor in state.items():
        assert arrays[name].dtype == np.float32
        assert np.array_equal(arrays[name], tensor.detach().numpy())


@pytest.mark.parametrize("wrapper", ["params_ema", "params", None])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_a_pytorch_file_is_read_as_pytorch_reads_it(tmp_path, wrapper, dtype):
    state = RRDBNet(num_feat=8, num_block=1, num_grow_ch=4).to(dtype).state_dict()
    torch.save({wrapper: state} if wrapper else state, tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")


def test_parameters_are_read_like_tensors(tmp_path):
    """A file may hold modules' parameters, several views of one storage, and an iteration."""
    storage = torch.arange(12.0)
    state = {"a": torch.nn.Parameter(storage[:6].view(2, 3)), "b": storage[6:]}
    torch.save({"params": state, "iteration": 3}, tmp_path / "net.pth")
    assert_same(tmp_path / "net.pth")


@pytest.mark.parametrize("name", ["realesr-photo-x4"])
def test_the_shipped_weights_are_read(name):
    assert_same(ROOT / f"weights/{name}.safetensors")


@pytest.mark.parametrize("name", ["general-x4v3.pth", "animevideov3.safetensors"])
def test_published_weights_are_read(name):
    assert_same(shared(f"weights/realesr-{name}"))


def write_legacy(path):
    torch.save(tiny_srvgg().state_dict(), path, _use_new_zipfile_serialization=False)


def write_bf16(path):
    torch.save({"a": torch.ones(3, dtype=torch.bfloat16)}, path)


def write_transposed(path):
    torch.save({"a": torch.ones(3, 4).T}, path)


def write_numbers(path):
    torch.save({"a": 3}, path)


def write_nothing(path):
    torch.save({}, path)


def write_text(path):
    path.write_text("no weights")


def write_part(path):
    torch.save(tiny_srvgg().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])


def rewritten(path, change=lambda name, data: data, compression=zipfile.ZIP_STORED):
    """A PyTorch file with some of its parts changed."""
    torch.save({"a": torch.ones(3), "b": torch.zeros(2)}, path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, change(name, data))


def write_other_byte_order(path):
    rewritten(path, lambda name, data: b"big" if name.endswith("byteorder") else data)


def write_compressed(path):
    """Little can become more than there is memory for."""
    rewritten(path, compression=zipfile.ZIP_DEFLATED)


def write_short_storage(path):
    rewritten(path, lambda name, data: data[:4] if "/data/" in name else data)


def write_one_storage_for_many(path):
    storage = torch.ones(1000)
    torch.save({str(number): storage.view(10, 100) for number in range(100)}, path)


def write_number_as_name(path):
    torch.save({"a": torch.ones(3), 3: torch.ones(3)}, path)


def shaped(shape, count=1):
    """Tensors of a shape that a file holds nothing for."""
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE[2:] + b"I0\n" + shape + b"(I1\nttR"
    items = b"".join(b"S'%d'\n" % number + tensor + b"s" for number in range(count))
    return b"\x80\x02}" + items + b"S'a'\n" + tensor.replace(shape, b"(I3\nt") + b"s."


def write_pickle(path, pickled):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        archive.writestr("net/data/0", b"\0" * 12)


def write_negative_shape(path):
    """It would make up for others that are too large together."""
    write_pickle(path, shaped(b"(I-1000000\nt"))


def write_shape_that_is_no_number(path):
    write_pickle(path, shaped(b"(Fnan\nt"))


def write_huge_shape(path):
    """Multiplied, it would take minutes."""
    write_pickle(path, shaped(b"(I1" + b"0" * 1000 + b"\nt"))


def write_far_note(path):
    """The C code would make room for all notes before it."""
    write_pickle(path, b"\x80\x02}r" + (2**30).to_bytes(4, "little") + b".")


def write_pipe(path):
    """Opening it would wait for whoever writes into it."""
    os.mkfifo(path)


@pytest.mark.parametrize(
    "write",
    [
        *(write_legacy, write_bf16, write_transposed, write_numbers, write_nothing),
        *(write_text, write_part, write_other_byte_order, write_compressed, write_short_storage),
        *(write_one_storage_for_many, write_number_as_name),
        *(write_negative_shape, write_shape_that_is_no_number, write_huge_shape),
        *(write_far_note, write_pipe),
    ],
)
def test_everything_else_is_left_to_pytorch(tmp_path, write):
    write(tmp_path / "net.pth")
    assert read_arrays(tmp_path / "net.pth") is None


def test_safetensors_in_bf16_are_left_to_pytorch(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(tiny_srvgg().state_dict(), path, dtype=torch.bfloat16)
    assert read_arrays(path) is None
    assert read_arrays(tmp_path / "none.safetensors") is None


GIVEN = {
    "a function": b"ctorch._utils\n_rebuild_tensor_v2\n",
    "another function": b"ctorch._utils\n_rebuild_parameter\n",
    "a kind": b"ctorch\nFloatStorage\n",
    "a storage": STORAGE,
    "a tensor": b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE[2:] + b"I0\n(I3\nt(I1\nttR",
    "a class": b"ccollections\nOrderedDict\n",
}


@pytest.mark.parametrize("what", GIVEN)
@pytest.mark.parametrize("state", [b"(S'dtype'\nI1\ndb.", b"(N(S'__defaults__'\nNdtb."])
def test_a_pickle_cannot_change_what_it_is_given(what, state):
    """Arrays would take a state, and with it memory that others still look at."""
    assert _Unpickler(io.BytesIO(GIVEN[what] + b".")).load() is not None
    with pytest.raises((AttributeError, TypeError)):
        _Unpickler(io.BytesIO(GIVEN[what] + state)).load()


def test_the_files_above_are_refused_for_what_is_wrong_with_them(tmp_path):
    write_pickle(tmp_path / "net.pth", shaped(b"(I3\nt"))
    arrays = read_arrays(tmp_path / "net.pth")
    assert {name: values.shape for name, values in arrays.items()} == {"0": (3,), "a": (3,)}


def test_no_code_of_a_file_runs(tmp_path):
    torch.save({"params": {"a": torch.ones(1)}, "trap": Trap(tmp_path / "sprung")}, tmp_path / "t")
    assert read_arrays(tmp_path / "t") is None
    with zipfile.ZipFile(tmp_path / "u", "w") as archive:
        archive.writestr("u/data.pkl", pickle.dumps(Trap(tmp_path / "sprung")))
    assert read_arrays(tmp_path / "u") is None
    assert not (tmp_path / "sprung").exists()
