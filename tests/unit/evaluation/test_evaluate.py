import csv
import io
import json
import math
import os
import re
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli.main import main
from realesr.engine.interpolation import Interpolator
from realesr.errors import (
    DeviceError,
    InvalidOptionError,
    MissingWeightsError,
    UnknownModelError,
    UnreadableMediaError,
    UnsupportedCheckpointError,
)
from realesr.evaluation import evaluate as evaluate_module
from realesr.evaluation import judges as judges_module
from realesr.evaluation import models as models_module
from realesr.evaluation.evaluate import evaluate, result_path
from realesr.evaluation.judges import Judges, bicubic
from realesr.evaluation.models import find_models
from realesr.evaluation.options import METRICS, EvaluationOptions
from realesr.evaluation.provenance import MEASURES, RESULTS, ROOT, code_identity
from realesr.evaluation.records import RECORDS
from realesr.evaluation.report import summarize, write_reports
from realesr.evaluation.sets import list_pictures, make_case
from realesr.evaluation.sheet import SIDE, ZOOM, draw_places, find_places
from realesr.evaluation.statistics import mean_of
from realesr.evaluation.worker import ModelProcess, Upscaled, _upscale
from realesr.imaging.matlab import imresize
from realesr.metrics.colorshift import color_shift

from support.images import textured_pair, write_bomb
from support.paths import shared


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels).save(path)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    wide = textured_pair(130, 420)[0]
    for number in range(3):
        save(folder / f"p{number}.png", wide[:, 100 * number : 100 * number + 118])
    return folder


@pytest.fixture
def paired(tmp_path):
    hr = textured_pair(96, 128)[0]
    save(tmp_path / "pairs/HR/a.png", hr)
    save(tmp_path / "pairs/LRbicx2/a.png", imresize(hr, 64, 48))
    save(tmp_path / "pairs/LRbicx4/ax4.png", imresize(hr, 32, 24))
    return tmp_path / "pairs"


class InProcess:
    """Stands for a model's process; ``calls`` counts the images."""

    calls = 0

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def upscale(self, lr, scale):
        InProcess.calls += 1
        parts = [(Interpolator(p.options.model_name), p.share) for p in self.model.parts]
        return Upscaled(_upscale(parts, lr, scale), 0.5, 2**20)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(evaluate_module, "ModelProcess", InProcess)
    InProcess.calls = 0


def options_for(sets, tmp_path, **changes):
    return EvaluationOptions(
        **{"sets": (sets,), "models": ("bicubic",), "output": tmp_path / "out", **changes}
    )


def run(options, notices=None):
    models = find_models(options, downloading=None, notify=print)
    notify = (lambda notice: None) if notices is None else notices.append
    return evaluate(options, models, notify=notify, on_progress=lambda done, total: None)


# Sets and inputs


def test_inputs_come_from_the_set_or_are_made(paired):
    (picture,) = list_pictures([paired], scale=4)
    given, made = (make_case(picture, kind, scale=4, seed=0) for kind in ("given", "bicubic"))
    assert given.lr.shape == (24, 32, 3)
    assert (given.lr == made.lr).all()
    assert (given.hr == made.hr).all()
    light, other = (make_case(picture, "medium", scale=4, seed=seed) for seed in (0, 1))
    assert light.fingerprint != other.fingerprint
    (picture,) = list_pictures([paired], scale=2)
    assert make_case(picture, "given", scale=2, seed=0).lr.shape == (48, 64, 3)
    (picture,) = list_pictures([paired], scale=3)
    with pytest.raises(UnreadableMediaError, match="pairs has no input for a in a folder"):
        make_case(picture, "given", scale=3, seed=0)
    odd = make_case(picture, "bicubic", scale=3, seed=0)
    assert (odd.hr.shape, odd.lr.shape) == ((96, 126, 3), (32, 42, 3))


def test_pictures_without_a_truth_are_inputs(photos):
    pictures = list_pictures([photos], scale=4, limit=2)
    assert [(p.set_name, p.name) for p in pictures] == [("photos", "p0"), ("photos", "p1")]
    case = make_case(pictures[0], "none", scale=4, seed=0)
    assert case.lr.shape == (130, 118, 3)
    assert case.hr is None


def test_sets_of_one_name_and_empty_ones_are_refused(photos, tmp_path):
    (tmp_path / "other" / "photos").mkdir(parents=True)
    with pytest.raises(UnreadableMediaError, match="holds no picture"):
        list_pictures([tmp_path / "other" / "photos"], scale=4)
    save(tmp_path / "else/photos/p.png", textured_pair(64, 64)[0])
    with pytest.raises(InvalidOptionError, match="another set is called photos"):
        list_pictures([photos, tmp_path / "else" / "photos"], scale=4)
    (tmp_path / "link").symlink_to(photos)
    for other in (photos, tmp_path / "other/../photos", tmp_path / "link"):
        with pytest.raises(InvalidOptionError, match=": the set is named twice: name it once"):
            list_pictures([photos, other], scale=4)


# Models


def names_of(tmp_path, *texts):
    options = options_for(tmp_path / "set", tmp_path, models=texts)
    return find_models(options, downloading=None, notify=print)


def test_an_unknown_model_is_told_where_there_is_no_option_for_files(tmp_path):
    with pytest.raises(UnknownModelError, match=r"called 'bicubik'.*new\.safetensors$"):
        names_of(tmp_path, "0.5*bicubik+0.5*bicubic")


def test_blends_have_shares(tmp_path):
    texts = ("bicubic+lanczos", "0.7*bicubic+0.3*nearest", "nearest")
    model, other, plain = names_of(tmp_path, *texts)
    assert [part.share for part in model.parts] == [0.5, 0.5]
    assert model.name == "0.5*bicubic+0.5*lanczos"
    assert [part.options.model_name for part in other.parts] == ["bicubic", "nearest"]
    assert plain.name == "nearest"
    assert len({each.identity for each in (model, other, plain)}) == 3
    with pytest.raises(InvalidOptionError, match="do not sum to 1"):
        names_of(tmp_path, "0.5*bicubic+0.6*nearest")
    for text in ("bicubic+", "+bicubic", "bicubic++lanczos", "+", ""):
        with pytest.raises(InvalidOptionError, match=f"`models` {re.escape(repr(text))}: must be"):
            names_of(tmp_path, text)
    with pytest.raises(InvalidOptionError, match="another one is called bicubic"):
        names_of(tmp_path, "bicubic", "bicubic")
    with pytest.raises(FileNotFoundError):
        names_of(tmp_path, str(tmp_path / "absent.safetensors"))


def test_a_blend_is_the_mean_of_its_parts():
    lr = textured_pair(20, 24)[0]
    parts = [(Interpolator("nearest"), 0.25), (Interpolator("bicubic"), 0.75)]
    first, second = (_upscale([(each, 1.0)], lr, 2).astype(float) for each, _ in parts)
    expected = np.rint(0.25 * first + 0.75 * second)
    assert np.abs(_upscale(parts, lr, 2) - expected).max() <= 1


def test_a_model_has_a_process_of_its_own(tmp_path):
    (model,) = names_of(tmp_path, "bicubic+nearest")
    lr = textured_pair(20, 24)[0]
    with ModelProcess(model) as process:
        found = process.upscale(lr, 4)
        expected = _upscale([(Interpolator("bicubic"), 0.5), (Interpolator("nearest"), 0.5)], lr, 4)
        assert (found.pixels == expected).all()
        assert 0 < found.seconds < 30
        assert found.peak_bytes > 2**22
        process._process.kill()
        with pytest.raises(DeviceError, match="its process has died"):
            process.upscale(lr, 4)


@pytest.mark.slow  # the process imports PyTorch
def test_a_model_that_cannot_be_loaded_says_so(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    (model,) = names_of(tmp_path, str(tmp_path / "bad.safetensors"))
    with ModelProcess(model) as process, pytest.raises(UnsupportedCheckpointError, match="bad"):
        process.upscale(textured_pair(20, 24)[0], 4)


# The run


def test_every_model_is_measured_on_every_picture(here, photos, tmp_path):
    options = options_for(
        photos, tmp_path, models=("bicubic", "nearest"), degradations=("bicubic", "heavy")
    )
    found = run(options)
    assert len(found.records) == 2 * 2 * 3
    assert not found.failed
    lines = {(line.degradation, line.model): line for line in summarize(found)}
    assert len(lines) == 4
    clean = lines["bicubic", "bicubic"].means["psnr"]
    assert clean.value > lines["heavy", "bicubic"].means["psnr"].value
    assert clean.value > lines["bicubic", "nearest"].means["psnr"].value
    assert clean.low < clean.value < clean.high
    assert clean.count == 3
    assert lines["bicubic", "bicubic"].means["shift"].value == 0
    assert lines["bicubic", "bicubic"].seconds == 0.5


def test_a_run_goes_on_and_takes_up_what_is_new(here, photos, tmp_path):
    options = options_for(photos, tmp_path)
    first = run(options)
    assert InProcess.calls == 3
    again = run(options)
    assert InProcess.calls == 3
    assert again.records == first.records
    # a cut line, a new model, a new picture
    records = tmp_path / "out" / RECORDS
    text = records.read_text()
    records.write_text(text[: text.rindex('"seconds"')])
    save(photos / "p3.png", textured_pair(64, 64)[1])
    wider = run(replace(options, models=("bicubic", "nearest")))
    assert InProcess.calls == 3 + 2 + 4
    assert [r for r in wider.records if r.model == "bicubic"][:2] == list(first.records[:2])
    # a picture that was replaced
    save(photos / "p0.png", textured_pair(130, 118)[1])
    run(options)
    assert InProcess.calls == 3 + 2 + 4 + 1


def test_a_new_metric_needs_no_upscaling(here, photos, tmp_path):
    options = options_for(photos, tmp_path, metrics=("psnr",))
    run(options)
    more = run(replace(options, metrics=("psnr", "ssim-rgb")))
    assert InProcess.calls == 3
    assert all(set(record.values) == {"psnr", "ssim-rgb"} for record in more.records)
    with pytest.raises(InvalidOptionError, match=r"`scale` 4, not 2: choose another folder"):
        run(replace(options, scale=2))


def test_results_of_other_code_or_options_are_made_again(here, photos, tmp_path, monkeypatch):
    options = options_for(photos, tmp_path)
    run(options)
    monkeypatch.setattr(
        evaluate_module, "code_identity", lambda parts: "new" if parts == RESULTS else "measures"
    )
    run(options)
    run(options)
    assert InProcess.calls == 3 + 3
    chosen = models_module.UpscaleOptions
    monkeypatch.setattr(models_module, "UpscaleOptions", partial(chosen, color_lock=False))
    run(options)
    assert InProcess.calls == 3 + 3 + 3
    run(replace(options, device="cpu", threads=1))  # change times alone
    assert InProcess.calls == 3 + 3 + 3


def test_figures_of_other_measures_are_taken_again_from_the_kept_results(
    here, photos, tmp_path, monkeypatch
):
    first = run(options_for(photos, tmp_path, metrics=("psnr", "ssim")))
    monkeypatch.setattr(judges_module, "code_identity", lambda parts: "new")
    monkeypatch.setattr(judges_module, "psnr", lambda sr, hr, **_: 7.0)
    again = run(options_for(photos, tmp_path, metrics=("psnr",)))
    assert InProcess.calls == 3
    assert [record.values["psnr"] for record in again.records] == [7.0] * 3
    assert [r.values["ssim"] for r in again.records] == [r.values["ssim"] for r in first.records]
    both = run(options_for(photos, tmp_path, metrics=("psnr", "ssim")))
    assert [len(set(record.judged.values())) for record in both.records] == [1] * 3


def test_other_weights_of_a_metric_are_other_figures(tmp_path):
    (tmp_path / "weights").mkdir()
    rng = np.random.default_rng(0)

    def identity(seed):
        names = {"mu_pris_param": (1, 36), "cov_pris_param": (36, 36), "gaussian_window": (7, 7)}
        np.savez(
            tmp_path / "weights/niqe_pris_params.npz",
            **{name: np.full(shape, seed + rng.random()) for name, shape in names.items()},
        )
        options = options_for(
            tmp_path / "set", tmp_path, metrics=("niqe", "psnr"), weights=(tmp_path / "weights",)
        )
        return Judges(options).identities

    first, second = identity(1), identity(2)
    assert first["niqe"] != second["niqe"]
    assert first["psnr"] == second["psnr"]


def test_a_kept_picture_that_is_not_the_measured_one_is_not_measured(here, photos, tmp_path):
    options = options_for(photos, tmp_path, metrics=("psnr",))
    run(options)
    path = result_path(options.output, ("photos", "bicubic", "p1", "bicubic"))
    save(path, textured_pair(120, 108)[0])
    run(replace(options, metrics=("psnr", "ssim")))
    assert InProcess.calls == 3 + 1


@pytest.mark.parametrize(
    "damage", [lambda data: data[:20], lambda data: data[: len(data) // 2], lambda data: b""]
)
def test_a_damaged_result_is_made_again(here, photos, tmp_path, damage):
    argv = ["evaluate", "--sets", str(photos), "--models", "bicubic", "nearest"]
    argv += ["-o", str(tmp_path / "out"), "-q"]
    assert main(argv) == 0
    path = result_path(tmp_path / "out", ("photos", "bicubic", "p1", "nearest"))
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert main([*argv, "--metrics", "psnr"]) == 0
    assert InProcess.calls == 6 + 1
    assert path.read_bytes() == whole


def test_removed_results_are_not_made_again_for_the_same_figures(here, photos, tmp_path):
    options = options_for(photos, tmp_path)
    first = run(options)
    shutil.rmtree(options.output / "pictures")
    assert run(options).records == first.records
    assert InProcess.calls == 3


def test_the_sheet_shows_no_result_of_an_earlier_run(here, photos, tmp_path, monkeypatch):
    options = options_for(photos, tmp_path, models=("bicubic", "nearest"))
    path = result_path(options.output, ("photos", "bicubic", "p1", "nearest"))
    save(path, textured_pair(8, 8)[0])
    whole = InProcess.upscale

    def upscale(self, lr, scale):
        if self.model.name == "nearest":
            raise DeviceError("no memory")
        return whole(self, lr, scale)

    monkeypatch.setattr(InProcess, "upscale", upscale)
    assert find_places(run(options), 3) == []


def test_records_of_other_versions_are_made_again(here, photos, tmp_path):
    options = options_for(photos, tmp_path)
    run(options)
    path = options.output / RECORDS
    entries = [json.loads(line) for line in path.read_text().splitlines() if line]
    for entry in entries[1:]:
        del entry["code"]
    entries[2]["unknown"] = 1
    path.write_text("\n".join(map(json.dumps, [*entries, 5, ["options"]])) + "\n")
    assert not run(options).failed
    assert InProcess.calls == 3 + 3


@pytest.mark.parametrize(
    "damage",
    [b"\xff", b'{"options": 5}', b"[" * 100_000, "values", "seconds", "picture", "judged"],
)
def test_damaged_records_are_made_again(here, photos, tmp_path, damage):
    options = options_for(photos, tmp_path)
    first = run(options)
    path = options.output / RECORDS
    if isinstance(damage, bytes):
        path.write_bytes(path.read_bytes() + damage + b"\n")
    else:
        head, *entries = (json.loads(line) for line in path.read_text().splitlines() if line)
        entries[1][damage] = {"psnr": "abc"} if damage == "values" else ["?"]
        path.write_text("\n".join(map(json.dumps, [head, *entries])) + "\n")
    assert run(options).records == first.records
    assert InProcess.calls == 3 + (not isinstance(damage, bytes))


def test_the_code_is_known_by_what_it_does(tmp_path):
    module = tmp_path / "engine" / "lock.py"
    module.parent.mkdir()

    def identity(text):
        module.write_text(text)
        return code_identity.__wrapped__(("engine",), tmp_path)

    first = identity('"Locks."\nA = 1.5\n"px"\n\ndef f(x):\n    "Adds."\n    return x + A\n')
    assert first == identity("A = 1.5  # px\ndef f(x): return (x + A)\n")
    assert first != identity("A = 1.6\ndef f(x): return x + A\n")
    assert first != identity('A = 1.5\ndef f(x):\n    f("px")\n    return x + A\n')
    (module.parent / "native.so").write_bytes(b"1")
    built = identity("A = 1.5\ndef f(x): return x + A\n")
    assert built != first
    (module.parent / "native.so").write_bytes(b"2")
    assert identity("A = 1.5\ndef f(x): return x + A\n") != built


def test_everything_that_shapes_results_is_there():
    for part in (*RESULTS, *MEASURES):
        assert (ROOT / part).exists(), part


def test_metrics_that_are_not_defined_are_told_and_left_out(here, photos, tmp_path):
    notices = []
    options = options_for(
        photos, tmp_path, metrics=("psnr", "ms-ssim", "shift"), degradations=("none",)
    )
    found = run(options, notices)
    assert {notice.code for notice in notices} == {"metric-left-out"}
    assert sorted(str(n).split(" is ")[0] for n in notices) == ["ms-ssim", "psnr"]
    assert set(summarize(found)[0].means) == {"shift"}
    notices.clear()
    run(replace(options, degradations=("bicubic",)), notices)
    (notice,) = notices
    assert "ms-ssim is not defined for 3 pictures of photos: p0: (120, 108) px" in str(notice)


def test_means_are_over_pictures_that_all_models_have(here, photos, tmp_path, monkeypatch):
    def fails(self, lr, scale):
        if self.model.name == "nearest" and InProcess.calls % 3 == 0:
            InProcess.calls += 1
            raise DeviceError("no memory")
        return works(self, lr, scale)

    works = InProcess.upscale
    monkeypatch.setattr(InProcess, "upscale", fails)
    options = options_for(photos, tmp_path, models=("bicubic", "nearest"))
    found = run(options)
    assert [record.picture for record in found.failed] == ["p0"]
    first, second = summarize(found)
    assert first.means["psnr"].count == second.means["psnr"].count == 2
    assert second.failed == 1
    run(options)  # what failed is tried again
    assert "1 failed" in write_reports(found, "1.2").read_text()


def test_damaged_pictures_do_not_end_the_run(here, photos, tmp_path):
    data = (photos / "p1.png").read_bytes()
    (photos / "p1.png").write_bytes(data[: len(data) // 2])
    found = run(options_for(photos, tmp_path))
    assert [record.picture for record in found.failed] == ["p1"]
    assert "p1.png" in found.failed[0].error


def test_neither_does_an_input_that_is_missing(here, paired, tmp_path, capsys):
    save(paired / "HR/b.png", textured_pair(96, 128)[0])
    argv = ["evaluate", "--sets", str(paired), "--models", "bicubic", "--degradations", "given"]
    assert main([*argv, "-o", str(tmp_path / "out")]) == 1
    shown, said = capsys.readouterr()
    assert "1 failed" in shown
    assert "error: pairs/given/b/bicubic: pairs has no input for b in a folder" in said


def test_a_set_without_any_inputs_is_refused_before_the_first_picture(
    here, photos, paired, tmp_path
):
    options = options_for(photos, tmp_path, degradations=("bicubic", "given"))
    with pytest.raises(
        InvalidOptionError, match=r"photos has no input in a folder such as LRbicx4"
    ):
        run(replace(options, sets=(paired, photos)))
    assert InProcess.calls == 0


def test_neither_do_damaged_headers_and_sizes_that_are_traps(here, photos, tmp_path):
    (photos / "a.png").write_bytes(b"no picture")
    write_bomb(photos / "b.png", 14_000)
    found = run(options_for(photos, tmp_path, models=("bicubic", "nearest")))
    assert [record.picture for record in found.failed] == ["a", "b"] * 2
    assert "max_pixels" not in str(found.failed[1].error)
    assert [line.means["psnr"].count for line in summarize(found)] == [3, 3]


def test_large_results_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(PillowImage, "MAX_IMAGE_PIXELS", 100)  # a warning, or an error from 200
    save(tmp_path / "a.png", textured_pair(20, 30)[0])
    assert evaluate_module.read_result(tmp_path / "a.png").shape == (20, 30, 3)


def test_names_that_are_no_text_are_measured_and_reported(here, photos, tmp_path, capsys):
    try:
        (photos / "p1.png").rename(photos / os.fsdecode(b"b\xfe\xe2\x80\xa8.png"))
    except OSError:
        pytest.skip("this file system has no such names")
    options = options_for(photos, tmp_path, degradations=("light",))
    found = run(options)
    calls = InProcess.calls
    assert run(options).records == found.records
    assert InProcess.calls == calls == 3  # the records were found again
    assert "b\\udcfe" in write_reports(found, "1.2").with_name("pictures.csv").read_text()


# Reports


def test_reports_agree(here, photos, tmp_path):
    options = options_for(photos, tmp_path, models=("bicubic", "nearest"))
    found = run(options)
    text = write_reports(found, "1.2").read_text()
    out = tmp_path / "out"
    report = json.loads((out / "report.json").read_text())
    with (out / "means.csv").open(newline="") as file:
        means = list(csv.DictReader(file))
    with (out / "pictures.csv").open(newline="") as file:
        pictures = list(csv.DictReader(file))
    assert len(pictures) == len(report["pictures"]) == 6
    mean = np.mean([float(row["psnr"]) for row in pictures if row["model"] == "bicubic"])
    assert report["means"][0]["means"]["psnr"]["value"] == pytest.approx(mean)
    assert float(means[0]["value"]) == pytest.approx(mean, rel=1e-5)
    assert f"**{mean:.2f}**" in text
    assert text.count("\n|") == 4


def test_the_sheet_shows_the_place_where_models_differ_most(here, photos, tmp_path):
    flat = np.full((200, 240, 3), 128, np.uint8)
    busy = flat.copy()
    busy[100:, 140:] = textured_pair(100, 100)[0]
    for number, pixels in enumerate((flat, busy)):
        save(photos / f"p{number}.png", pixels)
    options = options_for(photos, tmp_path, models=("bicubic", "nearest"))
    found = run(options)
    places = find_places(found, 2)
    assert len(places) == 2
    busy_place = next(place for place in find_places(found, 3) if place.picture.name == "p1")
    assert busy_place.top >= 90
    assert busy_place.left >= 130
    sheet = draw_places(found, [busy_place])
    side = SIDE * ZOOM
    assert sheet.shape == (20 + 16 + side + 4, 4 * (side + 4), 3)
    original = busy[busy_place.top :, busy_place.left :][:SIDE, :SIDE]
    assert (sheet[36 : 36 + side : 2, 3 * (side + 4) :: 2][:, :SIDE] == original).all()


def test_places_take_turns(here, photos, tmp_path):
    options = options_for(
        photos, tmp_path, models=("bicubic", "nearest"), degradations=("bicubic", "heavy")
    )
    places = find_places(run(options), 10)
    assert len(places) == 3  # a picture is shown once
    assert [place.degradation for place in places] == ["bicubic", "heavy", "bicubic"]


# Statistics


def test_the_interval_is_that_of_the_normal_distribution_for_many_pictures():
    values = np.random.default_rng(3).normal(30, 2, 400)
    mean = mean_of(values.tolist())
    error = values.std() / math.sqrt(400)
    assert mean.value == pytest.approx(values.mean())
    assert mean.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert mean.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)
    assert mean_of(values.tolist()) == mean
    assert mean_of([5.0]).low == 5.0
    assert mean_of([5.0, math.inf]).value == math.inf


# Metrics


def test_metrics_by_name(tmp_path):
    first, second = textured_pair(220, 240)
    lr = imresize(first, 60, 55)
    options = options_for(
        tmp_path / "set", tmp_path, metrics=("psnr", "ssim-rgb", "ms-ssim", "shift")
    )
    case = make_case_of(lr, first)
    values, reasons = Judges(options)(second, case, options.metrics)
    assert not reasons
    assert set(values) == set(options.metrics)
    assert values["shift"] == color_shift(second, bicubic(lr, second))
    same, _ = Judges(options)(first, case, options.metrics)
    assert same["psnr"] == math.inf
    assert same["ssim-rgb"] == same["ms-ssim"] == 1


def make_case_of(lr, hr):
    from realesr.evaluation.sets import Case

    return Case(lr, hr, 0)


def test_missing_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("realesr.evaluation.judges.weight_folders", tuple)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for metric, name in (("niqe", "niqe_pris_params.npz"), ("squeezenet", "squeezenet1_1")):
        with pytest.raises(MissingWeightsError, match=f"`metrics` {metric} needs {name}"):
            Judges(options_for(tmp_path / "set", tmp_path, metrics=(metric,)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": ("fid",)}, "`metrics` fid: must be one of psnr"),
        ({"degradations": ("awful",)}, "`degradations` awful"),
        ({"degradations": ("none", "light", "none")}, "`degradations` none: is named twice"),
        ({"metrics": ("psnr", "psnr")}, "`metrics` psnr: is named twice"),
        ({"models": ()}, "`models`: name at least one"),
        ({"limit": 0}, "`limit` 0"),
        ({"scale": 0}, "`scale` 0"),
        ({"weights": ("nowhere",)}, "`weights` nowhere: there is no such folder: name"),
        ({"weights": (__file__,)}, r"`weights` .*\.py: is a file: name the folder"),
    ],
)
def test_bad_options_are_named(tmp_path, changes, message):
    with pytest.raises(InvalidOptionError, match=message):
        options_for(tmp_path / "set", tmp_path, **changes)
    assert len(set(METRICS)) == len(METRICS)


def test_the_command(here, photos, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    argv = ["evaluate", "--sets", str(photos), "--models", "bicubic", "bicubic+nearest"]
    assert main([*argv, "-o", str(out), "--degradations", "light", "--metrics", "psnr"]) == 0
    shown = capsys.readouterr().out
    assert "### photos, light (3 pictures)" in shown
    assert shown == (out / "report.md").read_text()
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "cp1252", write_through=True))
    assert main([*argv, "-o", str(out), "--degradations", "light", "--metrics", "psnr"]) == 0
    assert "psnr \\u2191" in raw.getvalue().decode("cp1252")
    assert (out / "sheet.png").is_file()
    assert result_path(out, ("photos", "light", "p0", "0.5*bicubic+0.5*nearest")).is_file()
    assert main([*argv, "-o", str(out), "--crop", "-1"]) == 2
    assert "--crop -1: must be 0 or more" in capsys.readouterr().err
    assert main([*argv, "-o", str(out), "--original", "a.mp4"]) == 2
    assert main([*argv, "-o", str(out), "--original", "a.mp4", "--clips", "b.mp4"]) == 2


@pytest.mark.parametrize(
    ("name", "db", "similarity"), [("Set5", 28.43, 0.811), ("Set14", 26.09, 0.705)]
)
def test_bicubic_has_the_published_figures(name, db, similarity):
    """The customary baseline, from the originals alone: x1/4 as MATLAB does it, x4 by Pillow."""
    pictures = list_pictures([shared(f"eval/{name}/HR").parent], scale=4)
    judges = Judges(options_for(Path(name), Path("results")))
    values = []
    for picture in pictures:
        case = make_case(picture, "bicubic", scale=4, seed=0)
        sr = _upscale([(Interpolator("bicubic"), 1.0)], case.lr, 4)
        values.append(judges(sr, case, ("psnr", "ssim"))[0])
    assert np.mean([v["psnr"] for v in values]) == pytest.approx(db, abs=0.02)
    assert np.mean([v["ssim"] for v in values]) == pytest.approx(similarity, abs=0.002)
