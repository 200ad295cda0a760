"""What is carried from a format into another, and what is told."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.imaging.color import (
    SRGB_CHROMATICITIES,
    Cicp,
    ColorDescription,
    ContentLight,
    MasteringDisplay,
)
from realesr.imaging.image import Image, Metadata, Resolution, Text
from realesr.media.images.avif_metadata import with_metadata
from realesr.media.images.decode import decode_image, read_image
from realesr.media.images.encode import encode_image
from realesr.media.images.icc import cicp_of
from realesr.media.images.iptc import photoshop_segment
from realesr.media.images.isobmff import Property, box
from realesr.media.images.xmp import EXTENDED_JPEG_HEADER
from realesr.options import EncodingOptions

from support.icc import profile
from support.images import COLOR, parse_exif
from support.paths import shared
from support.segments import jpeg, png, png_chunks

PATH = Path("a.bin")
IPTC = b"\x1c\x02x\0\x0cA lighthouse" + b"\x1c\x02Z\0\x06Lisbon"
PQ, HLG, P3 = Cicp(9, 16), Cicp(9, 18), Cicp(12, 13)
MASTERING = MasteringDisplay((1, 2), (3, 4), (5, 6), (7, 8), 10_000_000, 50)
LIGHT = ContentLight(10_000_000, 4_000_000)


def written(metadata, suffix, options=None, *, gray=False):
    """Bytes of a file with metadata, and the notices."""
    notices = []
    pixels = np.repeat(COLOR[..., :1], 3, axis=2) if gray else COLOR
    image = Image(pixels, is_gray=gray, metadata=metadata)
    path = Path(f"a.{suffix}")
    data = b"".join(encode_image(image, path, options or EncodingOptions(), notices.append))
    return data, [notice.code for notice in notices]


def read(data):
    """The metadata of a file, and the notices."""
    notices = []
    image = decode_image(data, PATH, notify=notices.append)
    return image.metadata, [notice.code for notice in notices]


def carried(metadata, suffix, **more):
    """Metadata, written and read again, and the notices of the writing."""
    data, codes = written(metadata, suffix, **more)
    return read(data)[0], codes


def described(**fields):
    return Metadata(color=ColorDescription(**fields))


# Color


@pytest.mark.parametrize("gray", [False, True])
def test_png_keeps_every_description(gray):
    color = ColorDescription(
        cicp=PQ,
        gamma=45_455,
        chromaticities=SRGB_CHROMATICITIES,
        mastering=MASTERING,
        light=LIGHT,
    )
    assert carried(Metadata(color=color), "png", gray=gray) == (Metadata(color=color), [])
    assert carried(described(srgb_intent=1), "png") == (described(srgb_intent=1), [])


def test_chunks_of_color_have_the_form_of_the_specification():
    """Read from bytes, and written as the same bytes."""
    chunks = [
        (b"cICP", bytes((9, 18, 0, 0))),
        (b"gAMA", struct.pack(">I", 35_000)),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        (b"mDCV", struct.pack(">8H2I", 35400, 14600, 8500, 39850, 6550, 2300, 15635, 16450, 1, 2)),
        (b"cLLI", struct.pack(">II", 3, 4)),
    ]
    metadata, codes = read(png(*chunks))
    assert metadata.color.cicp == Cicp(9, 18, is_full_range=False)
    assert metadata.color.mastering.green == (8500, 39850)
    assert not codes
    assert png_chunks(written(metadata, "png")[0]).items() >= {k: [b] for k, b in chunks}.items()


@pytest.mark.parametrize("cicp", [PQ, HLG, P3, Cicp(1, 1), Cicp(9, 8)])
@pytest.mark.parametrize("gray", [False, True])
def test_code_points_travel_between_avif_and_png(cicp, gray):
    metadata = Metadata(color=ColorDescription(cicp=cicp, mastering=MASTERING, light=LIGHT))
    there, codes = carried(metadata, "avif", gray=gray)
    assert there == metadata
    assert not codes
    back, codes = carried(there, "png", gray=gray)
    assert back.color == metadata.color
    assert bool(back.icc) == (cicp.hdr is None)  # a profile for readers that know no code points
    assert not codes


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
@pytest.mark.parametrize("cicp", [PQ, HLG])
def test_hdr_never_passes_silently(suffix, cicp):
    metadata, codes = carried(described(cicp=cicp), suffix)
    assert codes == ["hdr-not-told"]
    assert cicp_of(metadata.icc) == cicp
    assert metadata.color.cicp == cicp  # and so it is HDR again on its way back
    assert carried(metadata, "avif")[0].color.cicp == cicp


def test_hdr_into_bmp_is_told():
    assert carried(described(cicp=PQ), "bmp") == (Metadata(), ["hdr-not-told"])


def test_light_levels_that_have_no_place_are_told():
    codes = carried(described(cicp=PQ, light=LIGHT), "jpg")[1]
    assert codes == ["hdr-not-told", "hdr-metadata-dropped"]


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "avif"])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize(
    "fields", [{"gamma": 100_000}, {"is_adobe_rgb": True}, {"cicp": P3}, {"cicp": Cicp(1, 8)}]
)
def test_what_a_profile_can_say_becomes_one(suffix, gray, fields):
    metadata, codes = carried(described(**fields), suffix, gray=gray)
    assert metadata.icc or (suffix == "avif" and metadata.color.cicp == fields.get("cicp"))
    assert not codes


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "avif", "bmp"])
@pytest.mark.parametrize(
    "fields", [{}, {"srgb_intent": 0, "gamma": 45_455, "chromaticities": SRGB_CHROMATICITIES}]
)
def test_srgb_is_what_images_without_description_are(suffix, fields):
    assert carried(described(**fields), suffix) == (Metadata(), [])


def test_what_no_profile_can_say_is_told():
    unusual = described(cicp=Cicp(9, 9))
    for suffix in ("jpg", "webp", "tif", "bmp"):
        assert carried(unusual, suffix) == (Metadata(), ["color-not-told"])
    video_levels = described(cicp=Cicp(9, 16, is_full_range=False))
    assert carried(video_levels, "avif")[1] == ["color-not-told"]


def test_code_points_count_before_a_profile_in_png_and_after_it_in_avif():
    both = Metadata(icc=profile(), color=ColorDescription(cicp=P3))
    assert carried(both, "png")[0] == both
    assert carried(both, "avif")[0] == described(cicp=P3)
    assert carried(both, "jpg")[0].icc not in (None, profile())


def test_adobe_rgb_of_exif_travels():
    exif = PillowImage.Exif()
    exif[ExifTags.IFD.Exif] = {0xA001: 0xFFFF, 0xA005: {1: "R03", 2: b"0100"}}
    data = jpeg(exif=exif.tobytes())
    metadata, codes = read(data)
    assert metadata.color.is_adobe_rgb
    for suffix in ("png", "jpg", "webp", "tif", "avif"):
        again, more = carried(metadata, suffix)
        assert again.icc, suffix
        assert not codes + more
        parsed = parse_exif(Image(COLOR, metadata=again))
        assert parsed.get_ifd(ExifTags.IFD.Interop)[1] == "R03", suffix
    assert not read(jpeg(exif=exif.tobytes(), icc_profile=profile()))[0].color


def test_saturated_stripes_stay_saturated_in_deep_avif():
    """4:2:0 would mix them."""
    stripes = np.zeros((32, 48, 3), np.uint16)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 65_535
    data = b"".join(encode_image(Image(stripes), Path("a.avif")))
    again = decode_image(data, PATH).pixels
    assert np.abs(again.astype(int) - stripes).max() < 3000


def test_bmp_with_profile_or_calibrated_colors_is_read():
    plain = written(Metadata(), "bmp")[0]
    icc = profile()
    header = plain[14:54] + bytes(124 - 40)
    at = 14 + 124 + len(plain) - 54

    def bmp(space, more):
        v5 = struct.pack("<I", 124) + header[4:56] + space + header[60:]
        for place, value in more.items():
            v5 = v5[:place] + value + v5[place + len(value) :]
        return plain[:10] + struct.pack("<I", 138) + v5 + plain[54:] + icc

    embedded = bmp(b"DEBM", {112: struct.pack("<II", at - 14, len(icc))})
    assert read(embedded)[0].icc == icc
    ends = (0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505)
    gamma = round(2.2 * 65536)
    numbers = struct.pack("<9i3I", *(round(each * 2**30) for each in ends), gamma, gamma, gamma)
    color = read(bmp(bytes(4), {60: numbers}))[0].color
    assert color.gamma == 45_455
    assert color.chromaticities.red == (64007, 32997)
    assert not read(bmp(bytes(4), {}))[0]


# Texts, comments, IPTC


def test_texts_of_png_are_kept_as_they_are():
    texts = (
        Text("parameters", "a lighthouse, Steps: 20"),
        Text("prompt", '{"1": ' + "x" * 5000 + "}"),
        Text("Title", "Türm"),
        Text("Title", "灯台", "ja", "題"),
        Text("long", "灯" * 3000),
        Text("empty", ""),
    )
    assert carried(Metadata(texts=texts), "png") == (Metadata(texts=texts), [])


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "avif"])
def test_texts_go_into_exif_where_it_holds_them_exactly(suffix):
    texts = (Text("parameters", "a türm, 灯台"), Text("Author", "Nobody"), Text("Title", "Türm"))
    metadata, codes = carried(Metadata(texts=texts), suffix)
    exif = parse_exif(Image(COLOR, metadata=metadata))
    comment = exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment == b"UNICODE\0" + "a türm, 灯台".encode("utf-16-be")
    assert exif[ExifTags.Base.Artist] == "Nobody"
    assert codes == ["metadata-dropped"]  # the title


def test_a_text_does_not_replace_what_exif_says():
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Artist] = "Someone"
    metadata = Metadata(exif=exif.tobytes()[6:], texts=(Text("Author", "Nobody"),))
    again, codes = carried(metadata, "jpg")
    assert parse_exif(Image(COLOR, metadata=again))[ExifTags.Base.Artist] == "Someone"
    assert codes == ["metadata-dropped"]


def test_comments_of_jpeg_travel():
    metadata, _ = read(jpeg((0xFE, b"a comment"), (0xFE, b"caf\xe9")))
    assert metadata.comments == (b"a comment", b"caf\xe9")
    assert carried(metadata, "jpg") == (metadata, [])
    texts = (Text("Comment", "a comment"), Text("Comment", "café"))
    in_png, codes = carried(metadata, "png")
    assert (in_png.texts, codes) == (texts, [])
    assert carried(in_png, "jpg")[0].comments == (b"a comment", "café".encode())
    assert carried(metadata, "bmp")[1] == ["metadata-dropped"]
    assert carried(metadata, "tif")[1] == ["metadata-dropped"]


def test_iptc_travels_into_jpeg_and_tiff_and_is_told_elsewhere():
    metadata, _ = read(jpeg((0xED, photoshop_segment(IPTC))))
    assert metadata.iptc == IPTC
    for suffix in ("jpg", "tif"):
        again, codes = carried(metadata, suffix)
        assert (again.iptc, codes) == (IPTC, [])
    for suffix in ("png", "webp", "avif", "bmp"):
        again, codes = carried(metadata, suffix)
        assert (again.iptc, codes) == (None, ["metadata-dropped"])


# Resolution


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif", "bmp"])
@pytest.mark.parametrize(
    "stated",
    [
        Resolution(300, 300),
        Resolution(600, 300),
        Resolution(118, 118, "cm"),
        Resolution(11811, 11811, "m"),  # 300 px an inch as PNG has it
        Resolution(2835, 2835, "m"),
        Resolution(0.5, 0.5),
        Resolution(60_000.5, 60_000.5),
    ],
)
def test_resolutions_travel(suffix, stated):
    metadata, codes = carried(Metadata(resolution=stated), suffix)
    if (suffix, stated.x) != ("jpg", 0.5):  # JFIF holds whole numbers
        assert metadata.resolution.per("m") == pytest.approx(stated.per("m"), rel=1e-4, abs=0.6)
    assert not codes


def test_a_resolution_in_a_format_and_in_exif_is_the_same():
    exif = PillowImage.Exif()
    exif.update({282: 72.0, 283: 72.0, 296: 2, ExifTags.Base.Make: "maker"})
    metadata, _ = read(jpeg(dpi=(240, 240), exif=exif.tobytes()))
    assert metadata.resolution == Resolution(240, 240)
    for suffix in ("png", "jpg", "webp", "tif", "avif"):
        again, _ = carried(metadata, suffix)
        parsed = parse_exif(Image(COLOR, metadata=again))
        assert (parsed[282], parsed[296]) == (240, 2), suffix
        assert again.resolution.per("inch")[0] == pytest.approx(240, abs=0.02), suffix
    exif[282] = exif[283] = 350.0
    assert read(jpeg(dpi=(72, 72), exif=exif.tobytes()))[0].resolution == Resolution(350, 350)


def test_a_turned_image_has_a_turned_resolution():
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Orientation] = 6
    metadata, _ = read(jpeg(dpi=(100, 200), exif=exif.tobytes()))
    assert metadata.resolution == Resolution(200, 100)


def test_the_aspect_of_pixels_travels():
    metadata, _ = read(png((b"pHYs", struct.pack(">IIB", 3, 4, 0))))
    assert metadata.resolution == Resolution(3, 4, "")
    for suffix in ("png", "jpg", "tif"):
        again, codes = carried(metadata, suffix)
        assert again.resolution.x * 4 == again.resolution.y * 3
        assert (again.resolution.unit, codes) == ("", [])
    assert carried(metadata, "bmp")[1] == ["metadata-dropped"]


# Parts that are left out


def xmp(body, **namespaces):
    declared = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in namespaces.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        f'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="kept" {declared} {body}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


GAIN_MAP = xmp(
    'hdrgm:Version="1.0"><Container:Directory><rdf:Seq/></Container:Directory>',
    hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/",
    Container="http://ns.google.com/photos/1.0/container/",
)
MOTION = xmp(
    'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="99">',
    GCamera="http://ns.google.com/photos/1.0/camera/",
)
MPF = (0xE2, b"MPF\0II*\0")
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(40)


@pytest.mark.parametrize(
    ("segments", "tail", "codes"),
    [
        ([(0xE1, XMP_HEADER + GAIN_MAP), MPF], jpeg(), ["gain-map-dropped"]),
        ([(0xE2, b"urn:iso:std:iso:ts:21496:-1\0"), MPF], jpeg(), ["gain-map-dropped"]),
        ([MPF], jpeg((0xE1, XMP_HEADER + b"aux:hdrgainmap")), ["gain-map-dropped"]),
        ([MPF], jpeg(), ["pages-dropped"]),
        ([(0xE1, XMP_HEADER + MOTION)], VIDEO, ["motion-dropped"]),
        ([], VIDEO, ["motion-dropped"]),
        ([(0xE1, XMP_HEADER + MOTION)], b"", ["metadata-dropped"]),
        ([], b"\0\0", []),
        ([(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb")], b"", ["metadata-dropped"]),
    ],
)
def test_parts_are_left_out_told_and_not_pointed_at(segments, tail, codes):
    metadata, told = read(jpeg(*segments, tail=tail))
    assert told == codes
    for suffix in ("jpg", "png"):
        data, _ = written(metadata, suffix)
        for word in (b"hdrgm:", b"Container:D", b":MotionPhoto", b":MicroVideo", b"MPF\0", b"ftyp"):
            assert word not in data
    if metadata.xmp:
        assert b'dc:source="kept"' in metadata.xmp


def test_a_progressive_jpeg_ends_where_its_last_scan_ends():
    assert read(jpeg(progressive=True, tail=VIDEO))[1] == ["motion-dropped"]
    assert read(jpeg(progressive=True))[1] == []


@pytest.mark.parametrize("kind", [b"caBX", b"prVW"])
def test_chunks_that_nothing_reads_are_told(kind):
    assert read(png((kind, b"some content")))[1] == ["metadata-dropped"]


@pytest.mark.parametrize(
    "chunk",
    [(b"eXIf", b"LoremIpsum"), (b"cICP", b"\1"), (b"zTXt", b"Title\0\0rubbish"), (b"mDCV", b"")],
)
def test_damaged_chunks_are_told_and_do_not_stop_an_image(chunk):
    metadata, codes = read(png(chunk))
    assert codes == ["metadata-damaged"]
    assert not metadata


def test_blocks_that_imagemagick_writes_as_texts_are_read():
    def raw(name, block):
        digits = "\n".join(block.hex()[at : at + 72] for at in range(0, 2 * len(block), 72))
        text = f"\n{name}\n{len(block):8}\n{digits}\n\0"
        return (b"tEXt", f"Raw profile type {name}".encode() + b"\0" + text.encode())

    exif = PillowImage.Exif()
    exif[ExifTags.Base.Make] = "maker"
    data = png(raw("exif", exif.tobytes()), raw("iptc", photoshop_segment(IPTC)))
    metadata, codes = read(data)
    assert not codes
    assert parse_exif(Image(COLOR, metadata=metadata))[ExifTags.Base.Make] == "maker"
    assert metadata.iptc == IPTC
    assert not metadata.texts


def test_parts_of_avif_are_told():
    plain = written(Metadata(), "avif")[0]
    credentials = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"manifest"
    assert read(plain)[1] == []
    assert read(plain + box(b"mpvd", VIDEO))[1] == ["motion-dropped"]
    assert read(plain + box(b"uuid", credentials))[1] == ["metadata-dropped"]
    depth = Property(b"auxC", b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:depth\0")
    assert read(b"".join(with_metadata(plain, [depth], [])))[1] == ["metadata-dropped"]


def test_credentials_in_webp_are_told():
    data = written(Metadata(), "webp", EncodingOptions(lossless=True))[0]
    data += b"C2PA" + struct.pack("<I", 4) + b"text"
    assert read(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])[1] == ["metadata-dropped"]


def test_georeferences_are_told():
    """ModelPixelScale of GeoTIFF: a pixel is smaller now."""
    exif = PillowImage.Exif()
    exif.update({33550: (10.0, 10.0, 0.0), ExifTags.Base.Make: "maker"})
    metadata, codes = read(jpeg(exif=exif.tobytes()))
    assert codes == ["metadata-dropped"]
    assert 33550 not in parse_exif(Image(COLOR, metadata=metadata))


@pytest.mark.parametrize("suffix", ["avif", "tif", "webp"])
def test_gray_that_becomes_rgb_gets_no_profile_of_gray(suffix):
    alpha = np.full(COLOR.shape[:2], 30_000, np.uint16)
    gray = np.repeat(COLOR[..., :1], 3, axis=2).astype(np.uint16) * 257
    image = Image(gray, is_gray=True, alpha=alpha, metadata=described(gamma=100_000))
    metadata, codes = read(b"".join(encode_image(image, Path(f"a.{suffix}"))))
    assert metadata.icc[16:20] == b"RGB "
    assert not codes


def test_sizes_in_xmp_are_those_of_the_result():
    stated = xmp(
        'tiff:ImageWidth="3" exif:PixelYDimension="4">',
        tiff="http://ns.adobe.com/tiff/1.0/",
        exif="http://ns.adobe.com/exif/1.0/",
    )
    again = carried(Metadata(xmp=stated), "png")[0].xmp
    height, width = COLOR.shape[:2]
    assert b'ImageWidth="%d"' % width in again
    assert b'PixelYDimension="%d"' % height in again


# Extended XMP


def test_extended_xmp_travels():
    long = xmp(
        f'GDepth:Data="{"QUJD" * 30_000}">', GDepth="http://ns.google.com/photos/1.0/depthmap/"
    )
    data, codes = written(Metadata(xmp=long), "jpg")
    assert not codes
    assert data.count(EXTENDED_JPEG_HEADER) == 2
    metadata, codes = read(data)
    assert not codes
    assert b'Data="' + b"QUJD" * 30_000 + b'"' in metadata.xmp
    assert metadata.xmp.count(b'dc:source="kept"') == 1
    assert b"HasExtendedXMP" not in metadata.xmp
    for suffix in ("png", "webp", "tif", "avif"):
        assert carried(metadata, suffix)[0].xmp == metadata.xmp, suffix


def test_a_missing_part_of_extended_xmp_is_told():
    long = xmp(
        f'GDepth:Data="{"QUJD" * 30_000}">', GDepth="http://ns.google.com/photos/1.0/depthmap/"
    )
    data, _ = written(Metadata(xmp=long), "jpg")
    at = data.rindex(EXTENDED_JPEG_HEADER) - 4
    length = struct.unpack_from(">H", data, at + 2)[0] + 2
    metadata, codes = read(data[:at] + data[at + length :])
    assert codes == ["metadata-damaged"]
    assert b"kept" in metadata.xmp


# Leaving out on request


def private():
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Make] = "maker"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.MakerNote: bytes(range(256)), 0xA001: 1}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (48.0, 8.0, 14.5)}
    place = xmp(
        'exif:GPSLatitude="48,8N" photoshop:City="Munich" dc:rights="mine">',
        exif="http://ns.adobe.com/exif/1.0/",
        photoshop="http://ns.adobe.com/photoshop/1.0/",
    )
    return Metadata(
        icc=profile(),
        exif=exif.tobytes()[6:],
        xmp=place,
        iptc=IPTC,
        resolution=Resolution(300, 300),
        texts=(Text("exif:GPSLatitude", "48"),),
        comments=(b"a comment",),
    )


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_positions_and_maker_notes_are_carried_unless_they_are_not_wanted(suffix):
    def parts(*strip):
        metadata = read(written(private(), suffix, EncodingOptions(strip=strip))[0])[0]
        exif = parse_exif(Image(COLOR, metadata=metadata))
        note = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.MakerNote)
        assert exif[ExifTags.Base.Make] == "maker"
        assert b"mine" in metadata.xmp
        text = b"GPSLatitude" in metadata.xmp, b"Munich" in metadata.xmp
        assert b"lighthouse" in (metadata.iptc or b"lighthouse")
        assert (b"Lisbon" in (metadata.iptc or b"Lisbon")) == text[0] or not metadata.iptc
        return dict(exif.get_ifd(ExifTags.IFD.GPSInfo)), note, text

    place = {1: "N", 2: (48, 8, 14.5)}
    assert parts() == (place, bytes(range(256)), (True, True))
    assert parts("location") == ({}, bytes(range(256)), (False, False))
    assert parts("maker-notes") == (place, None, (True, True))
    assert parts("location", "maker-notes") == ({}, None, (False, False))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_stripping_leaves_the_description_of_color(suffix):
    options = EncodingOptions(strip_metadata=True)
    metadata = read(written(private(), suffix, options)[0])[0]
    assert metadata == Metadata(icc=profile())
    hdr = replace(private(), icc=None, color=ColorDescription(cicp=P3))
    again = read(written(hdr, suffix, options)[0])[0]
    assert (again.icc or again.color.cicp) and not (again.exif or again.xmp or again.texts)


# The files on which it was seen


@pytest.mark.parametrize(
    ("name", "cicp"),
    [
        ("03-avif-hdr-pq-bt2020-by-nclx.avif", PQ),
        ("01967__colors_hdr_p3.avif", Cicp(12, 16)),
        ("03-png-hdr-pq-by-cICP.png", PQ),
    ],
)
def test_files_of_hdr_stay_hdr(name, cicp):
    metadata = read_image(shared(f"cases/pictures/{name}")).metadata
    for suffix in ("png", "avif"):
        assert carried(metadata, suffix)[0].color.cicp == cicp
