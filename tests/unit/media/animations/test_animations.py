"""What is read from animations, and what comes back from each format."""

import errno
import os
import re
import struct
import zlib
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.errors import UnreadableMediaError, UnsupportedMediaError, UnwritableMediaError
from realesr.imaging.image import Image, Metadata
from realesr.media.animations import avif_boxes
from realesr.media.animations.content import is_animated, read_timeline
from realesr.media.animations.sink import Playback
from realesr.media.animations.source import AnimationSource
from realesr.media.animations.writers import make_sink
from realesr.media.formats import IMAGES
from realesr.media.frames import Frame
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.options import EncodingOptions, VideoOptions

from support.animations import (
    DURATIONS_MS,
    drawn_frames,
    frames_of,
    rgba,
    save_animation,
    save_gif_with_far_frame,
    visible,
)
from support.icc import profile

DURATIONS = tuple(Fraction(each, 1000) for each in DURATIONS_MS)
FORMATS = (".gif", ".webp", ".png", ".avif")


def write(path, frames, *, notices=None, lossless=False, **playback):
    """Writes frames: pairs of image and duration, s; or of image and time, if durations is off."""
    target = IMAGES.format_of(path)
    sink = make_sink(
        path,
        target=target,
        playback=Playback(**playback),
        binary=find_ffmpeg(),
        encoding=EncodingOptions(lossless=lossless and target.is_lossy),
        notify=(notices if notices is not None else []).append,
    )
    time = Fraction(0)
    with sink:
        for index, (image, duration) in enumerate(frames):
            frame = Frame(index=index, image=image, pts=time, duration=duration)
            sink.write(sink.prepare(frame, image.size))
            time += duration
    return path


def sink_of(path):
    return make_sink(
        path,
        target=IMAGES.format_of(path),
        playback=Playback(),
        binary=find_ffmpeg(),
        encoding=EncodingOptions(),
        notify=print,
    )


def copy(source, destination, **options):
    with AnimationSource(source) as opened:
        frames = [(frame.image, frame.duration) for frame in opened]
        return write(destination, frames, plays=opened.timeline.plays, **options)


# Reading


@pytest.mark.parametrize(
    ("suffix", "loop", "plays"),
    [
        (".gif", 3, 4),  # the first play does not count
        (".gif", 0, 0),
        (".gif", None, 1),
        (".webp", 3, 3),
        (".webp", 0, 0),
        (".png", 3, 3),
        (".png", 0, 0),
        (".avif", None, 0),
    ],
)
def test_times_and_plays_are_those_of_the_file(tmp_path, suffix, loop, plays):
    options = {} if loop is None else {"loop": loop}
    path = save_animation(tmp_path / f"a{suffix}", **options)
    timeline = read_timeline(path)
    assert is_animated(path)
    assert timeline.durations == DURATIONS
    assert timeline.plays == plays
    with AnimationSource(path) as source:
        frames = list(source)
        assert source.frame_count == len(frames) == 5
    assert [frame.duration for frame in frames] == list(DURATIONS)
    assert [frame.pts for frame in frames] == [sum(DURATIONS[:i]) for i in range(5)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_single_image_is_no_animation(tmp_path, suffix):
    drawn_frames(1)[0].save(tmp_path / f"a{suffix}")
    assert not is_animated(tmp_path / f"a{suffix}")


def test_what_is_no_image_is_no_animation(tmp_path):
    for number, data in enumerate(
        [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n\xff", b"RIFF1234WEBP", b"x"]
    ):
        path = tmp_path / f"{number}.gif"
        path.write_bytes(data)
        assert not is_animated(path)
    assert not is_animated(tmp_path)
    assert not is_animated(tmp_path / "absent.gif")


def ffmpeg_frames(path):
    with av.open(path) as container:
        for frame in container.decode(video=0):
            values = frame.to_ndarray(format="rgba")
            values[values[..., 3] == 0] = 0
            yield values


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.parametrize("is_transparent", [False, True])
def test_frames_of_a_gif_are_those_of_ffmpeg(tmp_path, disposal, is_transparent):
    frames = drawn_frames(is_transparent=is_transparent)
    path = save_animation(tmp_path / "a.gif", frames, disposal=disposal)
    ours = frames_of(path)
    for one, other in zip(ours, ffmpeg_frames(path), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
@pytest.mark.parametrize("is_soft", [False, True])
def test_frames_of_a_png_are_those_of_ffmpeg(tmp_path, disposal, blend, is_soft):
    frames = drawn_frames()
    if is_soft:
        for number, frame in enumerate(frames):
            frame.putalpha(
                frame.getchannel("A").point(lambda level, n=number: level * (n + 3) // 8)
            )
    path = save_animation(tmp_path / "a.png", frames, disposal=disposal, blend=blend)
    for one, other in zip(frames_of(path), ffmpeg_frames(path), strict=True):
        assert abs(one[..., 3].astype(int) - other[..., 3]).max() <= 1
        # a color of little alpha is rounded coarsely by ffmpeg
        solid = one[..., 3] > 100
        assert abs(one.astype(int) - other)[solid].max(initial=0) <= 2


def test_an_opaque_animation_has_no_alpha(tmp_path):
    path = save_animation(tmp_path / "a.gif", drawn_frames(is_transparent=False))
    with AnimationSource(path) as source:
        assert all(frame.image.alpha is None for frame in source)


def test_a_hole_in_the_last_frame_gives_all_frames_alpha(tmp_path):
    frames = [*drawn_frames(4, is_transparent=False), drawn_frames(5)[4]]
    path = save_animation(tmp_path / "a.webp", frames, lossless=True)
    with AnimationSource(path) as source:
        alphas = [frame.image.alpha for frame in source]
    assert [alpha.min() for alpha in alphas] == [255, 255, 255, 255, 0]


def test_a_gif_without_times_is_played_as_browsers_do(tmp_path):
    path = save_animation(tmp_path / "a.gif", durations=[0, 10, 20, 30, 0])
    notices = []
    with AnimationSource(path, notify=notices.append) as source:
        durations = [float(frame.duration) for frame in source]
    assert durations == [0.1, 0.1, 0.02, 0.03, 0.1]
    assert [notice.code for notice in notices] == ["times-rounded"]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (VideoOptions(start=Fraction(1, 10)), [2, 3, 4]),
        (VideoOptions(end=Fraction(1, 10)), [0, 1]),
        (VideoOptions(frames=2), [0, 1]),
        (VideoOptions(start=Fraction(1, 20), frames=1), [1]),
    ],
)
def test_a_part_can_be_read(tmp_path, options, numbers):
    path = save_animation(tmp_path / "a.png")
    whole = frames_of(path)
    with AnimationSource(path, options=options) as source:
        frames = list(source)
        assert source.frame_count == len(numbers)
    assert [frame.index for frame in frames] == list(range(len(numbers)))
    for frame, number in zip(frames, numbers, strict=True):
        assert (rgba(frame.image) == whole[number]).all()


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_the_frames_before_damage_are_taken_and_the_others_counted(tmp_path, suffix):
    noise = np.random.default_rng(1).integers(0, 256, (5, 40, 40, 3), np.uint8)
    frames = [PillowImage.fromarray(each) for each in noise]
    path = save_animation(tmp_path / f"a{suffix}", frames)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    notices = []
    with AnimationSource(path, notify=notices.append) as source:
        found = list(source)
    assert 0 < len(found) < 5
    if source.decode_errors:
        assert "frames-damaged" in [notice.code for notice in notices]
    strict = AnimationSource(path, options=VideoOptions(is_strict=True))
    with strict as source, pytest.raises(UnreadableMediaError, match="is_strict"):
        list(source)


@pytest.mark.parametrize("number", [0, 1])
def test_a_frame_of_a_gif_that_reaches_too_far_is_refused(tmp_path, monkeypatch, number):
    """Pillow takes memory for the area of a first frame as early as it opens a file."""
    path = tmp_path / "far.gif"
    save_gif_with_far_frame(path, number)
    monkeypatch.setattr(PillowImage, "open", None)
    with pytest.raises(UnsupportedMediaError, match=r"far\.gif: says to be 60000x60000 px"):
        AnimationSource(path).__enter__()


def test_a_canvas_that_is_too_large_is_refused(tmp_path):
    path = save_animation(tmp_path / "a.webp")
    with pytest.raises(UnsupportedMediaError, match="`max_pixels` 1536"):
        AnimationSource(path, max_pixels=1000).__enter__()


# Writing


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_times_and_plays_survive_each_way(tmp_path, source, suffix):
    options = {"lossless": True} if source == ".webp" else {}
    first = save_animation(tmp_path / f"a{source}", **options)
    second = copy(first, tmp_path / "out" / f"b{suffix}", lossless=True)
    one, other = read_timeline(first), read_timeline(second)
    assert other.durations == one.durations
    assert other.plays == one.plays
    limit = 0 if (source, suffix) != (".avif", ".gif") else 40  # more than 256 colors
    for before, after in zip(frames_of(first), frames_of(second), strict=True):
        assert (before[..., 3] == after[..., 3]).all()
        assert abs(before.astype(int) - after).max() <= limit
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"b{suffix}"]


@pytest.mark.parametrize(("lossless", "limit"), [(True, 0), (False, 30)])
def test_avif_keeps_frames_alpha_times_and_plays(tmp_path, lossless, limit):
    first = save_animation(tmp_path / "a.gif", drawn_frames(3), loop=2)
    second = copy(first, tmp_path / "b.avif", lossless=lossless)
    one, other = read_timeline(first), read_timeline(second)
    assert (other.durations, other.plays) == (one.durations, one.plays)
    for before, after in zip(frames_of(first), frames_of(second), strict=True):
        difference = abs(before.astype(int) - after)
        assert difference.max() <= limit
        assert difference.mean() < 2


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".avif"])
def test_frames_look_the_same_to_pillow(tmp_path, suffix):
    frames = drawn_frames(3)
    images = [
        (Image(np.array(f)[..., :3].copy(), alpha=np.array(f)[..., 3].copy()), Fraction(1, 10))
        for f in frames
    ]
    path = write(tmp_path / f"a{suffix}", images, lossless=True)
    with PillowImage.open(path) as opened:
        assert opened.n_frames == 3
        for number, frame in enumerate(frames):
            opened.seek(number)
            assert (visible(opened) == visible(frame)).all()


def test_an_animated_png_keeps_16_bits_and_exact_times(tmp_path):
    random = np.random.default_rng(2)
    images = []
    for _ in range(3):
        pixels = random.integers(0, 65536, (9, 7, 3), np.uint16)
        images.append(Image(pixels, alpha=random.integers(0, 65536, (9, 7), np.uint16)))
    durations = [Fraction(1001, 24000), Fraction(1, 3), Fraction(7)]
    path = write(tmp_path / "a.png", list(zip(images, durations, strict=True)))
    assert read_timeline(path).durations == tuple(durations)
    with AnimationSource(path) as source:
        for frame, image in zip(source, images, strict=True):
            assert (frame.image.pixels == image.pixels).all()
            assert (frame.image.alpha == image.alpha).all()


def test_16_bit_frames_of_a_png_are_laid_over_each_other(tmp_path):
    """No other library does: ffmpeg blends 8 bits alone, and Pillow rounds to 8 before."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    def pixels(width, height, color):
        row = b"\0" + struct.pack(">4H", *color) * width
        return zlib.compress(row * height)

    def control(number, width, height, left, top, blend):
        return struct.pack(">IIIIIHHBB", number, width, height, left, top, 1, 10, 0, blend)

    back, front = (60000, 1000, 500, 65535), (0, 65535, 20000, 32768)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 3, 16, 6, 0, 0, 0))
        + chunk(b"acTL", struct.pack(">II", 2, 0))
        + chunk(b"fcTL", control(0, 4, 3, 0, 0, 0))
        + chunk(b"IDAT", pixels(4, 3, back))
        + chunk(b"fcTL", control(1, 2, 1, 1, 1, 1))
        + chunk(b"fdAT", struct.pack(">I", 2) + pixels(2, 1, front))
        + chunk(b"IEND", b"")
    )
    with AnimationSource(path) as source:
        first, second = (frame.image.pixels for frame in source)
    assert (first == back[:3]).all()
    share = front[3] / 65535
    mixed = [round(f * share + b * (1 - share)) for f, b in zip(front[:3], back[:3], strict=True)]
    assert second[1, 1].tolist() == second[1, 2].tolist() == mixed
    assert (np.delete(second.reshape(12, 3), [5, 6], axis=0) == back[:3]).all()


def test_gif_counts_in_hundredths_and_says_so(tmp_path):
    image = Image(np.zeros((4, 4, 3), np.uint8))
    images = [(Image(image.pixels + 40 * i), Fraction(1, 24)) for i in range(5)]
    notices = []
    path = write(tmp_path / "a.gif", images, notices=notices)
    durations = read_timeline(path).durations
    assert sum(durations) == Fraction(21, 100)  # 5/24 s, rounded once
    assert set(durations) == {Fraction(4, 100), Fraction(5, 100)}
    assert {notice.code for notice in notices} == {"colors-reduced", "times-rounded"}


def test_a_gif_of_60_frames_a_second_keeps_its_speed(tmp_path):
    images = [(Image(np.full((4, 4, 3), 4 * i, np.uint8)), Fraction(1, 60)) for i in range(30)]
    notices = []
    path = write(tmp_path / "a.gif", images, notices=notices)
    durations = read_timeline(path).durations
    assert min(durations) >= Fraction(2, 100)  # shorter ones are played in 1/10 s
    assert abs(sum(durations) - Fraction(1, 2)) <= Fraction(2, 100)
    assert "frames-left-out" in {notice.code for notice in notices}


def test_equal_frames_keep_their_time_in_webp(tmp_path):
    image = Image(np.zeros((4, 4, 3), np.uint8))
    other = Image(np.full((4, 4, 3), 200, np.uint8))
    images = [(each, Fraction(1, 10)) for each in (image, image, other, other, other)]
    timeline = read_timeline(write(tmp_path / "a.webp", images))
    assert sum(timeline.durations) == Fraction(1, 2)


def test_an_animated_png_keeps_its_profile(tmp_path):
    metadata = Metadata(icc=profile())
    images = [
        (Image(np.full((4, 4, 3), level, np.uint8), metadata=metadata), Fraction(1, 10))
        for level in (0, 200)
    ]
    with AnimationSource(write(tmp_path / "a.png", images)) as source:
        assert source.metadata.icc == metadata.icc
    notices = []
    write(tmp_path / "a.webp", images, notices=notices)
    assert [notice.code for notice in notices] == ["color-profile-dropped"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_stays_where_writing_fails(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    image = Image(np.zeros((4, 4, 3), np.uint8))

    def frames():
        yield image, Fraction(1, 10)
        yield image, Fraction(1, 10)
        raise KeyError

    with pytest.raises(KeyError):
        write(path, frames())
    assert not list(tmp_path.iterdir())


def test_tables_of_a_damaged_avif_are_not_trusted(tmp_path):
    data = save_animation(tmp_path / "a.avif", drawn_frames(2)).read_bytes()
    at = data.index(b"stts") + 12
    path = tmp_path / "b.avif"
    path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
    with path.open("rb") as file:
        assert avif_boxes.read_sequence(file) is None
    assert not is_animated(path)


@pytest.mark.parametrize(("lossless", "limit"), [(True, 64), (False, 2500)])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_avif_keeps_10_bits(tmp_path, lossless, limit, has_alpha):
    ramp = np.linspace(0, 65535, 48 * 32).astype(np.uint16).reshape(32, 48)
    images = []
    for number in range(2):
        pixels = np.stack((ramp, ramp[::-1], np.roll(ramp, 9 * number)), axis=2)
        images.append(Image(pixels, alpha=ramp[:, ::-1].copy() if has_alpha else None))
    path = write(
        tmp_path / "a.avif", [(each, Fraction(1, 10)) for each in images], lossless=lossless
    )
    with AnimationSource(path) as source:
        for frame, image in zip(source, images, strict=True):
            assert frame.image.pixels.dtype == np.uint16
            assert abs(frame.image.pixels.astype(int) - image.pixels).max() <= limit
            if has_alpha:
                assert abs(frame.image.alpha.astype(int) - image.alpha).max() <= limit


def test_a_box_that_says_to_be_huge_is_looked_at_as_far_as_it_is_there():
    head = b"\xff\xff\xff\xffftypavif" + bytes(4)
    assert not avif_boxes.is_sequence(head)
    assert avif_boxes.is_sequence(head + b"mif1avis")


def test_boxes_behind_the_end_are_not_there(tmp_path):
    head = b"\0\0\0\x10ftypavis" + bytes(4) + b"\0\0\0\1free" + b"\xff" * 8
    path = tmp_path / "a.avif"
    path.write_bytes(head)
    with path.open("rb") as file:
        assert avif_boxes.read_sequence(file) is None


def test_an_avif_has_no_more_frames_than_bytes(tmp_path):
    path = save_animation(tmp_path / "a.avif", drawn_frames(2))
    data = bytearray(path.read_bytes())
    at = data.index(b"stts") + 12
    struct.pack_into(">I", data, at, 1 << 20)
    with (tmp_path / "b.avif").open("wb+") as file:
        file.write(data)
        assert avif_boxes.read_sequence(file) is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_names_the_output_and_leaves_nothing(tmp_path, monkeypatch, suffix):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / f"a{suffix}"
    monkeypatch.setattr(type(sink_of(path)), "_put", fail)
    image = Image(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UnwritableMediaError, match=rf"a\{suffix}: .*make room there"):
        write(path, [(image, Fraction(1, 10))] * 3)
    assert not list(tmp_path.iterdir())


def test_the_folder_of_an_animation_is_known_for_a_leftover_later(tmp_path):
    path = tmp_path / "a.png"
    sink = sink_of(path)
    image = Image(np.zeros((4, 4, 3), np.uint8))
    with suppress(KeyError), sink:
        sink.write(sink.prepare(Frame(index=0, image=image, pts=Fraction(0)), image.size))
        (folder,) = tmp_path.iterdir()
        assert re.fullmatch(r"\.realesr-[0-9a-f]{16}-.+", folder.name)  # as those of `partial`
        raise KeyError
    assert not list(tmp_path.iterdir())
