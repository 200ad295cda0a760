import subprocess

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.media.content import Content, content_of, identify
from realesr.media.formats import IMAGES, VIDEOS
from realesr.media.video.ffmpeg import find_ffmpeg

from support.paths import shared


def box(kind, *brands):
    return (8 + 4 * len(brands)).to_bytes(4, "big") + kind + b"".join(brands)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"\xff\xd8\xff\xe1", ".jpg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", ".webp"),
        (b"II*\0\x08\0\0\0", ".tif"),
        (b"MM\0*\0\0\0\x08", ".tif"),
        (b"II+\0\x08\0\0\0", ".tif"),
        (b"MM\0+\0\x08\0\0", ".tif"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", ".bmp"),
        (b"GIF89a", ".gif"),
        (b"8BPS\0\x01", ".psd"),
        (b"v/1\x01\2\0\0\0", ".exr"),
        (b"#?RADIANCE\n", ".hdr"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", ".jp2"),
        (b"\xff\x4f\xff\x51\0", ".j2k"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", ".jxl"),
        (b"\xff\x0a\xfa\x00", ".jxl"),
        (b"P6\n# by a scanner\n8 6\n255\n", ".ppm"),
        (b"P5 8 6 255 ", ".pgm"),
        (b"P4\n8 6\n", ".pbm"),
        (b"PF\n8 6\n-1.0\n", ".ppm"),
        (b"FUJIFILMCCD-RAW 0201", ".raf"),
        (b"IIU\0", ".rw2"),
        (box(b"ftyp", b"avif", bytes(4), b"mif1"), ".avif"),
        (box(b"ftyp", b"avis", bytes(4), b"avif"), ".avif"),
        (box(b"ftyp", b"mif1", bytes(4), b"avif"), ".avif"),
        (box(b"ftyp", b"mif1", bytes(4), b"heic"), ".heic"),
        (box(b"ftyp", b"heic", bytes(4)), ".heic"),
        (box(b"ftyp", b"crx ", bytes(4)), ".cr3"),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\xff\0\0\0\x16\0\0\0", ".ico"),
    ],
)
def test_images_are_known_by_their_first_bytes(head, suffix):
    assert identify(head + bytes(64)) == Content("image", suffix)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (box(b"ftyp", b"isom", bytes(4), b"avc1"), ".mp4"),
        (box(b"ftyp", b"qt  ", bytes(4)), ".mov"),
        (box(b"ftyp", b"3gp4", bytes(4)), ".mp4"),
        (b"\0\0\x10\0moov", ".mov"),
        (b"\0\0\0\x08wide\x70\0\0\0mdat", ".mov"),
        (b"\x1a\x45\xdf\xa3\x01", ".mkv"),
        (b"RIFF\0\0\0\0AVI LIST", ".avi"),
        (b"FLV\x01\x05", ".flv"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", ".asf"),
        (b"\0\0\x01\xba\x44", ".mpg"),
        (b"\0\0\x01\xb3\x14", ".m2v"),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01", ".mxf"),
        (b"YUV4MPEG2 W64 H48", ".y4m"),
        (b"DKIF\0\0\x20\0VP80", ".ivf"),
        (b".RMF\0\0\0\x12", ".rm"),
        (b"nut/multimedia container\0", ".nut"),
        (b"\x1f\x07\0\x3f", ".dv"),
        (b"\x12\0\x0a\x0b\0\0\0", ".obu"),
        (b"\0\0\0\1\x67\x64", ".h264"),
        (b"\0\0\1\x09\xf0", ".h264"),
        (b"\0\0\0\1\x40\x01", ".h265"),
        (b"\0\0\1\xb0\x01", ".m4v"),
        (b"OggS" + bytes(24) + b"\x80theora", ".ogv"),
        ((b"\x47" + bytes(187)) * 5, ".ts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 5, ".ts"),
    ],
)
def test_videos_are_known_by_their_first_bytes(head, suffix):
    assert identify(head) == Content("video", suffix)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"P",
        b"The freedom of names\n",
        b"P1 is a road, P2 another",
        b"P3\nwas not a number",
        b"BMW and other cars, of which there are many",
        b"GIFs are fun",
        b"Gggggggg" * 300,
        b"\0\0\1\0",
        b"\0\0\0\1",
        b"II*",
        b"\x00\x01\x00\x00\x00\x0f\x00\x80\x00\x03",  # a font
        bytes(4096),
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x1f\x8b\x08\x00",
        b"ID3\x04",
        b"fLaC\0",
    ],
)
def test_anything_else_is_no_medium(head):
    assert identify(head) is None


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\0\0\0\0WAVEfmt ",
        box(b"ftyp", b"M4A ", bytes(4), b"isom"),
        b"OggS" + bytes(24) + b"\x01vorbis",
        b"OggS" + bytes(24) + b"OpusHead",
    ],
)
def test_sound_is_neither(head):
    assert identify(head).kind == "audio"


@pytest.mark.parametrize(
    "name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "GIF", "PPM", "ICO"]
)
def test_what_encoders_write_is_recognized(tmp_path, name):
    path = tmp_path / "file"
    image = PillowImage.fromarray(np.zeros((16, 16, 3), np.uint8))
    image.save(path, format=name)
    assert content_of(path).kind == "image"
    if name in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF"):
        suffix = content_of(path).suffix
        assert IMAGES.format_of(tmp_path / f"a{suffix}").name == name


def test_what_muxers_write_is_recognized(tmp_path):
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi"]
    command += ["-i", "testsrc=size=720x576:rate=25:duration=0.08"]
    expected = {
        "mp4": ".mp4",
        "mov": ".mov",
        "matroska": ".mkv",
        "avi": ".avi",
        "mpegts": ".ts",
        "flv": ".flv",
        "asf": ".asf",
        "vob": ".mpg",
        "ogg": ".ogv",
        "mxf": ".mxf",
        "yuv4mpegpipe": ".y4m",
        "dv": ".dv",
        "nut": ".nut",
        "h264": ".h264",
        "mpeg2video": ".m2v",
        "m4v": ".m4v",
        "rm": ".rm",
    }
    codecs = {"ogg": "libtheora", "yuv4mpegpipe": "wrapped_avframe", "dv": "dvvideo", "rm": "rv10"}
    codecs |= {"h264": "libx264", "m4v": "mpeg4", "mxf": "mpeg2video", "vob": "mpeg2video"}
    for muxer in expected:
        codec = codecs.get(muxer)
        size = ["-s", "704x576"] if muxer == "rm" else []
        form = ["-pix_fmt", "yuv420p", *size, *(["-c:v", codec] if codec else [])]
        command += [*form, "-f", muxer, str(tmp_path / muxer)]
    subprocess.run([*command, "-y"], check=True)
    found = {muxer: content_of(tmp_path / muxer) for muxer in expected}
    assert found == {muxer: Content("video", suffix) for muxer, suffix in expected.items()}
    assert {VIDEOS.matches(tmp_path / f"a{suffix}") for suffix in expected.values()} == {True}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pictures/06-jpeg-named.jfif", "image"),
        ("pictures/08-heic-named.jpg", "image"),
        ("pictures/00743_3_body.avif", "image"),
        ("videos/clip.y4m", "video"),
        ("videos/material.mxf", "video"),
        ("videos/joined.ts", "video"),
        ("videos/sphere360_v1.mp4", "video"),
        ("videos/cover_first_unmarked.mkv", "video"),
    ],
)
def test_files_of_strangers(name, kind):
    assert content_of(shared(f"cases/{name}")).kind == kind
