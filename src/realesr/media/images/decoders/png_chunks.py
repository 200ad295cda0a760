"""The chunks of a PNG (W3C PNG, third edition): what Pillow cannot take is mended or left out."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from PIL import Image as PillowImage
from PIL import PngImagePlugin

from realesr.media.images.decoders.source import EncodedImage
from realesr.progress import Notice

try:
    from isal.isal_zlib import crc32
except ImportError:  # no wheel for this machine
    from zlib import crc32

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND"
_EMPTY_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_ICC = b"iCCP"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PILLOW_LIMIT = 2**20
"""Pillow refuses the whole file if one text or profile is larger, bytes."""
_LEAST_COMPRESSED = 1000
"""What deflate needs at least for as much, bytes: its ratio ends at 1032."""
MOST_TEXT = 64 * 2**20
"""Size of all large texts and profiles that are read, bytes: a bomb could be far larger."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk and where it lies in the file."""

    kind: bytes
    start: int
    end: int

    @property
    def is_critical(self) -> bool:
        """Whether pixels cannot be decoded without it (section 5.4)."""
        return not self.kind[0] & 0x20

    def body(self, data: bytes) -> bytes:
        """Returns its content."""
        return data[self.start + 8 : self.end - 4]


@dataclass(slots=True)
class Chunks:
    """The chunks of a file, without those that are damaged.

    Attributes:
        data: The file.
        kept: Chunks that decoders are given, in order.
        is_changed: Whether any is missing or was taken out.
        icc: A profile that Pillow would refuse.
        texts: Texts that Pillow would refuse, by keyword.
    """

    data: bytes
    kept: list[Chunk] = field(default_factory=list)
    is_changed: bool = False
    icc: bytes | None = None
    texts: dict[str, str] = field(default_factory=dict)

    def file(self, *kinds: bytes) -> bytes:
        """Returns a file of the kept chunks.

        Args:
            kinds: Optional chunks that it has; all if none is named.
        """
        if not self.is_changed and not kinds:
            return self.data
        parts = [
            self.data[chunk.start : chunk.end]
            for chunk in self.kept
            if not kinds or chunk.is_critical or chunk.kind in kinds
        ]
        return b"".join((SIGNATURE, *parts, _EMPTY_END))

    def leave_out(self, chunks: Sequence[Chunk]) -> None:
        """Removes chunks."""
        self.kept = [chunk for chunk in self.kept if chunk not in chunks]
        self.is_changed = True


def read_chunks(source: EncodedImage) -> Chunks:
    """Reads the chunks of a PNG, and leaves out those that are damaged.

    Raises:
        ValueError: A chunk that is needed has a wrong checksum.
    """
    chunks = Chunks(source.data)
    damaged = []
    has_end = False
    for chunk in _walk(source.data):
        has_end = chunk.kind == _END
        if has_end:
            break
        stated = int.from_bytes(source.data[chunk.end - 4 : chunk.end], "big")
        if crc32(memoryview(source.data)[chunk.start + 4 : chunk.end - 4]) == stated:
            chunks.kept.append(chunk)
        elif chunk.is_critical:
            raise ValueError(f"the checksum of its chunk {_name(chunk)} is wrong")
        else:
            damaged.append(chunk)
    if damaged:
        chunks.is_changed = True
        _notify_left_out(source, damaged, "their checksums are wrong")
    if not has_end and _may_be_complete(chunks):
        chunks.is_changed = True
        source.notify_damage("it ends without the chunk IEND")
    _take_large_texts(source, chunks)
    return chunks


def leave_out_odd(source: EncodedImage, chunks: Chunks) -> bool:
    """Leaves out the optional chunks that Pillow cannot read.

    Returns:
        Whether there was any.
    """
    odd = [chunk for chunk in chunks.kept if not chunk.is_critical and _is_odd(chunks, chunk)]
    if odd:
        chunks.leave_out(odd)
        _notify_left_out(source, odd, "their content is invalid")
    return bool(odd)


def _walk(data: bytes) -> Iterator[Chunk]:
    """Yields the complete chunks of a file."""
    start = len(SIGNATURE)
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        kind = data[start + 4 : start + 8]
        if end > len(data) or not kind.isalpha():
            return
        yield Chunk(kind, start, end)
        start = end


def _may_be_complete(chunks: Chunks) -> bool:
    """Returns whether the pixels end before the file does: nothing of IDAT is cut."""
    last = chunks.kept[-1] if chunks.kept else None
    if last is None:
        return False
    rest = chunks.data[last.end : last.end + 8]
    return any(chunk.kind == b"IDAT" for chunk in chunks.kept) and rest[4:] != b"IDAT"


def _take_large_texts(source: EncodedImage, chunks: Chunks) -> None:
    """Takes out texts and profiles that are too large for Pillow, and reads them here."""
    room = MOST_TEXT
    dropped, taken = [], []
    for chunk in chunks.kept:
        size = chunk.end - chunk.start
        if chunk.kind not in (_ICC, *_TEXTS) or size < _LEAST_COMPRESSED:
            continue
        if chunk.kind == b"tEXt" and size <= _PILLOW_LIMIT:
            continue
        keyword, content = _content(
            chunk.kind, chunk.body(chunks.data), max(room, _PILLOW_LIMIT) + 1
        )
        if content is None or len(content) <= _PILLOW_LIMIT:
            continue
        taken.append(chunk)
        if len(content) > room:
            dropped.append(chunk)
            continue
        room -= len(content)
        if chunk.kind == _ICC:
            chunks.icc = content
        else:
            encoding = "utf-8" if chunk.kind == b"iTXt" else "latin-1"
            chunks.texts[keyword.decode("latin-1")] = content.decode(encoding, "replace")
    if taken:
        chunks.leave_out(taken)
    if dropped:
        names = ", ".join(sorted({_name(chunk) for chunk in dropped}))
        source.notify(
            Notice("metadata-dropped", f"{names} left out: above {MOST_TEXT} bytes when expanded")
        )


def _content(kind: bytes, body: bytes, most: int) -> tuple[bytes, bytes | None]:
    """Returns keyword and text, or profile, of which at most ``most`` bytes are expanded.

    None instead of the text if the chunk is damaged.
    """
    keyword, _, rest = body.partition(b"\0")
    is_compressed = kind != b"tEXt"
    if kind == b"iTXt":
        is_compressed = rest[:1] == b"\1"
        parts = rest[2:].split(b"\0", 2)  # language, translated keyword, text
        rest = parts[2] if len(parts) == 3 else b""
    elif is_compressed:
        rest = rest[1:]  # behind the method
    if not is_compressed:
        return keyword, rest
    try:
        return keyword, zlib.decompressobj().decompress(rest, most)
    except zlib.error:
        return keyword, None


def _is_odd(chunks: Chunks, chunk: Chunk) -> bool:
    """Returns whether Pillow refuses a file just because of a chunk."""
    before = [each for each in chunks.kept if each.kind in (b"IHDR", b"PLTE")]
    parts = [chunks.data[each.start : each.end] for each in (*before, chunk)]
    probe = b"".join((SIGNATURE, *parts, b"\0\0\0\0IDAT\x35\xaf\x06\x1e", _EMPTY_END))
    try:
        with PillowImage.open(io.BytesIO(probe), formats=("PNG",)) as image:
            return not isinstance(image, PngImagePlugin.PngImageFile)
    except Exception:  # Pillow's parser raises many kinds
        return True


def _notify_left_out(source: EncodedImage, chunks: Sequence[Chunk], reason: str) -> None:
    names = ", ".join(sorted({_name(chunk) for chunk in chunks}))
    source.notify(Notice("metadata-damaged", f"chunks left out ({names}): {reason}"))


def _name(chunk: Chunk) -> str:
    return chunk.kind.decode("ascii", "replace")
