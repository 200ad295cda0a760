"""Recognition of files by their content, so that a name does not decide how a file is read."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

from realesr.errors import MissingWeightsError, UnsupportedCheckpointError
from realesr.reasons import reason_of


class Container(Enum):
    """Container formats of weights."""

    SAFETENSORS = auto()
    TORCH_ZIP = auto()
    TORCH_LEGACY = auto()
    NCNN = auto()
    HDF5 = auto()


NCNN_HALF = b"\x47\x6b\x30\x01"
"""First bytes of weights in float16 in a ``.bin`` file of ncnn (``modelbin.cpp``)."""

_HEAD = 4096
_MAX_HEADER_BITS = 40
_WANTED = (
    "realesr reads the weights of PyTorch networks, .pth and .safetensors, and some of ncnn and "
    "Keras"
)
_CONVERT = f"{_WANTED}: look for the model in one of these formats"
_UNPACK = "unpack it, and name the file of weights inside"

_FOREIGN: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"version https://git-lfs", "a git-lfs pointer and not the file itself", "run `git lfs"
     " pull`, or download the file from the page of the repository"),
    (0, b"GGUF", "a GGUF file (llama.cpp, stable-diffusion.cpp)", _CONVERT),
    (4, b"TFL3", "a TensorFlow Lite model", _CONVERT),
    (0, b"\xdd\x85\x76\x00", "the description of an ncnn network in its binary form", "take the"
     " .param that is a text"),
    (0, b"\x93NUMPY", "a NumPy array", _CONVERT),
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (0, b"BZh", "a bzip2 archive", _UNPACK),
    (0, b"\xfd7zXZ", "an xz archive", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a rar archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x89PNG", "a picture (PNG)", _WANTED),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", _WANTED),
    (0, b"GIF8", "a picture (GIF)", _WANTED),
    (8, b"WEBP", "a picture (WebP)", _WANTED),
    (4, b"ftyp", "a video or a picture", _WANTED),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska)", _WANTED),
    (0, b"%PDF", "a PDF document", _WANTED),
    (0, b"\x7fELF", "a program", _WANTED),
    (0, b"MZ", "a program", _WANTED),
)  # fmt: skip
"""Offset, signature, what such a file is, and what to do. Signatures: the formats' own
specifications, and file(1)."""

_ONNX_FIELDS = b"\x12\x1a\x22\x28\x32\x3a\x42"
"""First bytes of the fields that follow ``ir_version`` in ONNX's ModelProto (onnx.proto)."""
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body")


def recognize(path: Path) -> Container:
    """Finds the container format of a weights file from its first bytes.

    Raises:
        MissingWeightsError: The file does not exist, or there is no permission to read it.
        UnsupportedCheckpointError: The file is something else; the message says what, and what to
            do.
    """
    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such file of weights")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            size = file.seek(0, 2)
            found = _container_of(head, size) or _ncnn_of(head, path)
            if found is not None:
                return found
            what, remedy = _describe(head, path.suffix.lower(), file)
    except OSError as error:
        raise MissingWeightsError(f"{path}: {reason_of(error)}") from error
    raise UnsupportedCheckpointError(f"{path} is {what}: {remedy}")


def is_onnx(path: Path) -> bool:
    """Returns whether a file is an ONNX network by its first bytes, or by its name if it has none.

    A file that cannot be read is none.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return _is_onnx(head, path.suffix.lower())


def is_ncnn(path: Path) -> bool:
    """Returns whether a file is one of the two of an ncnn network; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            size = file.seek(0, 2)
    except OSError:
        return False
    return _container_of(head, size) is None and _ncnn_of(head, path) is not None


def is_page(head: bytes) -> bool:
    """Returns whether the first bytes of a file are those of a web page."""
    text = head[:_HEAD].lstrip().lower()
    return text.startswith(_PAGE) or (text.startswith(b"<") and b"<html" in text)


def _container_of(head: bytes, size: int) -> Container | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Container.TORCH_ZIP
    # The length of the header, then the header: https://github.com/huggingface/safetensors#format
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") >> _MAX_HEADER_BITS == 0:
        return Container.SAFETENSORS
    if head[:1] == b"\x80" and head[1:2] and head[1] <= 5:  # pickle's PROTO
        return Container.TORCH_LEGACY
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return Container.HDF5
    return None


def _ncnn_of(head: bytes, path: Path) -> Container | None:
    """Recognizes either of the two files of an ncnn network.

    The ``.bin`` has a signature only if it begins with float16; float32 begins with zeros.
    """
    if head.split(b"\n", 1)[0].strip() == b"7767517":
        return Container.NCNN
    is_weights = path.suffix.lower() == ".bin" and path.with_suffix(".param").is_file()
    if head.startswith(NCNN_HALF) or (is_weights and head):
        return Container.NCNN
    return None


def _describe(head: bytes, suffix: str, file: BinaryIO) -> tuple[str, str]:
    """Returns what a file is that holds no weights, and what to do."""
    if not head:
        return "empty", "download it again"
    for offset, signature, what, remedy in _FOREIGN:
        if head.startswith(signature, offset):
            return what, remedy
    text = head.lstrip().lower()
    if is_page(head):
        return "a web page", (
            "the address leads to a page and not to the file; open it in a browser, and download "
            "the file from there"
        )
    if _is_onnx(head, suffix):
        return "an ONNX network", (
            "realesr upscales with it as it is, but takes no weights out of it: look for the model "
            "as .pth or .safetensors"
        )
    if text.startswith(b"<?xml"):
        return "an XML document", _WANTED
    if text.startswith((b"{", b"[")) and _is_text(head):
        return "a JSON text", _WANTED
    if _is_text(head):
        return "a text", _WANTED
    if not head.strip(b"\0") and _is_zero(file):
        return "made of zeros only", "its download was not finished; download it again"
    return "no file of weights, or is damaged", _WANTED


def _is_onnx(head: bytes, suffix: str) -> bool:
    has_fields = head[:1] == b"\x08" and len(head) > 2 and head[2] in _ONNX_FIELDS
    return has_fields or suffix == ".onnx"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(each.isprintable() or each.isspace() for each in text)


def _is_zero(file: BinaryIO) -> bool:
    file.seek(0)
    return not any(block.strip(b"\0") for block in iter(lambda: file.read(2**20), b""))
