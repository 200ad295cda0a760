"""Videos in pieces: what is joined equals what one pass writes."""

import itertools
import os
import threading
import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from realesr.errors import FFmpegError, UnreadableMediaError, UnwritableMediaError
from realesr.media.formats import VIDEOS
from realesr.media.video.encoder import EncodeSpec, VideoEncoder
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.media.video.muxer import Muxer, decoding_times, read_piece
from realesr.media.video.sink import VideoSink
from realesr.media.video.source import VideoSource
from realesr.options import VideoOptions

from support.clips import TONE, ffmpeg, make_clip, make_rich_clip

BINARY = find_ffmpeg()
SOURCE = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "7", "-pix_fmt", "yuv420p")
EXACT = VideoOptions(codec="libx264", crf=0, preset="ultrafast")
WITH_B_FRAMES = VideoOptions(codec="libx264", preset="faster", encoder_args=("-bf", "3"))
EXACT_WITH_B_FRAMES = VideoOptions(
    codec="libx265",
    preset="ultrafast",
    encoder_args=("-x265-params", "lossless=1:bframes=3:b-adapt=0:log-level=none"),
)
VARIABLE = ("-vf", "setpts='PTS+0.5/TB+floor(N/3)*0.05/TB+eq(N,1)*0.011/TB'")
PASSTHROUGH = ("-fps_mode", "passthrough")
CINEMA_RATE = "testsrc2=size=64x48:rate=24000/1001:duration=1"


class Video:
    """A source that has been read, and ways to write it."""

    def __init__(self, clip, output, options):
        self.output, self.options = output, options
        with VideoSource(clip, options=options, binary=BINARY) as source:
            self.frames = list(source)
            self.info = source.info
        self.target = VIDEOS.format_of(output)
        self.spec = EncodeSpec.choose(self.info, self.target, options, binary=BINARY)
        with av.open(str(clip)) as container:
            stream = container.streams[self.info.index]
            packets = [packet for packet in container.demux(stream) if packet.is_keyframe]
            keys = [p.pts * p.time_base for p in packets if p.pts is not None]
        starts = [frame.pts for frame in self.frames]
        self.cuts = [starts.index(key) for key in sorted(keys) if key in starts[1:]]

    def in_one_pass(self):
        path = self.output.with_stem("one-pass")
        arguments = {"target": self.target, "info": self.info, "options": self.options}
        with VideoSink(path, **arguments, binary=BINARY) as sink:
            write(sink, self.frames)
        return path

    def piece(self, name, frames, spec=None):
        path = self.output.with_name(f"{name}{self.spec.piece_suffix}")
        spec = spec or self.spec
        clock = spec.piece_clock(frames[0].index)
        numbered = [replace(frame, index=number) for number, frame in enumerate(frames)]
        with VideoEncoder(path, spec=spec, clock=clock, binary=BINARY) as encoder:
            write(encoder, numbered)
        assert encoder.frames == len(frames)
        return path

    def pieces(self, number):
        cuts = [0, *self.cuts[: number - 1], len(self.frames)]
        assert len(cuts) == number + 1
        return [
            self.piece(f"{number}-{begin}", self.frames[begin:end])
            for begin, end in itertools.pairwise(cuts)
        ]

    def muxer(self, **arguments):
        return Muxer(self.output, spec=self.spec, binary=BINARY, **arguments)

    def in_pieces(self, number):
        count, first = len(self.frames), self.frames[0].pts
        assert self.muxer().mux(self.pieces(number), frames=count, first=first) == count
        return self.output


def write(sink, frames):
    for frame in frames:
        sink.write(sink.prepare(frame, sink.nearest_supported_size(frame.image.size)))


def shown(path):
    """Frames of a video with their times, s."""
    with av.open(str(path)) as container:
        return [
            (frame.pts * frame.time_base, pixels_of(frame)) for frame in container.decode(video=0)
        ]


def pixels_of(frame):
    # PyAV makes no array of ProRes' own format.
    return frame.to_ndarray(format="rgb48le" if frame.format.name == "yuv422p12le" else None)


def everything_else(path):
    """What a file holds apart from the packets of its video."""
    with av.open(str(path)) as container:
        found = {"tags": dict(container.metadata), "chapters": container.chapters()}
        for stream in container.streams:
            context = stream.codec_context
            found[stream.index] = {
                "kind": stream.type,
                "disposition": stream.disposition,
                # Sums of what is compared elsewhere.
                "tags": {k: v for k, v in stream.metadata.items() if k != "DURATION"},
                "time base": stream.time_base,
                "codec": context and (context.name, context.codec_tag, context.extradata),
            }
        video = found[0]
        context = container.streams.video[0].codec_context
        names = ("colorspace", "color_primaries", "color_trc", "color_range", "pix_fmt")
        video["color"] = [getattr(context, name) for name in (*names, "sample_aspect_ratio")]
        video["start"] = container.streams.video[0].start_time
        for packet in container.demux():
            if packet.stream.index and packet.size:
                entry = (packet.pts, packet.dts, packet.duration, bytes(packet))
                found[packet.stream.index].setdefault("packets", []).append(entry)
    return found


def video_packets(path):
    """Times, ticks, and content of the packets of the video."""
    with av.open(str(path)) as container:
        return [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in container.demux(video=0) if p.size]


def assert_same(path, expected, *, is_exact):
    before, after = shown(expected), shown(path)
    assert [moment for moment, _ in after] == [moment for moment, _ in before]
    if is_exact:
        for (_, a), (_, b) in zip(before, after, strict=True):
            np.testing.assert_array_equal(a, b)
    assert everything_else(path) == everything_else(expected)
    decoded_at = [dts for _, dts, _, _ in video_packets(path) if dts is not None]
    assert decoded_at == sorted(set(decoded_at))


CLIPS = {
    "constant rate": ((), EXACT, {}),
    "variable rate, late video": ((*VARIABLE, *PASSTHROUGH), EXACT, {}),
    "late sound": (("-af", "asetpts=PTS+0.7/TB"), EXACT, {}),
    "cinema rate, B-frames": (("-bf", "2"), WITH_B_FRAMES, {"image": CINEMA_RATE}),
    "variable rate, B-frames": ((*VARIABLE, *PASSTHROUGH), WITH_B_FRAMES, {}),
    "10 bits, B-frames": (
        (*VARIABLE, *PASSTHROUGH, "-pix_fmt", "yuv420p10le"),
        EXACT_WITH_B_FRAMES,
        {},
    ),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("name", CLIPS)
def test_pieces_become_the_video_of_one_pass(tmp_path, name, suffix):
    encoding, options, arguments = CLIPS[name]
    clip = make_clip(tmp_path / "in.mp4", *SOURCE, *encoding, "-c:a", "aac", tone=TONE, **arguments)
    video = Video(clip, tmp_path / f"out{suffix}", options)
    expected = video.in_one_pass()
    if "B-frames" in name:
        order = [pts for pts, _, _, _ in video_packets(expected)]
        assert order != sorted(order)
    for number in (1, 2, 3):
        assert_same(video.in_pieces(number), expected, is_exact=options is not WITH_B_FRAMES)
        if number == 1:
            assert video_packets(video.output) == video_packets(expected)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_subtitles_fonts_chapters_and_tags_come_along(tmp_path, suffix):
    video = Video(make_rich_clip(tmp_path, *SOURCE), tmp_path / f"out{suffix}", EXACT)
    expected = video.in_one_pass()
    assert_same(video.in_pieces(3), expected, is_exact=True)
    content = everything_else(video.output)
    assert content["tags"]["title"] == "A video"
    assert [c["metadata"]["title"] for c in content["chapters"]] == ["One", "Two"]
    kinds = [content[n]["kind"] for n in range(4)]
    assert kinds == ["video", "audio", "audio", "subtitle"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("part", ["excerpt", "speed"])
def test_excerpts_and_other_speeds(tmp_path, suffix, part):
    clip = make_clip(
        tmp_path / "in.ts",
        *(*SOURCE, "-bf", "2", "-c:a", "mp2", "-output_ts_offset", "38.9"),
        tone=TONE,
    )
    times = {
        "excerpt": {"start": Fraction(21, 100), "end": Fraction(9, 10)},
        "speed": {"fps": Fraction(24000, 1001)},
    }
    options = VideoOptions(codec="libx264", preset="faster", **times[part])
    video = Video(clip, tmp_path / f"out{suffix}", options)
    assert_same(video.in_pieces(2), video.in_one_pass(), is_exact=False)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mkv", VideoOptions(codec="ffv1")),
        (".mov", VideoOptions(codec="prores_ks")),
        (".mov", VideoOptions(codec="qtrle")),
        (".mp4", VideoOptions(codec="mpeg4", encoder_args=("-bf", "2"))),
        (".webm", VideoOptions(preset="8")),
    ],
)
def test_other_encoders(tmp_path, suffix, options):
    colors = "setparams=range=pc:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    clip = make_clip(tmp_path / "in.mkv", *SOURCE, "-vf", f"{colors},setsar=4/3")
    video = Video(clip, tmp_path / f"out{suffix}", options)
    is_exact = options.codec in ("ffv1", "prores_ks", "qtrle")
    assert_same(video.in_pieces(2), video.in_one_pass(), is_exact=is_exact)


def test_alpha_of_vp9_is_kept(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-g", "7", "-pix_fmt", "yuva420p")
    video = Video(clip, tmp_path / "out.webm", VideoOptions(preset="8"))
    video.cuts = [9]
    output = video.in_pieces(2)
    with VideoSource(output, binary=BINARY) as source:
        assert source.info.pixel_format.has_alpha
        assert all(frame.image.alpha is not None for frame in source)


def test_hdr_metadata_is_kept(tmp_path):
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    clip = make_clip(
        tmp_path / "in.mkv",
        *("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-preset", "ultrafast", "-g", "7"),
        *("-vf", "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084"),
        "-x265-params",
        f"log-level=none:hdr10=1:repeat-headers=1:master-display={display}:max-cll=1000,400",
    )
    video = Video(clip, tmp_path / "out.mp4", VideoOptions(preset="ultrafast"))
    with VideoSource(video.in_pieces(2), binary=BINARY) as source:
        assert source.info.hdr_metadata == video.info.hdr_metadata
        assert source.info.color == video.info.color
        assert source.info.hdr_metadata.content == (1000, 400)


def test_arguments_of_the_user_reach_the_part_that_they_concern(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", *SOURCE, "-c:a", "flac", tone=TONE)
    extra = ("-metadata", "title=A title", "-c:a", "aac", "-g", "3", "-movflags", "+faststart")
    options = VideoOptions(codec="libx264", crf=0, encoder_args=extra)
    video = Video(clip, tmp_path / "out.mp4", options)
    expected = video.in_one_pass()
    assert_same(video.in_pieces(2), expected, is_exact=True)
    content = everything_else(video.output)
    assert content["tags"]["title"] == "A title"
    assert content[1]["codec"][0] == "aac"
    assert sum(is_key for _, _, is_key, _ in video_packets(video.output)) >= 8


# Trouble


@pytest.fixture
def video(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", *SOURCE, "-c:a", "aac", tone=TONE)
    (tmp_path / "out").mkdir()
    return Video(clip, tmp_path / "out/out.mp4", EXACT)


def assert_refused(video, pieces, message, error=UnreadableMediaError, **arguments):
    others = set(video.output.parent.iterdir())
    with pytest.raises(error, match=message):
        video.muxer().mux(pieces, **arguments)
    assert set(video.output.parent.iterdir()) == others


def test_pieces_that_do_not_fit_are_refused(tmp_path, video):
    pieces = video.pieces(3)
    assert_refused(video, pieces[::-1], "does not begin after the end of")
    assert_refused(video, [pieces[0], pieces[0]], "does not begin after the end of")
    assert_refused(video, pieces[:2], "hold 14 of 24 frames", frames=24)
    assert_refused(video, [*pieces, tmp_path / "4.mp4"], "4.mp4: missing or damaged")
    (tmp_path / "4.mp4").write_bytes(pieces[2].read_bytes()[:500])
    assert_refused(video, [*pieces, tmp_path / "4.mp4"], "4.mp4")
    sound = tmp_path / "sound.mp4"
    ffmpeg("-f", "lavfi", "-i", TONE, "-c:a", "aac", sound)
    assert_refused(video, [*pieces, sound], "sound.mp4: holds no video")
    with pytest.raises(ValueError, match="at least one piece"):
        video.muxer().mux([])


def test_pieces_of_other_settings_are_refused(video):
    options = VideoOptions(codec="libx264", crf=20, preset="slow")
    other = EncodeSpec.choose(video.info, video.target, options, binary=BINARY)
    pieces = [video.piece("a", video.frames[:7]), video.piece("b", video.frames[7:], other)]
    assert_refused(video, pieces, "b.mp4: was encoded with other settings than a.mp4")


def test_pieces_of_two_machines_fit(video):
    """x265 describes itself in the file, down to the features of the CPU."""
    specs = []
    for threads in (1, 2):
        extra = ("-x265-params", f"log-level=none:frame-threads={threads}")
        options = VideoOptions(codec="libx265", preset="ultrafast", encoder_args=extra)
        specs.append(EncodeSpec.choose(video.info, video.target, options, binary=BINARY))
    pieces = [
        video.piece("a", video.frames[:7], specs[0]),
        video.piece("b", video.frames[7:], specs[1]),
    ]
    extradata = []
    for piece in pieces:
        with av.open(str(piece)) as container:
            extradata.append(container.streams.video[0].codec_context.extradata)
    assert extradata[0] != extradata[1]
    assert Muxer(video.output, spec=specs[0], binary=BINARY).mux(pieces) == 24
    assert len(shown(video.output)) == 24


def test_an_output_that_cannot_be_written_is_named(video):
    pieces = video.pieces(2)
    video.output.mkdir()
    assert_refused(video, pieces, "is a folder", UnwritableMediaError)


def test_a_muxer_that_fails_leaves_nothing(video):
    pieces = video.pieces(2)
    options = VideoOptions(codec="libx264", encoder_args=("-metadata", "no-equals-sign"))
    video.spec = EncodeSpec.choose(video.info, video.target, options, binary=BINARY)
    assert_refused(video, pieces, "No '=' character", FFmpegError)


def test_an_aborted_muxer_leaves_nothing(video):
    pieces = video.pieces(2)
    others = set(video.output.parent.iterdir())
    muxer = video.muxer()
    muxer.abort()
    with pytest.raises(FFmpegError, match="aborted"):
        muxer.mux(pieces)
    assert set(video.output.parent.iterdir()) == others


@pytest.mark.skipif(os.name == "nt", reason="runs a shell script")
def test_abort_ends_a_muxer_at_work(tmp_path, video):
    """A program that never reads would keep the muxer waiting."""
    pieces = video.pieces(2)
    others = set(video.output.parent.iterdir())
    program = tmp_path / "slow"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *copy*faststart*) exec sleep 600;; esac\nexec {BINARY} "$@"\n'
    )
    program.chmod(0o755)
    muxer = Muxer(video.output, spec=video.spec, binary=str(program))
    timer = threading.Timer(1, muxer.abort)
    timer.start()
    started = time.monotonic()
    with pytest.raises(FFmpegError):
        muxer.mux(pieces)
    assert time.monotonic() - started < 60
    timer.join()
    assert set(video.output.parent.iterdir()) == others


# Times


def test_a_piece_tells_its_times(video):
    piece = read_piece(video.piece("a", video.frames[7:14]))
    moments = [time * piece.time_base for time in sorted(piece.times)]
    assert moments == [frame.pts for frame in video.frames[7:14]]


def test_decoding_times_are_those_of_an_encoder():
    assert decoding_times([0, 10, 20], 0) == [0, 10, 20]
    # Two frames are held back, as with a pyramid of B-frames.
    assert decoding_times([0, 40, 20, 10, 30], 2) == [-20, -10, 0, 10, 20]
    # A stream that claims less than it needs.
    assert decoding_times([0, 40, 20, 10, 30], 0) == [-20, -10, 0, 10, 20]
    # Two groups, the second after a long pause.
    assert decoding_times([0, 20, 10, 500, 520, 510], 1) == [-10, 0, 10, 20, 500, 510]
    assert decoding_times([7], 2) == [7]
    assert decoding_times([7, 9], 5) == [5, 7]


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_decoding_comes_before_presentation(depth):
    random = np.random.default_rng(depth)
    moments = np.cumsum(random.integers(1, 1000, 60)).tolist()
    times = [*moments[0:1], *sorted(moments[1:], key=lambda m: moments.index(m) // 4 * 4 - m % 3)]
    found = decoding_times(times, depth)
    assert found == sorted(set(found))
    assert all(d <= p for d, p in zip(found, times, strict=True))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_last_frame_of_pieces_is_shown_as_long_as_in_the_source(tmp_path, suffix):
    clip = make_clip(tmp_path / "short.mp4", *SOURCE)
    late = "setts=pts=PTS:dts=DTS:duration=if(eq(N\\,23)\\,3/TB\\,DURATION)"
    ffmpeg("-i", clip, "-c", "copy", "-bsf:v", late, tmp_path / "in.mp4")
    video = Video(tmp_path / "in.mp4", tmp_path / f"out{suffix}", EXACT)
    for path in (video.in_one_pass(), video.in_pieces(2)):
        with av.open(str(path)) as container:
            assert container.duration == pytest.approx((23 / 24 + 3) * 1e6, abs=1000)
