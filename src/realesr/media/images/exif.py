"""EXIF blocks: read, freed of what does not survive upscaling, and adapted to a result."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from PIL import ExifTags
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from realesr.geometry import Size
from realesr.imaging.image import Resolution, Text

EXIF_PREFIX = b"Exif\0\0"
MAKER_NOTE = ExifTags.Base.MakerNote

_UPRIGHT = 1
_SUB_IFDS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_INTEROP = ExifTags.IFD.Interop
_STRUCTURAL = frozenset(
    {*range(254, 260), 262, 266, 273, *range(277, 282), 284, 317, 320, *range(322, 326), 330, 332}
    | {*range(336, 342), 347, *range(512, 520), *range(529, 533), 700, 33723, 34377, 34675}
)
"""TIFF tags (TIFF 6.0) that describe how pixels are stored, or hold other metadata blocks."""
_GEOREFERENCE = frozenset((33550, 33922, 34264, 34735, 34736, 34737))
"""Tags of GeoTIFF 1.1, which refer to the pixels of the input."""
_LEFT_OUT = _STRUCTURAL | _GEOREFERENCE
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_UNITS = {1: "", 2: "inch", 3: "cm"}
_NEAR = 0.0128
"""Half of a pixel per meter, in pixels per inch: what PNG and BMP round away."""
_NONE_KNOWN = 72
"""Resolution, pixels per inch, that is written where none is known (Exif 2.32, table 4)."""
_UNICODE_COMMENT = b"UNICODE\0"

_TEXT_TAGS = {
    "Description": ExifTags.Base.ImageDescription,
    "Author": ExifTags.Base.Artist,
    "Copyright": ExifTags.Base.Copyright,
    "Software": ExifTags.Base.Software,
}
"""Tags with the meaning of a keyword of PNG (PNG, third edition, table 21)."""
_COMMENT_KEYWORDS = ("parameters", "Comment")
"""Keywords whose text goes into UserComment, as programs that generate images write it."""


def load_exif(exif: bytes) -> PillowImage.Exif:
    """Parses an EXIF block without its ``Exif`` prefix."""
    parsed = PillowImage.Exif()
    parsed.load(EXIF_PREFIX + exif)
    return parsed


def clean_exif(exif: PillowImage.Exif) -> bytes | None:
    """Copies EXIF without structural tags and with orientation 1; None if no tag is left."""
    copy = PillowImage.Exif()
    copy.update({tag: value for tag, value in exif.items() if tag not in _LEFT_OUT})
    for tag in _SUB_IFDS:
        copy.pop(tag, None)
        entries = sub_ifd(exif, tag)
        if entries:
            copy[tag] = entries
    if not copy:
        return None
    copy[ExifTags.Base.Orientation] = _UPRIGHT
    return _serialized(copy)


def sub_ifd(exif: PillowImage.Exif, tag: int) -> dict[int, Any]:
    """Returns a copy of a sub-directory, in which the interoperability directory is a mapping."""
    entries = dict(exif.get_ifd(tag))
    if _INTEROP in entries:
        interoperability = exif.get_ifd(_INTEROP)
        if interoperability:
            entries[_INTEROP] = dict(interoperability)
        else:
            del entries[_INTEROP]
    return entries


def is_georeferenced(exif: PillowImage.Exif) -> bool:
    """Returns whether tags say where on earth the pixels lie."""
    return any(tag in exif for tag in _GEOREFERENCE)


def says_adobe_rgb(exif: PillowImage.Exif) -> bool:
    """Returns whether EXIF says Adobe RGB: interoperability R03 of an uncalibrated color space.

    DCF 2.0 (CIPA DC-009), 3.2.3; some cameras write a color space of 2 instead.
    """
    space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    index = str(exif.get_ifd(_INTEROP).get(1, "")).strip("\0 ") if space == 0xFFFF else ""
    return space == 2 or index == "R03"


def resolution_of(exif: Mapping[int, Any]) -> Resolution | None:
    """Returns the resolution that the main directory states, or None."""
    x, y = exif.get(_X_RESOLUTION), exif.get(_Y_RESOLUTION)
    try:
        x, y = float(x), float(y)  # type: ignore[arg-type]
        unit = _UNITS.get(int(exif.get(_RESOLUTION_UNIT, 2)), "inch")
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return as_stated(x, y, unit)


def as_stated(x: float, y: float, unit: str) -> Resolution | None:
    """Returns a resolution, or None if it says nothing.

    Without a unit only the aspect of a pixel is known, and square pixels need no statement.
    """
    if not (0 < x < 1e7 and 0 < y < 1e7) or (not unit and x == y):
        return None
    return Resolution(x, y, unit)


def agreed(own: Resolution | None, exif: Resolution | None) -> Resolution | None:
    """Returns the resolution of a file that may state one in its format and one in EXIF.

    That of the format counts, unless it is the value that stands for an unknown one.
    """
    if own is None or exif is None:
        return own or exif
    return exif if own.per("inch") == (_NONE_KNOWN, _NONE_KNOWN) else own


def in_round_units(resolution: Resolution) -> Resolution:
    """Returns a resolution in inches if it is a whole number there, but for rounding; else in cm.

    Resolutions in inches, and without a unit, stay what they are.
    """
    if resolution.unit in ("inch", ""):
        return resolution
    inches = resolution.per("inch")
    if all(abs(each - round(each)) < _NEAR for each in inches):
        return Resolution(float(round(inches[0])), float(round(inches[1])))
    return Resolution(*resolution.per("cm"), "cm")


def adapted(
    exif: bytes | None,
    size: Size,
    resolution: Resolution | None,
    texts: tuple[Text, ...],
    *,
    is_only_place: bool,
) -> tuple[bytes | None, tuple[Text, ...]]:
    """Adapts an EXIF block to a result.

    Args:
        exif: The block of the input, or None.
        size: Size of the result, px, which the EXIF of some cameras states.
        resolution: Resolution of the result.
        texts: Texts that get a place in EXIF if there is one that holds them exactly.
        is_only_place: Whether the format has no other place for a resolution.

    Returns:
        The block, None if there is nothing to say, and the texts that have no place.
    """
    parsed = load_exif(exif) if exif else PillowImage.Exif()
    before = dict(parsed)
    entries = sub_ifd(parsed, ExifTags.IFD.Exif)
    changed = dict(entries)
    if ExifTags.Base.ExifImageWidth in changed:
        changed[ExifTags.Base.ExifImageWidth] = size.width
        changed[ExifTags.Base.ExifImageHeight] = size.height
    if resolution and (_X_RESOLUTION in parsed or is_only_place):
        stated = in_round_units(resolution)
        parsed[_X_RESOLUTION] = _rational(stated.x)
        parsed[_Y_RESOLUTION] = _rational(stated.y)
        parsed[_RESOLUTION_UNIT] = {unit: code for code, unit in _UNITS.items()}[stated.unit]
    left = _place(texts, parsed, changed)
    if changed == entries and dict(parsed) == before:
        return exif, left
    if changed:
        parsed[ExifTags.IFD.Exif] = changed
    return _serialized(parsed), left


def without_tags(exif: bytes, *, location: bool, maker_notes: bool) -> bytes | None:
    """Removes positions or maker notes; None if no tag is left."""
    parsed = load_exif(exif)
    copy = PillowImage.Exif()
    copy.update({tag: value for tag, value in parsed.items() if tag not in _SUB_IFDS})
    for tag in _SUB_IFDS:
        entries = sub_ifd(parsed, tag)
        if maker_notes:
            entries.pop(MAKER_NOTE, None)
        if entries and not (location and tag == ExifTags.IFD.GPSInfo):
            copy[tag] = entries
    return _serialized(copy) if copy else None


def _rational(value: float) -> IFDRational:
    """Returns a fraction of numbers of 32 bits."""
    return IFDRational(Fraction(value).limit_denominator(max(1, min(10_000, int(4e9 / value)))))


def _place(
    texts: tuple[Text, ...], main: PillowImage.Exif, entries: dict[int, Any]
) -> tuple[Text, ...]:
    left = []
    for text in texts:
        tag = _TEXT_TAGS.get(text.keyword)
        is_plain = text.value.isascii() and "\0" not in text.value and text.value
        if tag is not None and is_plain and main.get(tag, text.value) == text.value:
            main[tag] = text.value
        elif text.keyword in _COMMENT_KEYWORDS and _is_free(entries, text.value):
            # Exif 2.32, 4.6.5: the character code, then the text; UTF-16 as MM blocks have it
            comment = _UNICODE_COMMENT + text.value.encode("utf-16-be")
            entries[ExifTags.Base.UserComment] = comment
        else:
            left.append(text)
    return tuple(left)


def _is_free(entries: Mapping[int, Any], value: str) -> bool:
    held = entries.get(ExifTags.Base.UserComment, b"")
    body = held[8:] if isinstance(held, bytes) else b""
    return not body.strip(b"\0 ") or body in (value.encode("utf-16-be"), value.encode("utf-16-le"))


def _serialized(exif: PillowImage.Exif) -> bytes:
    return exif.tobytes().removeprefix(EXIF_PREFIX)
