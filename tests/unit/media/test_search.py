import os
import socket

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import InvalidOptionError, UnreadableMediaError, UnsupportedMediaError
from realesr.media.formats import IMAGES, VIDEOS
from realesr.media.search import Search
from realesr.options import FileOptions
from realesr.plan import make_plan

MP4 = b"\0\0\0\x14ftypisom\0\0\0\0avc1"
OPUS = b"OggS" + bytes(24) + b"OpusHead"
THEORA = b"OggS" + bytes(24) + b"\x80theora"
TYPESCRIPT = b"export const answer = 42\n"
TRANSPORT = (b"\x47" + bytes(187)) * 5


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    return place


def picture(path, name="PNG"):
    PillowImage.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path, format=name)
    return path


def plan(folder, *, kind=IMAGES, output="out", **options):
    inputs = (folder,) if not isinstance(folder, tuple) else folder
    place = inputs[0].parent / output
    return make_plan(FileOptions(inputs=inputs, output=place, **options), kind)


def outputs(made):
    return {job.source.name: job.destination.name for job in made.jobs}


def test_content_decides_where_the_name_does_not(folder):
    picture(folder / "photo.dat", "JPEG")
    picture(folder / "IMG_0001", "WEBP")
    picture(folder / "film.mp4")
    picture(folder / "old.jfif", "JPEG")
    (folder / "clip.bin").write_bytes(MP4)
    (folder / "notes.txt").write_text("text")
    (folder / "empty").touch()
    made = plan(folder)
    assert outputs(made) == {
        "IMG_0001": "IMG_0001_out.webp",
        "film.mp4": "film_out.png",
        "old.jfif": "old_out.jpg",
        "photo.dat": "photo_out.jpg",
    }
    assert [path.name for path in made.skipped] == ["clip.bin", "empty", "notes.txt"]
    assert outputs(plan(folder, kind=VIDEOS)) == {
        "clip.bin": "clip_out.mp4",
        "film.mp4": "film_out.mp4",  # a name that fits is believed
    }


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.ogg", THEORA, "a_out.mkv"),
        ("a.ogg", OPUS, None),
        ("a.mka", b"\x1a\x45\xdf\xa3", None),
        ("a.m4a", MP4, None),
        ("a.ts", TRANSPORT, "a_out.mkv"),
        ("a.ts", TYPESCRIPT, None),
        ("a.qt", b"", "a_out.mov"),
        ("a.f4v", b"", "a_out.mp4"),
        ("a.mxf", b"", "a_out.mkv"),
        ("a", MP4, "a_out.mp4"),
    ],
)
def test_videos_are_told_from_sound_and_text(folder, name, content, expected):
    (folder / name).write_bytes(content)
    (folder / "z.mp4").touch()
    assert outputs(plan(folder, kind=VIDEOS)).get(name) == expected


def test_files_are_opened_only_where_their_name_says_nothing(folder, monkeypatch):
    for name in ("a.png", "b.jpg", "c.avif"):
        (folder / name).touch()
    monkeypatch.setattr("realesr.media.search.content_of", pytest.fail)
    assert len(plan(folder).jobs) == 3


def test_a_named_file_is_known_by_its_content_too(folder):
    (job,) = plan(picture(folder / "scan.dat")).jobs
    assert job.destination.name == "scan_out.png"
    (job,) = plan(folder / "s*").jobs
    assert job.destination.name == "scan_out.png"
    (folder / "a.bin").write_bytes(MP4)
    with pytest.raises(UnsupportedMediaError, match=r"a\.bin: .*`realesr video` upscales videos"):
        plan(folder / "a.bin")
    with pytest.raises(
        UnsupportedMediaError, match=r"scan\.dat: .*`realesr image` upscales images"
    ):
        plan(folder / "scan.dat", kind=VIDEOS)


def test_bad_inputs_fail_alone(folder):
    good = picture(folder / "a.png")
    (folder / "notes.txt").write_text("text")
    (folder / "none").mkdir()
    long = folder / ("x" * 300 + ".png")
    inputs = (folder / "gone.png", good, folder / "notes.txt", folder / "none", long)
    made = plan(inputs)
    assert [job.source for job in made.jobs] == [good]
    said = {refusal.source.name: str(refusal.error) for refusal in made.refused}
    assert "no such file" in said["gone.png"]
    assert "not the name of an image" in said["notes.txt"]
    assert "holds no image" in said["none"]
    assert "File name too long" in said[long.name]
    with pytest.raises(UnreadableMediaError, match="File name too long"):
        plan(long)


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
def test_what_is_no_file_is_left_out_and_told(folder, monkeypatch):
    picture(folder / "a.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "gone").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(folder)  # a longer path is none of a socket
        server.bind("socket.png")
        made = plan(folder)
    assert [job.source.name for job in made.jobs] == ["a.png"]
    assert [(notice.code, str(notice).partition(f"{folder}/")[2]) for notice in made.notices] == [
        ("special-file-skipped", "gone is a link that leads nowhere: left out"),
        ("special-file-skipped", "pipe.png is a FIFO: left out"),
        ("special-file-skipped", "socket.png is a socket: left out"),
        ("special-file-skipped", "zero.png is a device: left out"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_links_to_folders_are_followed_where_they_are_named_alone(folder):
    for name in ("in", "other"):
        (folder / name).mkdir()
    picture(folder / "in/a.png")
    picture(folder / "other/b.png")
    (folder / "in/link").symlink_to("../other")
    made = plan(folder / "in", recursive=True)
    assert [job.source.name for job in made.jobs] == ["a.png"]
    assert [str(notice).rpartition("/in/")[2] for notice in made.notices] == [
        "link is a link to a folder, which is not followed: left out"
    ]
    assert not plan(folder / "in").notices  # nobody asked for folders in it
    assert [job.source.name for job in plan(folder / "in/link").jobs] == ["b.png"]


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_broken_links_fail_alone(folder):
    picture(folder / "a.png")
    (folder / "b.png").symlink_to("b.png")
    (folder / "c.png").symlink_to("nowhere")
    (folder / "d.png").symlink_to("a.png")  # the same image, done once
    (folder / "circle").symlink_to(".")
    made = plan(folder, recursive=True)
    assert [job.source.name for job in made.jobs] == ["a.png"]
    assert [str(refusal.error).partition(": ")[2] for refusal in made.refused] == [
        "Too many levels of symbolic links",
        "No such file or directory",
    ]
    with pytest.raises(UnreadableMediaError, match=r"b\.png: Too many levels"):
        plan(folder / "b.png")


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
def test_a_fifo_that_is_named_is_a_stream_of_an_image(folder):
    os.mkfifo(folder / "pipe")
    (job,) = plan(folder / "pipe").jobs
    assert job.destination.name == "pipe_out.png"
    with pytest.raises(UnsupportedMediaError, match="is a FIFO, and no file that a video"):
        plan(folder / "pipe", kind=VIDEOS)
    with pytest.raises(UnsupportedMediaError, match="is a device"):
        plan(folder / "../../../../../../dev/null")


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_read_is_told(folder, monkeypatch):
    picture(folder / "a.png")
    (folder / "secret").mkdir()
    scan = os.scandir

    def scan_others(path):
        if os.fspath(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("realesr.media.search.os.scandir", scan_others)
    made = plan(folder, recursive=True)
    assert [job.source.name for job in made.jobs] == ["a.png"]
    assert [str(each.error) for each in made.refused] == [f"{folder}/secret: Permission denied"]
    with pytest.raises(UnreadableMediaError, match="secret: Permission denied"):
        plan(folder / "secret")


@pytest.mark.parametrize("name", ["big.heic", "big.HEIC", "big.mp4", "big.psd"])
def test_an_output_that_cannot_be_written_is_no_folder(folder, name):
    picture(folder / "a.png")
    with pytest.raises(InvalidOptionError, match=rf"`output` .*{name}: images are not written as"):
        plan(folder, output=name)
    (folder.parent / name).mkdir()
    assert outputs(plan(folder, output=name)) == {"a.png": "a_out.png"}
    (folder / "a.mkv").touch()
    with pytest.raises(InvalidOptionError, match=r"videos are not written as \.avi"):
        plan(folder, kind=VIDEOS, output="big.avi")


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
def test_an_output_that_is_a_fifo_is_refused(folder):
    picture(folder / "a.png")
    os.mkfifo(folder.parent / "b.png")
    with pytest.raises(InvalidOptionError, match=r"b\.png is a FIFO, which is not replaced"):
        plan(folder, output="b.png")


def test_an_input_below_the_output_is_an_input(folder):
    (folder / "deep").mkdir()
    picture(folder / "deep/a.png")
    made = plan(folder, output=".", recursive=True)
    assert [job.destination for job in made.jobs] == [folder.parent / "deep/a_out.png"]


def test_names_that_are_not_text_are_names(folder):
    name = os.fsdecode(b"b\xff.png")
    picture(folder / name)
    assert outputs(plan(folder)) == {name: os.fsdecode(b"b\xff_out.png")}


def test_deep_trees_ask_for_each_folder_once(folder, monkeypatch):
    place = folder
    for level in range(20):
        place = place / f"level{level}"
        place.mkdir()
        (place / "a.png").touch()
    real, calls = os.path.realpath, []
    monkeypatch.setattr(
        "realesr.media.search.os.path.realpath", lambda path: calls.append(path) or real(path)
    )
    options = FileOptions(inputs=(folder,), output=folder / "o", recursive=True)
    assert len(list(Search(options, IMAGES).sources())) == 20
    assert len(calls) < 30
