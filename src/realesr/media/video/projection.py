"""Carries the marks of spherical and stereoscopic videos from container to container.

ffmpeg copies them with a stream, but not with one that it encodes from a pipe, and has no option
for them. So a title of the right length is given to the stream, and when the file is whole the
marks take its place: nothing else moves.

MP4 has them as boxes: ``st3d`` and ``sv3d`` of Google's Spherical Video V2, and a ``uuid`` of V1.
Matroska has them as elements (RFC 9559, 5.1.4.1.28.3 and 5.1.4.1.28.41).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from realesr.media.video.boxes import (
    TRACKS,
    VOID,
    Part,
    box,
    boxes,
    element,
    elements,
    find_element,
    movie_box,
    with_crc,
)

_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""Id of the box ``uuid`` of Spherical Video V1, which holds XML."""
_ENTRY_BYTES = 78
"""Fields of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3)."""
_VIDEO, _NAME, _TRACK = b"\xe0", b"\x53\x6e", b"\xae"
_STEREO, _PROJECTION, _TYPE, _PRIVATE = b"\x53\xb8", b"\x76\x70", b"\x76\x71", b"\x76\x72"
_POSES = (b"\x76\x73", b"\x76\x74", b"\x76\x75")
_STEREO_TO_MATROSKA = {1: 3, 2: 1}
"""Top and bottom, left and right: numbers of ``st3d`` and of StereoMode, the left eye first."""
_TYPES = {b"equi": 1, b"cbmp": 2, b"mshp": 3}
"""Boxes of projections, and Matroska's numbers of them."""
_CUBE = struct.Struct(">3I")
"""Content of ``cbmp``: version and flags, layout, padding."""
_SPARE_BYTES = 64
"""Bytes of the title beyond those of the marks; what is left becomes empty space."""
_PAD = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The marks of a stream.

    Attributes:
        stereo: Arrangement of the two views by the numbers of ``st3d``: 1 top and bottom, 2 left
            and right; 0 for one view, None if it is not told.
        kind: Box of the projection: ``equi``, ``cbmp`` or ``mshp``; None for a flat video.
        private: Content of that box.
        pose: Yaw, pitch and roll, degrees.
        xml: Content of the box of V1, or None.
    """

    stereo: int | None = None
    kind: bytes | None = None
    private: bytes = b""
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    xml: bytes | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no mark."""
        return self == Projection()

    def boxes(self) -> bytes:
        """Returns the boxes of a sample entry of MP4."""
        if self.xml is not None:
            return b""
        found = b""
        if self.stereo is not None:
            found += box(b"st3d", bytes((0, 0, 0, 0, self.stereo)))
        if self.kind is not None:
            pose = struct.pack(">3i", *(round(angle * 65536) for angle in self.pose))
            content = box(b"prhd", bytes(4) + pose) + box(self.kind, self.private)
            found += box(b"sv3d", box(b"svhd", bytes(5)) + box(b"proj", content))
        return found

    def elements(self) -> bytes:
        """Returns the elements of a Video element of Matroska."""
        found = b""
        if self.stereo in _STEREO_TO_MATROSKA:
            found += element(_STEREO, bytes((_STEREO_TO_MATROSKA[self.stereo],)))
        if self.kind is not None:
            content = element(_TYPE, bytes((_TYPES[self.kind],)))
            content += element(_PRIVATE, self.private)
            for kind, angle in zip(_POSES, self.pose, strict=True):
                content += element(kind, struct.pack(">d", angle))
            found += element(_PROJECTION, content)
        return found

    def scaled(self, factor: float) -> Projection:
        """Returns the marks of frames that are larger: those of a cube name a padding in px."""
        if self.kind != b"cbmp" or len(self.private) < _CUBE.size:
            return self
        flags, layout, padding = _CUBE.unpack_from(self.private)
        return replace(self, private=_CUBE.pack(flags, layout, round(padding * factor)))

    @property
    def title(self) -> str:
        """A title that keeps room for the marks."""
        size = max(len(self.boxes()), len(self.elements())) + len(self.xml or b"")
        return _PAD * (size + _SPARE_BYTES)


def read_projection(path: Path, index: int) -> Projection:
    """Reads the marks of a stream; there are none in files that cannot be understood.

    Args:
        path: A file of any container.
        index: Number of the stream.
    """
    try:
        movie = movie_box(path)
        if movie is not None:
            tracks = [content for kind, content in boxes(movie[1]) if kind == b"trak"]
            return _of_track(tracks[index]) if index < len(tracks) else Projection()
        found = find_element(path, TRACKS)
        if found is not None:
            entries = [content for kind, content in elements(found[1]) if kind == _TRACK]
            return _of_entry(entries[index]) if index < len(entries) else Projection()
    except (OSError, ValueError, struct.error, IndexError):
        pass
    return Projection()


def write_projection(path: Path, projection: Projection, *, title: str | None) -> bool:
    """Puts the marks into a file whose first stream has :attr:`Projection.title`.

    Args:
        path: The file, which is changed in place.
        projection: The marks.
        title: The title that the stream has afterwards; None for none.

    Returns:
        Whether there was room for them. If not, the file is as before.

    Raises:
        OSError: The file cannot be read or written.
    """
    name = (title or "").encode()
    try:
        place = movie_box(path)
        if place is not None:
            changed = _marked_movie(place[1], projection, name)
        else:
            place = find_element(path, TRACKS)
            changed = b"" if place is None else _marked_tracks(place[1], projection, name)
    except (ValueError, IndexError, struct.error):
        return False
    if place is None or len(changed) != len(place[1]):
        return False
    with path.open("r+b") as file:
        file.seek(place[0])
        file.write(changed)
    return True


def _descend(content: bytes, *path: bytes) -> bytes:
    """Returns the content of a box inside boxes.

    Raises:
        ValueError: There is none.
    """
    for kind in path:
        content = _first(boxes(content), kind)
    return content


def _first(parts: Iterator[Part], wanted: bytes) -> bytes:
    for kind, content in parts:
        if kind == wanted:
            return content
    raise ValueError(f"there is no {wanted!r}")


def _of_track(track: bytes) -> Projection:
    for kind, content in boxes(track):
        if kind == b"uuid" and content[:16] == _V1:
            return _of_xml(content[16:])
    description = _descend(track, b"mdia", b"minf", b"stbl", b"stsd")
    _, entry = next(boxes(description[8:]))
    stereo: int | None = None
    shape: bytes | None = None
    private, pose = b"", (0.0, 0.0, 0.0)
    for name, content in boxes(entry[_ENTRY_BYTES:]):
        if name == b"st3d":
            stereo = content[4]
        elif name == b"sv3d":
            for part, data in boxes(_first(boxes(content), b"proj")):
                if part == b"prhd":
                    yaw, pitch, roll = struct.unpack_from(">3i", data, 4)
                    pose = (yaw / 65536, pitch / 65536, roll / 65536)
                elif part in _TYPES:
                    shape, private = part, data
    return Projection(stereo=stereo, kind=shape, private=private, pose=pose)


def _of_xml(xml: bytes) -> Projection:
    text = xml.decode(errors="replace")
    found = re.search(r"StereoMode>\s*([a-z-]+)", text)
    stereo = {"top-bottom": 1, "left-right": 2, "mono": 0}.get(found[1]) if found else None
    return Projection(stereo=stereo, kind=b"equi", private=bytes(20), xml=xml)


def _of_entry(entry: bytes) -> Projection:
    stereo, kind, private, pose = None, None, b"", [0.0, 0.0, 0.0]
    for name, content in elements(_first(elements(entry), _VIDEO)):
        if name == _STEREO:
            mode = int.from_bytes(content, "big")
            stereo = next((a for a, b in _STEREO_TO_MATROSKA.items() if b == mode), None)
        elif name == _PROJECTION:
            for part, data in elements(content):
                if part == _TYPE:
                    number = int.from_bytes(data, "big")
                    kind = next((a for a, b in _TYPES.items() if b == number), None)
                elif part == _PRIVATE:
                    private = data
                elif part in _POSES and data:
                    pose[_POSES.index(part)] = struct.unpack(
                        ">f" if len(data) == 4 else ">d", data
                    )[0]
    if kind == b"equi" and not private:
        private = bytes(20)  # the whole sphere
    return Projection(stereo=stereo, kind=kind, private=private, pose=(pose[0], pose[1], pose[2]))


def _marked_movie(movie: bytes, projection: Projection, name: bytes) -> bytes:
    changed, is_done = b"", False
    for kind, content in boxes(movie):
        if kind == b"trak" and not is_done:
            marked = _marked_track(content, projection, name)
            if projection.xml is not None:
                marked += box(b"uuid", _V1 + projection.xml)
            spare = len(content) - len(marked)
            if spare < 8:
                raise ValueError("there is no room for the marks")
            content = marked + box(b"free", bytes(spare - 8))
            is_done = True
        changed += box(kind, content)
    return changed


def _marked_track(content: bytes, projection: Projection, name: bytes) -> bytes:
    """Returns the content of a box on the way to the sample entry, with the marks in it."""
    changed = b""
    for kind, inner in boxes(content):
        if kind in (b"mdia", b"minf", b"stbl"):
            inner = _marked_track(inner, projection, name)
        elif kind == b"stsd":
            (first, entry), *others = boxes(inner[8:])
            inner = inner[:8] + box(first, entry + projection.boxes())
            inner += b"".join(box(*each) for each in others)
        elif kind == b"udta":
            inner = b"".join(
                box(part, _renamed(data, name))
                for part, data in boxes(inner)
                if part != b"name" or name
            )
        changed += box(kind, inner)
    return changed


def _renamed(data: bytes, name: bytes) -> bytes:
    return name if set(data) <= {ord(_PAD)} else data


def _marked_tracks(tracks: bytes, projection: Projection, name: bytes) -> bytes:
    changed, is_done = b"", False
    for kind, content in elements(tracks):
        # The size of a track has 8 bytes in ffmpeg's files.
        if kind == _TRACK and not is_done:
            changed += _marked_entry(content, projection, name)
            is_done = True
        elif kind == _TRACK:
            changed += element(kind, content, size_length=8)
        else:
            changed += element(kind, content)
    return with_crc(changed)


def _marked_entry(entry: bytes, projection: Projection, name: bytes) -> bytes:
    changed = b""
    for kind, content in elements(entry):
        if kind == _NAME:
            changed += element(kind, name) if name else b""
        elif kind == _VIDEO:
            kept = b"".join(
                element(part, data)
                for part, data in elements(content)
                if part not in (_STEREO, _PROJECTION)
            )
            changed += element(kind, kept + projection.elements())
        else:
            changed += element(kind, content)
    spare = len(entry) - len(changed)
    if spare < 9:
        raise ValueError("there is no room for the marks")
    changed += element(VOID, bytes(spare - 9), size_length=8)
    return element(_TRACK, changed, size_length=8)
