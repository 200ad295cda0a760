"""Metrics of videos: warping error, flicker, VMAF."""

from pathlib import Path

import numpy as np
import pytest

from realesr.errors import FFmpegError, FFmpegNotFoundError
from realesr.imaging.flow import optical_flow
from realesr.media.video.ffmpeg import find_ffmpeg
from realesr.metrics import vmaf as vmaf_module
from realesr.metrics.flicker import flicker
from realesr.metrics.vmaf import has_vmaf, vmaf
from realesr.metrics.warping import occluded, warping_error

from support.images import textured_pair

SHIFT = 3


@pytest.fixture(scope="module")
def pan():
    """Five frames of a texture that moves to the left by 3 px a frame."""
    wide, _ = textured_pair(96, 140)
    return [np.ascontiguousarray(wide[:, SHIFT * n : SHIFT * n + 120]) for n in range(5)]


def noisy(frames, sigma, seed=0):
    rng = np.random.default_rng(seed)
    return [
        np.clip(np.rint(f + rng.normal(0, sigma, f.shape)), 0, 255).astype(np.uint8) for f in frames
    ]


def test_the_flow_is_the_movement(pan):
    gray = [frame[..., 0].copy() for frame in pan]
    flow = optical_flow(gray[1], gray[0])[20:-20, 20:-20]
    assert np.median(flow[..., 0]) == pytest.approx(SHIFT, abs=0.2)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.2)


def test_what_leaves_the_frame_is_hidden():
    flow = np.zeros((40, 60, 2), np.float32)
    flow[..., 0] = 5
    hidden = occluded(flow, -flow)
    assert hidden[:, -5:].all()
    assert not hidden[:, :-5].any()
    assert occluded(flow, flow).all()  # they do not cancel


def test_steady_movement_costs_little_and_noise_is_measured(pan):
    steady = warping_error(pan, pan)
    assert steady < 1e-3
    # the noise of two frames adds up; warping averages some of one frame's away
    error = warping_error(noisy(pan, 12), pan) - steady
    assert (12 / 255) ** 2 < error < 2.2 * (12 / 255) ** 2


def test_sixteen_bits_give_the_same(pan):
    deep = [frame.astype(np.uint16) * 257 for frame in pan]
    assert warping_error(deep, deep) == pytest.approx(warping_error(pan, pan), rel=1e-4)


def test_flicker_counts_only_what_stands_still(pan):
    still = [np.full((64, 80, 3), 90, np.uint8) for _ in range(4)]
    moving = [frame.copy() for frame in still]
    for number, frame in enumerate(moving):
        frame[:, 8 * number : 8 * number + 8] = 200
    pulsing = [(frame + 4 * (number % 2)).astype(np.uint8) for number, frame in enumerate(still)]
    luma_per_level = (65.481 + 128.553 + 24.966) / 255
    assert flicker(still, still) == 0
    assert flicker(pulsing, still) == pytest.approx(4 * luma_per_level)
    assert flicker(moving, moving) == 0
    with pytest.raises(ValueError, match="parts that do not change"):
        flicker(pan, pan)


@pytest.mark.parametrize("metric", [warping_error, flicker])
def test_frames_must_fit_together(metric, pan):
    with pytest.raises(ValueError, match="two frames"):
        metric(pan[:1], pan[:1])
    with pytest.raises(ValueError, match="frames differ"):
        metric(pan, [frame[:90] for frame in pan])
    with pytest.raises(ValueError, match=r"longer|shorter"):
        metric(pan, pan[:3])


@pytest.fixture(scope="module")
def ffmpeg():
    program = find_ffmpeg()
    if not has_vmaf(program):
        pytest.skip("ffmpeg without libvmaf")
    return program


def write_clip(path, frames, rate=25):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def test_vmaf_falls_with_damage_and_ignores_times(ffmpeg, tmp_path, pan):
    names = [tmp_path / name for name in ("a's, [original].mkv", "same.mkv", "noisy.mkv")]
    write_clip(names[0], pan)
    write_clip(names[1], pan, rate=10)
    write_clip(names[2], noisy(pan, 25))
    original, same, damaged = names
    best = vmaf(same, original, ffmpeg=ffmpeg)
    assert best > 90
    assert vmaf(damaged, original, ffmpeg=ffmpeg) < best - 5


def test_vmaf_says_what_is_missing(ffmpeg, tmp_path, monkeypatch):
    with pytest.raises(FFmpegError, match=r"absent\.mkv"):
        vmaf(tmp_path / "absent.mkv", tmp_path / "other.mkv", ffmpeg=ffmpeg)
    monkeypatch.setattr(vmaf_module, "has_vmaf", lambda program: False)
    with pytest.raises(FFmpegNotFoundError, match="without libvmaf"):
        vmaf(Path("a"), Path("b"), ffmpeg="some-ffmpeg")
