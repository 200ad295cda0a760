"""Examination of weights files before they are opened by the libraries that read them."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.reasons import reason_of
from realesr.weights.content import Container, recognize
from realesr.weights.limits import (
    MAX_HEADER_BYTES,
    MAX_INFLATION,
    MAX_PICKLE_BYTES,
    SLACK_BYTES,
    check_bytes,
    check_names,
    plain,
)
from realesr.weights.pickle_scan import Plan, scan_pickle

NUMBER_FORMATS = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 1),
}
"""Number formats of safetensors files that are read, and the size of a value, bytes."""

_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(NotImplementedError, RuntimeError, EOFError, ValueError),
)
_MAX_ENTRIES = 65_536
_END = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 2**16
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
"""Records of a zip file: PKWARE's APPNOTE, sections 4.3.14 to 4.3.16."""


def examine(path: Path) -> Container:
    """Looks at a weights file without building anything from it.

    Args:
        path: The file. Its content decides how it is read, not its name.

    Returns:
        The container format. Files of ncnn and Keras are examined while they are read.

    Raises:
        MissingWeightsError: The file does not exist, or there is no permission to read it.
        UnsupportedCheckpointError: The file is something else, is damaged, would run code, or asks
            for more memory than its size is worth.
    """
    container = recognize(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if container is Container.SAFETENSORS:
                _examine_safetensors(path, file, size)
            elif container is Container.TORCH_ZIP:
                _examine_zip(path, file, size)
            elif container is Container.TORCH_LEGACY:
                plan = scan_pickle(path, file, is_legacy=True)
                _check_plan(path, plan, size)
    except OSError as error:
        if error.errno == errno.EINVAL:  # an entry of a zip file begins before the file does
            raise UnsupportedCheckpointError(
                f"{path} is a zip file that is damaged: download it again"
            ) from error
        raise MissingWeightsError(f"{path}: {reason_of(error)}") from error
    return container


def _examine_safetensors(path: Path, file: BinaryIO, size: int) -> None:
    """Checks the header: https://github.com/huggingface/safetensors#format."""
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        raise UnsupportedCheckpointError(
            f"{path} is a safetensors file that is cut off: download it again"
        )
    if length > MAX_HEADER_BYTES:
        raise UnsupportedCheckpointError(
            f"{path} is refused: its header of {length} bytes is larger than that of any network"
        )
    try:
        header = json.loads(file.read(length))
        entries = {name: _Entry(each) for name, each in header.items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UnsupportedCheckpointError(
            f"{path} is a safetensors file with a damaged header: download it again"
        ) from error
    check_names(path, entries)
    for name, entry in entries.items():
        if entry.format not in NUMBER_FORMATS:
            raise UnsupportedCheckpointError(
                f"{path} stores {plain(name)} in the number format {plain(entry.format)}, which "
                "realesr does not read: convert it to F32, F16 or BF16"
            )
        if entry.end > size - 8 - length:
            raise UnsupportedCheckpointError(
                f"{path} is a safetensors file that is cut off: download it again"
            )


class _Entry:
    """Entry of a tensor in a safetensors header.

    Raises:
        ValueError, TypeError, KeyError: It is damaged.
    """

    def __init__(self, entry: Any) -> None:
        self.format = str(entry["dtype"])
        start, self.end = map(int, entry["data_offsets"])
        bytes_ = math.prod(map(int, entry["shape"])) * NUMBER_FORMATS.get(self.format, 0)
        if bytes_ and self.end - start != bytes_:
            raise ValueError("shape and size differ")


def _examine_zip(path: Path, file: BinaryIO, size: int) -> None:
    _check_directory(path, file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            pickle = _pickle_of(path, entries)
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > MAX_INFLATION * size + SLACK_BYTES:
                raise UnsupportedCheckpointError(
                    f"{path} is refused: its {size} bytes unpack to {unpacked}, far more than "
                    "weights do"
                )
            if pickle.file_size > MAX_PICKLE_BYTES:
                raise UnsupportedCheckpointError(
                    f"{path} is refused: its pickle has {pickle.file_size} bytes, more than that "
                    "of any network"
                )
            with archive.open(pickle) as compressed:
                content = compressed.read(MAX_PICKLE_BYTES + 1)
    except _DAMAGE as error:
        raise UnsupportedCheckpointError(
            f"{path} is a zip file that is damaged or cut off ({plain(str(error))}): download it "
            "again"
        ) from error
    plan = scan_pickle(path, io.BytesIO(content))
    root = pickle.filename.rpartition("/")[0]
    sizes = {entry.filename: entry.file_size for entry in entries}
    for key, stored in plan.storages.items():
        if sizes.get(f"{root}/data/{key}", -1) < stored:
            raise UnsupportedCheckpointError(
                f"{path} is damaged: the values of storage {plain(key)} are missing or cut off"
            )
    _check_plan(path, plan, unpacked)


def _check_plan(path: Path, plan: Plan, stored_bytes: int) -> None:
    stored = sum(plan.storages.values())
    if stored > stored_bytes:
        raise UnsupportedCheckpointError(
            f"{path} is cut off: {stored} bytes of values are announced, and the file has "
            f"{stored_bytes}"
        )
    check_bytes(path, plan.shapes, stored)
    check_names(path, plan.names)


def _check_directory(path: Path, file: BinaryIO, size: int) -> None:
    """Checks the size of a zip file's directory before it is read.

    Raises:
        UnsupportedCheckpointError: There is no directory, or it is larger than that of any network.
    """
    file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
    tail_start = file.tell()
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise UnsupportedCheckpointError(f"{path} is a zip file that is cut off: download it again")
    entries, length = struct.unpack_from("<HL", tail, at + 10)
    if 0xFFFF in (entries, length) or length == 0xFFFFFFFF:
        file.seek(max(0, tail_start + at - _END_64_LOCATOR.size))
        locator = file.read(_END_64_LOCATOR.size)
        if locator.startswith(b"PK\x06\x07"):
            file.seek(min(_END_64_LOCATOR.unpack(locator)[2], size))
            record = file.read(_END_64.size)
            if len(record) == _END_64.size:
                entries, length = _END_64.unpack(record)[7:9]
    if entries > _MAX_ENTRIES or length > MAX_HEADER_BYTES:
        raise UnsupportedCheckpointError(
            f"{path} is refused: a zip file of {entries} entries, more than any network has"
        )
    file.seek(0)


def _pickle_of(path: Path, entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Finds the pickle of a checkpoint.

    PyTorch takes the folder of the first entry, and looks entries up regardless of case.

    Raises:
        UnsupportedCheckpointError: The zip file is no checkpoint.
    """
    names = [entry.filename for entry in entries]
    if len({name.lower() for name in names}) < len(names):
        raise UnsupportedCheckpointError(f"{path} is refused: a zip file with equal names")
    root = names[0].partition("/")[0] if names else ""
    found = next((entry for entry in entries if entry.filename == f"{root}/data.pkl"), None)
    if found is not None and f"{root}/constants.pkl" not in names:
        return found
    raise UnsupportedCheckpointError(f"{path} is {_describe(names, root)}")


def _describe(names: list[str], root: str) -> str:
    """Returns what a zip file is that is no checkpoint, and what to do."""
    if f"{root}/constants.pkl" in names:
        return (
            "a TorchScript program, and realesr runs no programs from files: save the state_dict() "
            "of torch.jit.load(...) with torch.save"
        )
    if "config.json" in names and any(name.endswith(".h5") for name in names):
        return "a Keras model: realesr reads the weights of PyTorch networks"
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays: realesr reads the weights of PyTorch networks"
    inside = next((n for n in names if n.lower().endswith((".pth", ".pt", ".safetensors"))), None)
    if inside is not None:
        return f"a zip file that holds {plain(inside)}: unpack it, and name that file"
    return "a zip file without a checkpoint: realesr reads .pth and .safetensors files"
