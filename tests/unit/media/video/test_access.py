"""Libraries open nothing but what the list allows."""

import re

import pytest

from realesr.errors import UnreadableMediaError
from realesr.media.video import access
from realesr.media.video.probe import probe
from realesr.media.video.reading import open_input

from support.clips import make_clip
from support.paths import ROOT

NAMES_OTHERS = (
    *("concat", "concatf", "hls", "dash", "webm_dash_manifest", "imf", "sdp", "rtsp", "rtp", "sap"),
    *("avisynth", "vapoursynth", "image2", "image2pipe", "png_pipe", "jpeg_pipe", "tty", "lavfi"),
    *("tee", "ffmetadata", "vobsub", "data", "bin", "rawvideo", "dvdvideo", "libgme"),
)


def test_no_kind_that_names_other_files_is_opened():
    assert not set(NAMES_OTHERS) & set(access.DEMUXERS)
    assert access.PROTOCOLS == ("file", "pipe")


def test_every_input_is_opened_with_the_list(tmp_path):
    arguments = access.arguments(tmp_path / "-a:b.mp4", "-t", "1")
    assert arguments[-4:] == ["-t", "1", "-i", f"file:{tmp_path}/-a:b.mp4"]
    assert "-protocol_whitelist" in arguments
    for path in (ROOT / "src/realesr/media/video").glob("*.py"):
        text = path.read_text()
        if path.name != "access.py":  # the only places that open files
            assert not re.search(r'"-i", url\(', text), path
        if path.name not in ("reading.py", "output.py"):
            assert "av.open(" not in text, path
    assert (ROOT / "src/realesr/media/video/source.py").read_text().count("ffmpeg.input(") == 1


@pytest.mark.parametrize(
    "head", [b"#EXTM3U\n", b"ffconcat version 1.0\n", b"<?xml?>", b"\xef\xbb\xbftext"]
)
def test_a_text_is_called_one(tmp_path, head):
    path = tmp_path / "file"
    path.write_bytes(head)
    assert "is a text" in access.refusal(path)
    assert "of a kind" in access.refusal(tmp_path / "missing")
    path.write_bytes(head + b"\0")
    assert "of a kind" in access.refusal(path)


def test_the_time_for_opening_is_limited(tmp_path, monkeypatch):
    clip = make_clip(tmp_path / "in.ts", "-c:v", "mpeg2video")
    monkeypatch.setattr(access, "OPENING_S", 0.0)
    with pytest.raises(UnreadableMediaError, match="within 0 s"):
        probe(clip)
    monkeypatch.undo()
    with open_input(clip) as container:
        assert container.streams.video
