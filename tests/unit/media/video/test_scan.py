"""What packets tell: jumps of the clock, sizes, lengths; and how ffmpeg is told to repair them."""

from fractions import Fraction

import pytest

from realesr.geometry import Size
from realesr.media.video.clock import clock_text, jumps_text, shift_filter
from realesr.media.video.reading import open_input
from realesr.media.video.scan import Scan, Shift, scan

from support.clips import GRADUAL, TONE, make_clip, times

SMALL = "testsrc2=size=32x24:rate=12:duration=1"


class Packet:
    """A packet without content; times in ticks."""

    is_keyframe = True
    is_discard = False

    def __init__(self, stream, dts, duration=1, pts=None):
        self.stream, self.dts, self.duration = stream, dts, duration
        self.pts = dts if pts is None else pts
        self.size = 1

    def __buffer__(self, flags):
        return memoryview(b"\0")


class Stream:
    codec_context = None

    def __init__(self, index, kind):
        self.index, self.type, self.time_base = index, kind, Fraction(1, 10)


class Container:
    """A transport stream made of pairs: stream, decoding time."""

    duration = start_time = None

    class format:  # noqa: A001, N801
        name, flags = "mpegts", 0x0200

    def __init__(self, kinds, packets):
        self.streams = [Stream(index, kind) for index, kind in enumerate(kinds)]
        self.packets = iter(packets)

    def demux(self):
        for index, dts in self.packets:
            yield Packet(self.streams[index], dts)


@pytest.fixture(autouse=True)
def without_sizes(monkeypatch):
    monkeypatch.setattr("realesr.media.video.parameters.parameters_of", lambda *_: b"")


def scanned(*packets, kinds=("video", "audio")) -> Scan:
    return scan(Container(kinds, packets))


def corrected(found, index, times):
    """Times of a stream, s, shifted by the number of the packet."""
    result = []
    for number, time in enumerate(times):
        shift = Fraction(0)
        for each in found.shifts.get(index, ()):
            if number >= each.packet:
                shift = each.seconds
        result.append(Fraction(time, 10) + shift)
    return result


def test_a_clock_that_goes_on_is_left_alone():
    found = scanned((0, 0), (1, 0), (0, 1), (1, 1), (0, 50))
    assert (found.jumps, found.shifts) == ((), {})
    assert found.packets == {0: 3, 1: 2}
    assert found.last == {0: (Fraction(5), Fraction(1, 10))}


def test_streams_are_shifted_alike_by_the_least_that_overlaps_nothing():
    video = [100, 101, 102, 50, 51, 52]
    audio = [99, 103, 105, 49, 53]
    order = [(0, 100), (1, 99), (0, 101), (1, 103), (0, 102), (1, 105)]
    order += [(0, 50), (1, 49), (0, 51), (0, 52), (1, 53)]
    found = scanned(*order)
    assert len(found.jumps) == 1
    # Sound ends latest, at 10.6 s, and begins again at 4.9 s.
    assert found.jumps[0].shift == Fraction(57, 10)
    assert corrected(found, 0, video)[3] == Fraction(107, 10)
    assert corrected(found, 1, audio) == [
        Fraction(99, 10),
        Fraction(103, 10),
        Fraction(105, 10),
        Fraction(106, 10),
        Fraction(110, 10),
    ]


def test_jumps_add_up():
    found = scanned((0, 0), (0, 20), (0, 0), (0, 20), (0, 0), kinds=("video",))
    assert [jump.shift for jump in found.jumps] == [Fraction(21, 10), Fraction(42, 10)]


def test_a_stream_whose_own_times_go_on_is_shifted_by_number():
    found = scanned(
        (0, 100), (1, 10), (0, 101), (0, 50), (0, 51), (1, 60), kinds=("video", "subtitle")
    )
    assert found.shifts[1] == (Shift(packet=1, rank=None, seconds=found.jumps[0].shift),)


def test_single_wrong_times_are_no_jump():
    assert scanned((0, 10), (0, 11), (0, 2), (0, 12), (0, 13)).jumps == ()
    assert scanned((0, 10), (0, 11), (0, 9000), (0, 12), (0, 13)).jumps == ()
    found = scanned((0, 10), (0, 9000), (0, 11), *((0, n) for n in (12, 13, 14, 15, 0, 1)))
    assert [shift.rank for shift in found.shifts[0]] == [3]  # as ffmpeg's expression counts


def test_a_step_ahead_of_one_stream_is_a_gap_and_of_all_a_jump():
    ahead = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 500)]
    assert scanned(*ahead, (1, 2), (1, 3)).jumps == ()
    found = scanned(*ahead, (1, 500), (1, 501))
    assert found.jumps[0].shift == Fraction(2 - 500, 10)


def test_pictures_that_go_back_alone_are_not_repaired():
    """Nobody knows which sound belongs to them."""
    assert scanned((0, 100), (1, 100), (0, 101), (0, 50), (1, 101), (0, 51)).jumps == ()
    assert len(scanned((0, 100), (1, 100), (0, 101), (0, 50), (0, 51)).jumps) == 1


def test_a_clock_without_any_order_is_not_repaired():
    wild = [(0, n * 7919 % 100_000) for n in range(2000)]
    assert scanned(*wild).jumps == ()


def test_a_stream_that_begins_late_stops_nothing():
    """PyAV raises an IndexError for its packets."""
    found = scanned((0, 1), (5, 2), (0, 2), (5, 3), (0, 3), kinds=("video",))
    assert found.packets == {0: 3}
    assert found.has_late_streams
    assert not scanned((0, 1), (0, 2)).has_late_streams


def test_frames_of_the_same_time_are_found():
    assert scanned((0, 1), (0, 2), (0, 2), (0, 3)).equal_times == {0}
    assert scanned((0, 1), (0, 2), (0, 3)).equal_times == frozenset()


def test_the_filter_counts_steps_as_the_scan_does():
    text = shift_filter(
        [
            Shift(packet=7, rank=2, seconds=Fraction(3, 2)),
            Shift(packet=9, rank=None, seconds=Fraction(5, 2)),
        ]
    )
    assert text.startswith("setts=pts=")
    assert "gte(ld(0)\\,2)*1.500000000+gte(N\\,9)*1.000000000" in text
    assert text.endswith("+DTS")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00.0"), (Fraction(37259, 10), "1:02:05.9"), (-1, "-0:00:01.0")]
)
def test_times_are_named_as_clocks_do(seconds, text):
    assert clock_text(Fraction(seconds)) == text


def test_many_jumps_are_summed_up():
    found = scanned(*((0, n % 20) for n in range(200)), kinds=("video",))
    assert len(found.jumps) == 9
    assert jumps_text(found.jumps, Fraction(0)).endswith("and 4 more")


def test_a_file_with_an_index_is_read_at_its_end(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", *GRADUAL, "-c:a", "aac", image=SMALL, tone=TONE)
    with open_input(clip) as container:
        found = scan(container)
    assert found.packets is None
    assert not found.has_any_clock
    assert found.last[0] == (times(clip)[-1], Fraction(1, 12))


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", ("-preset", "ultrafast")),
        ("libx265", ("-preset", "ultrafast", "-x265-params", "log-level=none")),
        ("mpeg2video", ()),
        ("mpeg4", ()),
    ],
)
def test_sizes_that_change_are_found_in_packets(tmp_path, monkeypatch, codec, options):
    monkeypatch.undo()
    data = b""
    for number, size in enumerate(("64x48", "96x64")):
        image = f"testsrc2=size={size}:rate=12:duration=1"
        later = ("-pix_fmt", "yuv420p", "-output_ts_offset", str(number))
        made = make_clip(tmp_path / "one.ts", "-c:v", codec, *options, *later, image=image)
        data += made.read_bytes()
    (tmp_path / "in.ts").write_bytes(data)
    with open_input(tmp_path / "in.ts") as container:
        found = scan(container)
    (_, first), (time, second) = found.sizes[0]
    assert (first, second) == (Size(64, 48), Size(96, 64))
    assert float(time) == pytest.approx(2.4, abs=0.1)
