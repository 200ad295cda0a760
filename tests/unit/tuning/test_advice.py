import os
import shlex
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from realesr.cli.printing import printable
from realesr.cli.tune_report import commands_for
from realesr.comparison.sheet import make_sheet, write_sheet
from realesr.engine.interpolation import Interpolator
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.tuning.advice import advise, expected_seconds
from realesr.tuning.candidates import candidates_for
from realesr.tuning.measure import Measurements, Traits
from realesr.tuning.trial import Trial, cut_parts, detailed_regions, run_trial

PHOTO = Path("a photo.jpg")


SIZE = Size(640, 480)


def measured(
    size=SIZE, frames=1, fps=None, says_interlaced=False, quality=None, blur=0.5, **traits
):
    return Measurements(
        size=size,
        frames=frames,
        fps=fps,
        says_interlaced=says_interlaced,
        jpeg_quality=quality,
        traits=Traits(blur=blur, **traits),
    )


def trial(name, seconds_per_megapixel=1.0):
    return Trial(name=name, results=(), seconds_per_pixel=seconds_per_megapixel / 1e6, device="cpu")


def advice_for(about, missing=()):
    candidates = candidates_for(about)
    trials = [trial(each.model) for each in candidates if each.model not in missing]
    return advise(about, candidates, trials)


def commands(about, path=PHOTO, missing=()):
    return commands_for(path, about, advice_for(about, missing))


def only_command(about, path=PHOTO, missing=()):
    (command,) = commands(about, path, missing)
    return shlex.split(command)


def test_a_clean_photograph_needs_no_options():
    assert only_command(measured()) == ["realesr", "image", "-i", "a photo.jpg"]
    assert advice_for(measured()).seconds == pytest.approx(0.3072)


def test_noise_is_removed_by_the_model_that_can():
    noisy = measured(noise=15.0)
    assert only_command(noisy)[4:] == ["-n", "realesr-general-x4v3", "-dn", "1"]
    missing = ("realesr-general-x4v3",)
    assert advice_for(noisy, missing).model.model == "realesr-photo-x4"
    assert len(only_command(noisy, missing=missing)) == 4


def test_drawings_get_their_model_and_doubts_are_told():
    assert advice_for(measured(flat_share=0.8)).model.model == "realesr-anime-x4"
    doubtful = advice_for(measured(flat_share=0.4))
    assert doubtful.model.model == "realesr-photo-x4"
    assert "realesr-anime-x4" in dict(doubtful.reasons)["`model_name` realesr-photo-x4"]
    likely = advice_for(measured(flat_share=0.8))
    assert "compare with realesr-photo-x4" in likely.reasons[0][1]
    assert "realesr-photo-x4" in [each.model for each in candidates_for(measured(flat_share=0.8))]
    assert advice_for(measured(flat_share=0.95)).reasons == (
        ("`model_name` realesr-anime-x4", "95% of the plain areas are even, as in a drawing"),
    )
    assert advice_for(measured(flat_share=1.0, blur=None)).model.model == "realesr-photo-x4"
    clip = candidates_for(measured(flat_share=0.95, fps=Fraction(24)))
    assert [each.model for each in clip] == ["realesr-anime-x4", "realesr-animevideov3"]


def test_what_was_upscaled_is_reduced_first():
    first, second = map(shlex.split, commands(measured(native_scale=2.0)))
    assert first == ["realesr", "image", "-i", "a photo.jpg", "-o", "a photo-small.png",
                     "-n", "lanczos", "-s", "0.5"]  # fmt: skip
    assert second == ["realesr", "image", "-i", "a photo-small.png"]
    assert advice_for(measured(native_scale=2.0)).seconds == pytest.approx(0.3072 / 4)
    assert len(commands(measured(native_scale=1.5))) == 1
    assert len(commands(measured(native_scale=2.0, says_interlaced=True))) == 1


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    "name",
    [b"a b.png", b"\x1b[2Jx\x079.png", b"it's\n\\.png", b"\xe4.png", "\u202ey\u00fc.png".encode()],
)
def test_commands_give_a_shell_the_bytes_of_any_name(shell, name):
    path = Path("p") / os.fsdecode(name)
    (command,) = commands(measured(), path=path)
    assert printable(command) == command
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not here")
    typed = command.replace("realesr image", "printf %s", 1).replace(" -i ", " ", 1)
    result = subprocess.run([program, "-c", typed], capture_output=True, check=True)
    assert result.stdout == os.fsencode(path)


def test_fields_that_no_one_has_marked_are_joined_first():
    clip = {"frames": 100, "fps": Fraction(25), "comb": 0.1}
    first, second = commands(measured(**clip), Path("tape.avi"))
    assert first.startswith("ffmpeg -i tape.avi -vf bwdif")
    assert second == "realesr video -i tape-whole.mkv"
    marked = measured(says_interlaced=True, **clip)
    assert commands(marked, Path("tape.avi")) == ["realesr video -i tape.avi"]
    assert "fields" not in dict(advice_for(measured(comb=0.03)).reasons)
    assert len(commands(measured(comb=0.1))) == 1
    assert "`deinterlace` auto" in dict(advice_for(marked).reasons)


def test_huge_results_are_avoided_and_long_runs_are_told():
    assert only_command(measured(size=Size(4000, 3000)))[4:] == ["-s", "2"]
    long = advice_for(measured(frames=100_000, fps=Fraction(25)))
    assert "pieces" in dict(long.reasons)
    assert long.seconds == pytest.approx(30_720)
    unknown = measured(frames=None, fps=Fraction(25))
    assert advice_for(unknown).seconds is None
    assert expected_seconds(unknown, trial("x")) is None


@pytest.mark.parametrize(
    ("traits", "word"), [({"quality": 30}, "JPEG"), ({"blockiness": 1.9}, "blocks")]
)
def test_blocks_are_told(traits, word):
    assert word in dict(advice_for(measured(**traits)).reasons)
    assert word not in dict(advice_for(measured(quality=90, blockiness=1.2)).reasons)


def test_names_that_look_like_options_are_protected():
    assert only_command(measured(), Path("-i.jpg"))[3] == "./-i.jpg"


def test_without_a_trial_there_is_no_advice():
    with pytest.raises(ValueError, match="no candidate"):
        advise(measured(), candidates_for(measured()), [])


def test_a_trial_is_timed_without_its_warm_up():
    ticks = iter([10.0, 13.0])
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8)
    parts = cut_parts(Image(noise), detailed_regions(Image(noise)))
    assert [part.size for part in parts] == [Size(128, 96)] * 2
    result = run_trial("x", Interpolator("nearest"), parts, 4.0, clock=lambda: next(ticks))
    assert result.seconds_per_pixel == pytest.approx(3 / (2 * 128 * 96))
    assert result.results[0].size == Size(512, 384)
    reduced = run_trial("x", Interpolator("nearest"), parts, 4.0, reduced_by=2.0)
    assert reduced.results[0].size == Size(512, 384)


def test_a_sheet_has_a_column_a_model(tmp_path):
    small = Image(np.full((10, 20, 3), 40, np.uint8))
    large = Image(np.full((40, 80, 3), 200, np.uint16) * np.uint16(257))
    sheet = make_sheet([("input", [small, small]), ("a model with a long name", [large, large])])
    pixels = np.asarray(sheet)
    assert pixels.shape == (26 + 2 * 48, 8 + 2 * 88, 3)
    assert (pixels[26:66, 8:88] == 40).all()
    assert (pixels[74:114, 96:176] == 200).all()
    assert (pixels[:26, 8:88] < 128).any()
    for name in ("a.png", "b.jpg"):
        write_sheet(sheet, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.jpg"]
    with pytest.raises(ValueError, match="equally many"):
        make_sheet([("a", [small]), ("b", [])])
