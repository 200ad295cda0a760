import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from realesr.engine.onnx import content  # noqa: E402
from realesr.engine.onnx.content import examine, read_onnx  # noqa: E402
from realesr.errors import MissingWeightsError, UnsupportedCheckpointError  # noqa: E402

from support.onnx_files import onnx_network, write_onnx  # noqa: E402


def external(tensor):
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def inner_graph(tensor):
    graph = helper.make_graph([], "inner", [], [helper.make_empty_tensor_value_info("z")], [tensor])
    return helper.make_node("If", ["c"], ["z"], then_branch=graph, else_branch=graph)


VALUES = numpy_helper.from_array(np.zeros(4, np.float32), "v")


def test_what_a_file_says_is_read():
    model = onnx_network(fixed=(24, 32), is_half=True)
    entry = model.metadata_props.add()
    entry.key, entry.value = "realesr.scale", "2"
    file = examine(model.SerializeToString())
    assert (file.input_name, file.output_name, file.is_half) == ("input", "output", True)
    assert file.fixed == (24, 32)
    assert file.metadata == {"realesr.scale": "2"}
    assert examine(onnx_network().SerializeToString()).fixed == (None, None)


def test_values_in_other_files_are_refused_wherever_they_are():
    in_graph = onnx_network()
    external(in_graph.graph.initializer[1])
    as_constant = onnx_network(
        nodes=[helper.make_node("Constant", [], ["k"], value=external(numpy_helper.from_array(
            np.zeros(4, np.float32))))]
    )  # fmt: skip
    inside = onnx_network(nodes=[inner_graph(external(VALUES))])
    only_named = onnx_network()
    entry = only_named.graph.initializer[1].external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    sparse = onnx_network()
    sparse.graph.sparse_initializer.add().values.CopyFrom(external(VALUES))
    for model in (in_graph, as_constant, inside, only_named, sparse):
        with pytest.raises(ValueError, match="other files"):
            examine(model.SerializeToString())


@pytest.mark.parametrize("domain", ["com.microsoft", "evil", "ai.onnx.ml"])
def test_operations_beyond_the_standard_are_refused(domain):
    model = onnx_network(nodes=[helper.make_node("EPContext", [], ["z"], domain=domain)])
    with pytest.raises(ValueError, match=r"EPContext.*refused"):
        examine(model.SerializeToString())
    nested = helper.make_graph([helper.make_node("X", [], ["z"], domain=domain)], "g", [], [])
    model = onnx_network(nodes=[helper.make_node("If", ["c"], ["z"], then_branch=nested)])
    with pytest.raises(ValueError, match="refused"):
        examine(model.SerializeToString())


def test_arrays_beyond_reason_are_refused():
    size = helper.make_node("Constant", [], ["size"], value_ints=[2**20, 2**20])
    filled = helper.make_node("ConstantOfShape", ["size"], ["z"])
    stated = numpy_helper.from_array(np.zeros(4, np.float32), "v")
    stated.dims[:] = [2**40]
    too_large = onnx_network()
    too_large.graph.initializer.append(stated)
    upscaled = onnx_network(scale=2**14)
    for model in (onnx_network(nodes=[size, filled]), too_large, upscaled):
        with pytest.raises(ValueError, match="beyond reason"):
            examine(model.SerializeToString())


def test_what_maps_no_image_to_an_image_is_refused():
    channels = onnx_network()
    channels.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    many = onnx_network()
    many.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 8
    integers = onnx_network()
    integers.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    two = onnx_network()
    two.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))
    for model, words in ((channels, "channels"), (many, "8 images"), (integers, "float32"),
                         (two, "2 inputs")):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            examine(model.SerializeToString())


def test_damaged_files_fail_in_words(tmp_path, monkeypatch):
    whole = onnx_network().SerializeToString()
    path = tmp_path / "bad.onnx"
    rng = np.random.default_rng(0)
    for data in (b"", b"\x08\x08", whole[: len(whole) // 2], rng.bytes(4096), bytes(4096)):
        path.write_bytes(data)
        with pytest.raises(UnsupportedCheckpointError, match=r"bad\.onnx"):
            read_onnx(path)
    for _ in range(60):  # flipped bytes are refused, or leave a network
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_onnx(path)
        except UnsupportedCheckpointError as error:
            assert "bad.onnx" in str(error)
    write_onnx(path)
    monkeypatch.setattr(content, "MAX_BYTES", 100)
    with pytest.raises(UnsupportedCheckpointError, match="larger than"):
        read_onnx(path)
    with pytest.raises(MissingWeightsError, match=r"none\.onnx"):
        read_onnx(tmp_path / "none.onnx")
