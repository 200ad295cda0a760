"""Weights files that ask for more than they are worth, and such that are none."""

import json
import pickle
import struct
import zipfile
from pathlib import Path

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"little_endian": True, "protocol_version": 1001, "type_sizes": {}}

STORAGE = b"X\x07\x00\x00\x00storagectorch\nFloatStorage\n"


def text(value: str) -> bytes:
    """A string of a pickle."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value: int) -> bytes:
    """A number of a pickle."""
    return b"\x8a\x08" + struct.pack("<q", value)


def tensor(shape: tuple[int, ...], strides: tuple[int, ...], key: str, numel: int) -> bytes:
    """A tensor of a pickle, as torch.save writes it."""
    storage = b"(" + STORAGE + text(key) + text("cpu") + integer(numel) + b"tQ"
    sizes = b"(" + b"".join(map(integer, shape)) + b"t"
    steps = b"(" + b"".join(map(integer, strides)) + b"t"
    head = b"ctorch._utils\n_rebuild_tensor_v2\n"
    return (
        head + b"(" + storage + integer(0) + sizes + steps + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def state_dict(tensors: dict[str, bytes]) -> bytes:
    """The pickle of a dict."""
    return b"\x80\x02}(" + b"".join(text(k) + v for k, v in tensors.items()) + b"u."


def zipped(path: Path, content: bytes, *, compression: int = zipfile.ZIP_STORED, **records: bytes):
    """A file as of PyTorch since 1.6; ``records`` are storages."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("net/data.pkl", content)
        archive.writestr("net/version", "3\n")
        for key, data in records.items():
            archive.writestr(f"net/data/{key.removeprefix('s')}", data)
    return path


def legacy(path: Path, content: bytes, values: bytes = b"") -> Path:
    """A file as of PyTorch before 1.6."""
    head = b"".join(pickle.dumps(each, 2) for each in (MAGIC, PROTOCOL, SYSTEM))
    path.write_bytes(head + content + pickle.dumps(["0"], 2) + values)
    return path


def safetensors(
    path: Path, entries: dict[str, tuple[str, list[int]]], sizes: dict[str, int]
) -> Path:
    """A safetensors file of zeros: number format and shape of each tensor, and bytes per value."""
    header, at = {}, 0
    for name, (kind, shape) in entries.items():
        count = sizes[kind]
        for side in shape:
            count *= side
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + int(count)]}
        at += int(count)
    data = json.dumps(header).encode()
    data += b" " * (-len(data) % 8)
    path.write_bytes(struct.pack("<Q", len(data)) + data + bytes(at))
    return path
