"""Files that are made to exhaust a machine: each is refused in two seconds and one gigabyte.

Those that could crash or fill the memory are opened in a process of their own, as the command does
it: :func:`read_parameters` first, without PyTorch.
"""

import itertools
import struct
import zipfile

import pytest
import torch

from realesr.errors import UnsupportedCheckpointError
from realesr.models.loader import load_model
from realesr.weights.parameters import read_parameters

from support.bounded import measured
from support.checkpoints import legacy, safetensors, state_dict, tensor, text, zipped
from support.networks import tiny_srvgg
from support.paths import shared

READ = "from realesr.weights.parameters import read_parameters as r; r(pathlib.Path(sys.argv[1]))"
KIB = bytes(1024)


def deep_tuple(wraps):
    """A tuple in a tuple in a tuple ..., as a key: PyTorch compares it, and Python crashes."""
    return b"\x80\x02})" + wraps * b"\x85" + b"K\x01s."


def doubled(levels):
    """(((), ()), ((), ())) ...: 2 to the power of ``levels`` values in a few hundred bytes."""
    levels_ = b"".join(
        b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) + b"a"
        for n in range(levels)
    )
    return b"\x80\x02])q\x00a" + levels_ + b"."


def many(count, part=lambda number: str(number)):
    return state_dict({f"body.{part(n)}.weight": tensor((2,), (1,), "0", 2) for n in range(count)})


def with_entries(path, count):
    """A zip file whose directory has many entries."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *(0,) * 9, 1, *(0,) * 6) + b"a"
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, count * len(entry), 4, 0)
    path.write_bytes(b"PK\x03\x04" + count * entry + end)
    return path


ATTACKS = {
    "deep": lambda p: zipped(p, deep_tuple(200_000), s0=KIB),
    "deep-legacy": lambda p: legacy(p, deep_tuple(200_000)),
    "doubled": lambda p: zipped(p, doubled(80), s0=KIB),
    "doubled-legacy": lambda p: legacy(p, doubled(80)),
    "stride-0": lambda p: zipped(
        p, state_dict({"a": tensor((50_000, 50_000), (0, 0), "0", 256)}), s0=KIB
    ),
    "zeros": lambda p: zipped(
        p,
        state_dict({"a": tensor((10**8,), (1,), "0", 10**8)}),
        compression=zipfile.ZIP_DEFLATED,
        s0=bytes(4 * 10**8),
    ),
    "shared": lambda p: zipped(
        p,
        state_dict({f"a{n}": tensor((512, 512), (512, 1), "0", 2**18) for n in range(4000)}),
        s0=bytes(2**20),
    ),
    "a million names": lambda p: zipped(p, many(30_000), s0=KIB),
    "a million names in safetensors": lambda p: safetensors(
        p, {f"body.{n}.weight": ("F32", [1]) for n in range(120_000)}, {"F32": 4}
    ),
    "a far number": lambda p: zipped(p, many(1, lambda _: 100_000_000), s0=KIB),
    "a number of many digits": lambda p: zipped(p, many(1, lambda _: "1" * 200), s0=KIB),
    "a far number in safetensors": lambda p: safetensors(
        p, {"body.99999999.weight": ("F32", [1])}, {"F32": 4}
    ),
    "a long name": lambda p: zipped(p, many(1, lambda _: "a" * 10**6), s0=KIB),
    "a storage that is not there": lambda p: zipped(
        p, state_dict({"a": tensor((10**10,), (1,), "0", 10**10)}), s0=KIB
    ),
    "a storage that is not there, legacy": lambda p: legacy(
        p, state_dict({"a": tensor((10**10,), (1,), "0", 10**10)}), KIB
    ),
    "a bytearray of a size": lambda p: zipped(
        p, b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x05\x85R.", s0=KIB
    ),
    "a length beyond reason": lambda p: legacy(p, b"\x80\x02\x96" + 7 * b"\xff" + b"\x0f" + KIB),
    "a line without an end": lambda p: legacy(p, b"\x80\x02c" + bytes(3 * 10**8)),
    "a tensor of a size": lambda p: zipped(
        p, b"\x80\x02ctorch\nFloatTensor\n\x8a\x05\x00\x00\x00\x00\x05\x85R.", s0=KIB
    ),
    "a directory of many entries": lambda p: with_entries(p, 300_000),
    "a number format": lambda p: safetensors(p, {"a": ("F4", [2, 2])}, {"F4": 0.5}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_in_time_and_memory(tmp_path, attack):
    path = ATTACKS[attack](tmp_path / "net.pth")
    done = measured(READ, path)
    assert done.output.startswith("UnsupportedCheckpointError")
    assert "net.pth" in done.output
    assert "\n" not in done.output
    assert done.seconds < 2
    assert done.mebibytes < 1024


@pytest.mark.parametrize(
    "name",
    [
        f"{kind}{legacy_}.pth"
        for kind, legacy_ in itertools.product(
            ("deep", "doubled", "doubled-torch"), ("", "-legacy")
        )
    ],
)
def test_the_files_that_crashed_are_refused(name):
    with pytest.raises(UnsupportedCheckpointError, match="cannot be loaded safely"):
        read_parameters(shared(f"cases/models/{name}"))


@pytest.mark.parametrize("name", ["zero.pth", "zero.safetensors"])
def test_no_axis_of_a_parameter_is_empty(tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save({"body.0.weight": torch.zeros(0, 3, 3, 3)}, path)
    else:
        safetensors(path, {"body.0.weight": ("F32", [0, 3, 3, 3])}, {"F32": 4})
    for read in (read_parameters, load_model):
        with pytest.raises(UnsupportedCheckpointError, match=r"body\.0\.weight.*holds no values"):
            read(path)


def test_words_of_a_file_are_no_commands_for_a_terminal(tmp_path):
    path = zipped(tmp_path / "net.pth", many(1, lambda _: "\x1b[31m\n" + "9" * 50), s0=KIB)
    with pytest.raises(UnsupportedCheckpointError) as caught:
        read_parameters(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "instructions",
    [
        text("storage") + b"Q.",  # an address that is no tuple
        text("a") + b"\x85Q.",
        b"}R.",
        b"h\x07.",
        b"t.",
        b"R.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + 3 * text("a") + b"tR.",
        b"",
    ],
)
def test_mixed_up_instructions_are_damage(tmp_path, instructions):
    path = zipped(tmp_path / "net.pth", b"\x80\x02" + instructions, s0=KIB)
    with pytest.raises(UnsupportedCheckpointError, match=r"net\.pth.*(damaged|state dict)"):
        read_parameters(path)


def test_code_is_named(tmp_path):
    path = zipped(tmp_path / "net.pth", b"\x80\x02cos\nsystem\n" + text("true") + b"\x85R.")
    with pytest.raises(UnsupportedCheckpointError, match=r"would run code on loading, os\.system"):
        read_parameters(path)


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_part_of_a_file_is_called_so(tmp_path, share, is_zip):
    path = tmp_path / "net.pth"
    torch.save(tiny_srvgg().state_dict(), path, _use_new_zipfile_serialization=is_zip)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UnsupportedCheckpointError, match=r"cut off|damaged"):
        read_parameters(path)


def test_a_compressed_checkpoint_is_read(tmp_path):
    torch.save(tiny_srvgg().state_dict(), tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    assert load_model(tmp_path / "packed.pth").scale == 4


def test_a_checkpoint_of_all_zeros_is_read(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({name: torch.zeros_like(t) for name, t in tiny_srvgg().state_dict().items()}, path)
    assert load_model(path).scale == 4


def huge_string(path):
    """BINBYTES8 that announces 2**62 bytes."""
    return legacy(path, b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"a.")


def storage_of_text(path):
    """A storage whose description is a string instead of a tuple."""
    return zipped(path, b"\x80\x02" + text("storage") + b"Q.")


def storage_of_texts(path):
    return zipped(path, b"\x80\x02)" + text("abcdef") + b"Q.")


def entry_before_the_file(path):
    """A directory that says to be longer than what stands before it."""
    zipped(path, state_dict({}))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<L", data, at + 16)[0]
    struct.pack_into("<L", data, at + 16, start + 5000)  # where the directory begins
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "write", [huge_string, storage_of_text, storage_of_texts, entry_before_the_file]
)
def test_damage_is_told_as_such(tmp_path, write):
    path = write(tmp_path / "a.pth")
    with pytest.raises(UnsupportedCheckpointError, match=r"a\.pth.*damaged"):
        read_parameters(path)
