"""Encoding frames into a file: what it depends on, and what becomes of it when it fails."""

import os
import pickle
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from realesr.errors import FFmpegError, UnwritableMediaError
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.media.formats import VIDEOS
from realesr.media.frames import Frame
from realesr.media.video.encoder import EncodeSpec, FrameClock, VideoEncoder
from realesr.media.video.encoders import encoder_arguments, muxer_arguments
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.muxer import read_piece
from realesr.media.video.probe import probe
from realesr.options import VideoOptions

from support.clips import GRADUAL, make_clip

BINARY = find_ffmpeg()
SIZE = Size(64, 48)


def frame(index, pts):
    pixels = np.full((SIZE.height, SIZE.width, 3), index * 9, np.uint8)
    return Frame(index=index, image=Image(pixels), pts=pts)


@pytest.fixture
def info(tmp_path):
    return probe(make_clip(tmp_path / "in.mp4", *GRADUAL))


def make_spec(info, tmp_path, **options):
    target = VIDEOS.format_of(tmp_path / "out.mp4")
    options = VideoOptions(codec="libx264", **options)
    return EncodeSpec.choose(info, target, options, binary=BINARY)


@pytest.fixture
def spec(info, tmp_path):
    return make_spec(info, tmp_path)


def test_a_spec_crosses_processes(spec, tmp_path):
    clone = pickle.loads(pickle.dumps(spec))  # noqa: S301 -- made a moment ago
    assert clone == spec
    assert clone.piece_arguments(tmp_path / "a.mp4") == spec.piece_arguments(tmp_path / "a.mp4")
    assert clone.clock(Fraction(1)) == spec.clock(Fraction(1))


def test_frames_keep_their_times(spec):
    clock = spec.clock(Fraction(3))
    assert clock == FrameClock(time_base=spec.info.time_base, origin=Fraction(0))
    pts = 1234 * spec.info.time_base
    assert clock.ticks(frame(5, pts)) == 1234


def test_an_excerpt_begins_at_the_start_that_is_asked_for(info, tmp_path):
    info = replace(info, start=Fraction(10))
    clock = make_spec(info, tmp_path, start=Fraction(2)).clock(Fraction(25, 2))
    assert clock.ticks(frame(0, Fraction(25, 2))) * clock.time_base == Fraction(1, 2)


def test_a_speed_counts_frames_from_the_first_one(info, tmp_path):
    spec = make_spec(info, tmp_path, fps=Fraction(10))
    clock = spec.clock(Fraction(2))
    assert [clock.ticks(frame(n, Fraction(99))) for n in (0, 7)] == [20, 27]
    assert spec.frame_rate == 10


def test_a_file_gets_its_name_when_it_is_whole(spec, tmp_path):
    folder = tmp_path / "new"
    path = folder / "00000.mp4"
    with VideoEncoder(path, spec=spec, binary=BINARY) as encoder:
        for n in range(5):
            encoder.write(encoder.prepare(frame(n, Fraction(n, 8)), SIZE))
        assert [each.suffix for each in folder.iterdir()] == [".part"]
    assert list(folder.iterdir()) == [path]
    assert encoder.frames == 5
    piece = read_piece(path)
    assert sorted(time * piece.time_base for time in piece.times) == [
        Fraction(n, 8) for n in range(5)
    ]


def test_times_that_stand_still_are_moved(spec, tmp_path):
    path = tmp_path / "00000.mp4"
    with VideoEncoder(path, spec=spec, binary=BINARY) as encoder:
        for n, pts in enumerate((1, 1, 2)):
            encoder.write(encoder.prepare(frame(n, Fraction(pts)), SIZE))
    piece = read_piece(path)
    tick = spec.info.time_base
    assert sorted(time * piece.time_base for time in piece.times) == [1, 1 + tick, 2]


def test_nothing_is_left_of_a_failure(spec, tmp_path):
    folder = tmp_path / "new"
    with (
        pytest.raises(ZeroDivisionError),
        VideoEncoder(folder / "00000.mp4", spec=spec, binary=BINARY) as encoder,
    ):
        encoder.write(encoder.prepare(frame(0, Fraction(0)), SIZE))
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="runs a script by its first line")
def test_an_encoder_that_writes_nothing_and_says_that_all_is_well_is_not_believed(spec, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\n")
    program.chmod(0o755)
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an earlier result")
    with (
        pytest.raises(FFmpegError, match=r"out\.mp4: the encoder wrote nothing"),
        VideoEncoder(path, spec=spec, binary=str(program)) as encoder,
    ):
        encoder.write(encoder.prepare(frame(0, Fraction(0)), SIZE))
    assert path.read_bytes() == b"an earlier result"


def test_nothing_is_left_of_an_abortion(spec, tmp_path):
    folder = tmp_path / "new"
    with (
        pytest.raises(FFmpegError),
        VideoEncoder(folder / "00000.mp4", spec=spec, binary=BINARY) as encoder,
    ):
        encoder.write(encoder.prepare(frame(0, Fraction(0)), SIZE))
        thread = threading.Thread(target=encoder.abort)
        thread.start()
        thread.join()
    assert list(folder.iterdir()) == []


def test_an_encoder_without_frames_writes_nothing(spec, tmp_path):
    with VideoEncoder(tmp_path / "new/00000.mp4", spec=spec, binary=BINARY) as encoder:
        encoder.abort()
        with pytest.raises(ValueError, match=r"prepare\(\)"):
            encoder.write(frame(0, Fraction(0)))
    assert not (tmp_path / "new").exists()


def test_an_encoder_that_writes_too_little_fails(info, tmp_path):
    spec = make_spec(info, tmp_path, encoder_args=("-bsf:v", "noise=drop=eq(n\\,2)"))
    with (
        pytest.raises(FFmpegError, match="wrote 4 of 5 frames"),
        VideoEncoder(tmp_path / "new/00000.mp4", spec=spec, binary=BINARY) as encoder,
    ):
        for n in range(5):
            encoder.write(encoder.prepare(frame(n, Fraction(n)), SIZE))
    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_in_the_way_is_named(spec, tmp_path):
    (tmp_path / "00000.mp4").mkdir()
    with (
        pytest.raises(UnwritableMediaError, match="is a folder"),
        VideoEncoder(tmp_path / "00000.mp4", spec=spec, binary=BINARY) as encoder,
    ):
        encoder.prepare(frame(0, Fraction(0)), SIZE)


def test_arguments_are_split_between_encoder_and_muxer():
    arguments = ["-tune", "grain", "-metadata", "title=-a b", "-b:a", "96k", "-qmin", "-1", "-an"]
    assert encoder_arguments(arguments) == ["-tune", "grain", "-qmin", "-1"]
    assert muxer_arguments(arguments) == ["-metadata", "title=-a b", "-b:a", "96k", "-an"]
    assert encoder_arguments([]) == muxer_arguments([]) == []
