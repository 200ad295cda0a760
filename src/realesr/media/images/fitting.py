"""Metadata of an input, adapted to an output: what its format holds, and sentences for the rest."""

from __future__ import annotations

from dataclasses import replace

from realesr.geometry import Size
from realesr.imaging.color import ColorDescription
from realesr.imaging.image import Metadata, Text
from realesr.media.formats import ImageFormat
from realesr.media.images import xmp as packets
from realesr.media.images.exif import adapted, without_tags
from realesr.media.images.icc import cicp_of, profile_of
from realesr.media.images.iptc import without_places
from realesr.options import EncodingOptions
from realesr.progress import Notice, Notify

_MAX_SEGMENT = 65_000
"""Largest block that a segment of JPEG holds for sure, bytes: its length has 16 bits."""
_COMMENT = "Comment"
"""Keyword of a comment in PNG (PNG, third edition, table 21)."""
_OWN_RESOLUTION = ("PNG", "JPEG", "TIFF", "BMP")
"""Formats that hold a resolution outside of EXIF."""


def fit_metadata(
    metadata: Metadata,
    target: ImageFormat,
    size: Size,
    *,
    is_gray: bool,
    notify: Notify,
) -> Metadata:
    """Adapts the metadata of an input to an output.

    Args:
        metadata: Metadata of the input.
        target: Format of the output.
        size: Size of the output, px, which the EXIF of some cameras states.
        is_gray: Whether the output has one channel.
        notify: Receives a sentence for everything that is left out.
    """
    metadata = _fit_color(metadata, target, is_gray=is_gray, notify=notify)
    metadata = _fit_texts(metadata, target, notify)
    if not target.supports_metadata:
        return _fit_nothing(metadata, target, notify)
    exif, texts = adapted(
        metadata.exif,
        size,
        metadata.resolution,
        () if target.name == "PNG" else metadata.texts,
        is_only_place=target.name not in _OWN_RESOLUTION,
    )
    if texts:
        _drop(notify, target, f"texts ({', '.join(text.keyword for text in texts)})")
    iptc = metadata.iptc
    if iptc and target.name not in ("JPEG", "TIFF"):
        _drop(notify, target, "IPTC")
        iptc = None
    metadata = replace(
        metadata,
        exif=exif,
        xmp=packets.resized(metadata.xmp, size) if metadata.xmp else None,
        iptc=iptc,
        texts=metadata.texts if target.name == "PNG" else (),
    )
    return _fit_segments(metadata, notify) if target.name == "JPEG" else metadata


def stripped(metadata: Metadata, options: EncodingOptions) -> Metadata:
    """Returns metadata without what the user wants to be left out.

    The description of color stays in any case: without it the pixels have another color.
    """
    if options.strip_metadata:
        return Metadata(icc=metadata.icc, color=metadata.color)
    location, maker_notes = "location" in options.strip, "maker-notes" in options.strip
    exif, xmp, iptc, texts = metadata.exif, metadata.xmp, metadata.iptc, metadata.texts
    if exif and (location or maker_notes):
        exif = without_tags(exif, location=location, maker_notes=maker_notes)
    if location:
        iptc = without_places(iptc) if iptc else None
        texts = tuple(text for text in texts if "gps" not in text.keyword.lower())
        try:
            xmp = packets.without(xmp, packets.is_place) if xmp else None
        except packets.UnreadableXmpError:  # it could hold a place
            xmp = None
    return replace(metadata, exif=exif, xmp=xmp, iptc=iptc, texts=texts)


def _fit_color(
    metadata: Metadata, target: ImageFormat, *, is_gray: bool, notify: Notify
) -> Metadata:
    icc, color = metadata.icc, metadata.color
    if icc and (reason := _mismatch(icc, is_gray=is_gray)):
        notify(Notice("color-profile-dropped", f"the color profile is left out: {reason}"))
        icc = None
    if not target.supports_metadata:
        if color.hdr:
            _tell_hdr(color, target, notify)
        elif not icc and not color.is_srgb:
            notify(_not_told(target))
        return replace(metadata, icc=icc, color=ColorDescription())
    if target.name == "PNG":
        return replace(metadata, icc=icc or _fallback(color, is_gray=is_gray), color=color)
    if target.name == "AVIF":
        made = _for_avif(icc, color, notify, is_gray=is_gray)
        return replace(metadata, icc=made, color=_kept(color))
    if color.hdr:
        if not (icc and cicp_of(icc)):
            icc = profile_of(color, is_gray=is_gray) or icc
        _tell_hdr(color, target, notify)
        if color.mastering or color.light:
            notify(
                Notice(
                    "hdr-metadata-dropped",
                    f"{target.name} holds no light levels and no mastering display of HDR",
                )
            )
    elif color.cicp or not icc:
        made = profile_of(color, is_gray=is_gray)
        if made is None and not icc and not color.is_srgb:
            notify(_not_told(target))
        icc = made or icc
    return replace(metadata, icc=icc, color=ColorDescription())


def _for_avif(
    icc: bytes | None, color: ColorDescription, notify: Notify, *, is_gray: bool
) -> bytes | None:
    """Returns the profile beside the code points of an AVIF."""
    cicp = color.cicp
    if cicp and not cicp.is_full_range:
        notify(Notice("color-not-told", "AVIF cannot say that RGB levels are those of video"))
    if cicp:
        # readers of PNG take the code points, those of AVIF the profile
        return icc if cicp.hdr else None
    return icc or profile_of(color, is_gray=is_gray)


def _kept(color: ColorDescription) -> ColorDescription:
    """Returns what AVIF holds of a description."""
    return ColorDescription(cicp=color.cicp, mastering=color.mastering, light=color.light)


def _fallback(color: ColorDescription, *, is_gray: bool) -> bytes | None:
    """Returns a profile for readers of PNG that know no code points, or no EXIF; none for HDR."""
    if color.hdr or not (color.cicp or color.is_adobe_rgb):
        return None
    return profile_of(color, is_gray=is_gray)


def _tell_hdr(color: ColorDescription, target: ImageFormat, notify: Notify) -> None:
    remedy = "use `ext` png or avif to keep it"
    where = "only inside of the color profile, which few programs obey"
    if not target.supports_metadata:
        where = "nowhere"
    notify(
        Notice(
            "hdr-not-told",
            f"the image is HDR ({color.hdr}), and {target.name} says so {where}: it will look "
            f"wrong in most programs; {remedy}",
        )
    )


def _not_told(target: ImageFormat) -> Notice:
    return Notice(
        "color-not-told",
        f"{target.name} cannot say which colors the values stand for: they will look different; "
        "use `ext` png to keep it",
    )


def _fit_texts(metadata: Metadata, target: ImageFormat, notify: Notify) -> Metadata:
    """Moves comments to texts in PNG, and a text that is a comment to the comments of JPEG."""
    comments, texts = metadata.comments, metadata.texts
    if target.name == "PNG":
        more = tuple(Text(_COMMENT, _decoded(each)) for each in comments if each.strip(b"\0"))
        return replace(metadata, texts=(*texts, *more), comments=())
    if target.name == "JPEG":
        moved = tuple(text.value.encode() for text in texts if text.keyword == _COMMENT)
        texts = tuple(text for text in texts if text.keyword != _COMMENT)
        comments = (*comments, *moved)
        if long := [each for each in comments if len(each) > _MAX_SEGMENT]:
            _drop(notify, target, f"comments of {', '.join(str(len(each)) for each in long)} bytes")
        comments = tuple(each for each in comments if len(each) <= _MAX_SEGMENT)
        return replace(metadata, texts=texts, comments=comments)
    if len(comments) == 1:  # UserComment holds one
        return replace(metadata, texts=(*texts, Text(_COMMENT, _decoded(comments[0]))), comments=())
    if comments:
        _drop(notify, target, "comments")
    return replace(metadata, comments=())


def _decoded(comment: bytes) -> str:
    comment = comment.rstrip(b"\0")
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _fit_nothing(metadata: Metadata, target: ImageFormat, notify: Notify) -> Metadata:
    """Tells what a format without metadata leaves out; a resolution it holds."""
    held = [name.upper() for name in ("icc", "exif", "xmp", "iptc") if getattr(metadata, name)]
    held += [text.keyword for text in metadata.texts]
    if held:
        notify(
            Notice(
                "metadata-dropped", f"{target.name} holds no metadata: {', '.join(held)} left out"
            )
        )
    resolution = metadata.resolution
    if resolution and not resolution.unit:
        _drop(notify, target, "the aspect of pixels")
        resolution = None
    return Metadata(resolution=resolution)


def _fit_segments(metadata: Metadata, notify: Notify) -> Metadata:
    """Leaves out what does not fit into a segment; XMP can be extended over several."""
    exif, xmp, iptc = metadata.exif, metadata.xmp, metadata.iptc
    if exif and len(exif) > _MAX_SEGMENT:
        _too_long(notify, "EXIF block", exif)
        exif = None
    if iptc and len(iptc) > _MAX_SEGMENT:
        _too_long(notify, "IPTC block", iptc)
        iptc = None
    if xmp and len(xmp) > _MAX_SEGMENT:
        try:
            fits = len(packets.extended(xmp)[0]) <= _MAX_SEGMENT
        except packets.UnreadableXmpError:
            fits = False
        if not fits:
            _too_long(notify, "XMP packet", xmp)
            xmp = None
    return replace(metadata, exif=exif, xmp=xmp, iptc=iptc)


def _too_long(notify: Notify, name: str, block: bytes) -> None:
    notify(
        Notice(
            "metadata-dropped", f"the {name} is left out: {len(block)} bytes do not fit into JPEG"
        )
    )


def _drop(notify: Notify, target: ImageFormat, what: str) -> None:
    notify(Notice("metadata-dropped", f"{target.name} has no place for {what}: left out"))


def _mismatch(icc: bytes, *, is_gray: bool) -> str | None:
    """Returns why a profile does not describe the pixels, or None if it does.

    ICC.1:2022, 7.2: the color space stands at byte 16, the signature at byte 36.
    """
    if len(icc) < 132 or icc[36:40] != b"acsp":
        return "it is damaged"
    space, wanted = icc[16:20], b"GRAY" if is_gray else b"RGB "
    if space != wanted:
        names = [each.decode("latin-1").strip() for each in (space, wanted)]
        return f"it is for {names[0]}, and the pixels are {names[1]}"
    return None
