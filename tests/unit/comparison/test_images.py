import io
import os
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.comparison.blind import blinded
from realesr.comparison.content import Comparison, Subject, View
from realesr.comparison.entries import parse_entries
from realesr.comparison.images import compare_images
from realesr.comparison.inputs import find_inputs
from realesr.comparison.options import CompareOptions
from realesr.comparison.page import write_page
from realesr.comparison.regions import most_detailed_regions
from realesr.comparison.results import find_results
from realesr.engine.interpolation import Interpolator
from realesr.errors import InvalidOptionError, UnknownModelError, UnreadableMediaError
from realesr.geometry import Size
from realesr.media.formats import IMAGES, VIDEOS
from realesr.media.images.decode import read_image
from realesr.options import UpscaleOptions

COMMON = UpscaleOptions(threads=1)


def image(path, width=20, height=10, seed=0, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = len(mode)
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    PillowImage.fromarray(noise if channels > 1 else noise[..., 0], mode).save(path)
    return path


def load(options):
    return Interpolator(options.model_name)


def decoded(view):
    return np.asarray(PillowImage.open(io.BytesIO(view.data)).convert("RGB"))


def compare(names, paths, options=None, outscale=2.0):
    return compare_images(
        parse_entries(names, COMMON),
        paths,
        options or CompareOptions(format="png"),
        outscale=outscale,
        load=load,
    )


def test_every_view_is_what_its_entry_makes(tmp_path):
    path = image(tmp_path / "a.png")
    ready = image(tmp_path / "ready/a_out.png", 40, 20, seed=1)
    content = compare(["nearest", "bicubic", f"theirs={ready.parent}"], [path])
    (subject,) = content.subjects
    assert content.entries == ("nearest", "bicubic", "theirs")
    assert [view.name for view in subject.views] == ["input", "nearest", "bicubic", "theirs"]
    assert subject.size == Size(40, 20)
    source, nearest, _, theirs = map(decoded, subject.views)
    np.testing.assert_array_equal(source, np.asarray(PillowImage.open(path)))
    np.testing.assert_array_equal(nearest, source.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(theirs, np.asarray(PillowImage.open(ready)))
    assert [view.seconds is None for view in subject.views] == [True, False, False, True]


def test_a_network_gets_the_color_of_a_jpeg_smoothed_as_by_the_command(tmp_path):
    path, weights = tmp_path / "a.jpg", tmp_path / "new.pth"
    noise = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    PillowImage.fromarray(noise).save(path, quality=20)
    weights.touch()
    content = compare_images(
        parse_entries(["nearest", str(weights)], COMMON),
        [path],
        CompareOptions(format="png"),
        outscale=1.0,
        load=lambda options: Interpolator("nearest"),
    )
    source, plain, network = map(decoded, content.subjects[0].views)
    np.testing.assert_array_equal(source, read_image(path).pixels)
    np.testing.assert_array_equal(plain, source)
    np.testing.assert_array_equal(network, read_image(path, smooth_color=True).pixels)
    assert (network != plain).any()


def test_a_crop_is_the_same_place_in_ready_results(tmp_path):
    path = image(tmp_path / "a.png", 40, 30)
    large = PillowImage.open(path).resize((120, 90), PillowImage.Resampling.NEAREST)
    large.save(tmp_path / "large.png")
    options = CompareOptions(format="png", crop=Size(12, 8))
    content = compare([f"theirs={tmp_path / 'large.png'}"], [path], options, outscale=3)
    source, theirs = map(decoded, content.subjects[0].views)
    assert source.shape == (8, 12, 3)
    np.testing.assert_array_equal(theirs, source.repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize("mode", ["RGBA", "L"])
@pytest.mark.parametrize("suffix", ["webp", "jpeg", "png"])
def test_other_kinds_of_images_are_embedded_in_every_format(tmp_path, mode, suffix):
    path = image(tmp_path / "a.png", mode=mode)
    content = compare(["nearest"], [path], CompareOptions(format=suffix))
    view = content.subjects[0].views[1]
    assert view.mime == f"image/{suffix}"
    assert decoded(view).shape == (20, 40, 3)


def test_a_page_that_becomes_too_large_is_refused_with_the_remedy(tmp_path):
    paths = [image(tmp_path / f"{n}.png", 60, 60, seed=n) for n in range(3)]
    with pytest.raises(InvalidOptionError, match="`limit`"):
        compare(["nearest"], paths, CompareOptions(format="png", limit=50_000))


def test_detail_is_found():
    pixels = np.zeros((50, 60, 3), np.uint8)
    pixels[10:20, 30:40] = np.random.default_rng(0).integers(0, 256, (10, 10, 3))
    pixels[40:45, 5:10] = np.random.default_rng(0).integers(0, 256, (5, 5, 3))
    first, second = most_detailed_regions(pixels, Size(12, 12), 2)
    assert 27 <= first.x <= 31
    assert 7 <= first.y <= 11
    assert second.x <= 9
    assert second.y >= 28
    assert most_detailed_regions(pixels, Size(100, 100))[0].size == Size(60, 50)


@pytest.mark.parametrize(
    ("texts", "error", "words"),
    [
        (["bicubic", "bicubic"], InvalidOptionError, "two entries"),
        (["input=bicubic"], InvalidOptionError, "another name"),
        (["bicubik"], UnknownModelError, "did you mean bicubic"),
        (["none.pth"], UnreadableMediaError, r"none\.pth"),
    ],
)
def test_entries_that_cannot_be(texts, error, words):
    with pytest.raises(error, match=words):
        parse_entries(texts, COMMON)


def test_entries_are_models_files_and_folders(tmp_path):
    weights = tmp_path / "w.pth"
    weights.touch()
    (tmp_path / "ready").mkdir()
    named, plain, file, folder = parse_entries(
        ["mine=lanczos", "realesr-photo-x4", str(weights), str(tmp_path / "ready")], COMMON
    )
    assert (named.name, named.options.model_name) == ("mine", "lanczos")
    assert plain.name == plain.options.model_name == "realesr-photo-x4"
    assert (file.name, file.options.model_path) == ("w", weights)
    assert (folder.name, folder.results) == ("ready", tmp_path / "ready")
    assert named.options.threads == 1


def test_a_result_is_found_by_its_name(tmp_path):
    for name in ("a.png", "a_out.png", "b_x4.jpg", "ab.png", "c_1.png", "c_2.png"):
        (tmp_path / name).touch()
    (entry,) = parse_entries([str(tmp_path)], COMMON)

    def found(name):
        (result,) = find_results([entry], [tmp_path / "in" / name], IMAGES)[entry.name]
        return result.name

    assert found("a.webp") == "a.png"
    assert found("b.png") == "b_x4.jpg"
    with pytest.raises(UnreadableMediaError, match="several results"):
        found("c.png")
    with pytest.raises(UnreadableMediaError, match="no result of d"):
        found("d.png")


def test_a_result_belongs_to_the_input_with_the_longest_name(tmp_path):
    sources = [tmp_path / "in" / name for name in ("a.png", "a_b.png", "a_b-c.dat")]
    for name in ("a_out.png", "a_b_out.png", "a_b-c_out.png"):
        image(tmp_path / name)
    (entry,) = parse_entries([str(tmp_path)], COMMON)
    found = find_results([entry], sources, IMAGES)[entry.name]
    assert [path.name for path in found] == ["a_out.png", "a_b_out.png", "a_b-c_out.png"]
    (tmp_path / "a_out.png").unlink()
    with pytest.raises(UnreadableMediaError, match="no result of a"):
        find_results([entry], sources, IMAGES)


def test_an_input_is_no_result_of_itself(tmp_path):
    for name in ("a.png", "a_out.png"):
        image(tmp_path / name)
    (entry,) = parse_entries([str(tmp_path)], COMMON)
    assert find_results([entry], [tmp_path / "a.png"], IMAGES)[entry.name] == (
        tmp_path / "a_out.png",
    )


def test_missing_results_are_told_before_any_work(tmp_path):
    path = image(tmp_path / "in/a.png")
    (tmp_path / "ready").mkdir()
    with pytest.raises(UnreadableMediaError, match="no result of a"):
        compare_images(
            parse_entries(["bicubic", str(tmp_path / "ready")], COMMON),
            [path],
            CompareOptions(),
            outscale=2,
            load=lambda options: pytest.fail("a model is loaded"),
        )


def smooth(path, width, height, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(noise).resize((width, height), PillowImage.Resampling.BICUBIC).save(path)
    return path


@pytest.mark.parametrize("crop", [None, Size(30, 20)])
@pytest.mark.parametrize(
    ("size", "seed", "words"),
    [
        ((80, 60), 0, []),
        ((40, 30), 0, ["has 40x30 px, and "]),
        ((80, 60), 1, ["does not look like"]),
        ((80, 80), 2, ["has 80x80 px, and ", "does not look like"]),
    ],
)
def test_a_result_that_does_not_fit_is_told(tmp_path, size, seed, words, crop):
    path = smooth(tmp_path / "a.png", 40, 30)
    ready = smooth(tmp_path / "r.png", *size, seed=seed)
    notices = []
    compare_images(
        parse_entries([f"theirs={ready}"], COMMON),
        [path],
        CompareOptions(crop=crop),
        outscale=2,
        load=load,
        notify=notices.append,
    )
    assert len(notices) == len(words)
    for notice, expected in zip(notices, words, strict=True):
        assert notice.code == "result-differs"
        assert str(ready) in notice.message
        assert expected in notice.message


def test_broken_links_and_fifos_in_a_folder_are_told(tmp_path):
    path = image(tmp_path / "p/a.png")
    (tmp_path / "p/b.png").symlink_to(tmp_path / "absent.png")
    (tmp_path / "p/c.png").symlink_to(tmp_path / "p/c.png")
    os.mkfifo(tmp_path / "p/d.png")
    notices = []
    assert find_inputs([tmp_path / "p"], notify=notices.append) == (IMAGES, (path,))
    assert len(notices) == 3
    for notice, name in zip(notices, "bcd", strict=True):
        assert notice.code == "special-file-skipped"
        assert f"{name}.png" in notice.message
        assert notice.message.endswith("left out")


def test_a_folder_of_broken_links_is_an_error(tmp_path):
    for name in ("b.png", "c.png"):
        (tmp_path / name).symlink_to(tmp_path / "absent.png")
    with pytest.raises(UnreadableMediaError, match="No such file"):
        find_inputs([tmp_path])


def test_inputs_are_of_one_kind(tmp_path):
    image(tmp_path / "p/a.png")
    (tmp_path / "v").mkdir()
    (tmp_path / "v/b.mp4").touch()
    assert find_inputs([tmp_path / "p"]) == (IMAGES, (tmp_path / "p/a.png",))
    assert find_inputs([tmp_path / "v"]) == (VIDEOS, (tmp_path / "v/b.mp4",))
    notices = []
    (tmp_path / "p/c.mp4").touch()
    _, paths = find_inputs([tmp_path / "p"], notify=notices.append)
    assert paths == (tmp_path / "p/a.png",)
    assert [(each.code, "(1)" in each.message) for each in notices] == [("clips-left-out", True)]
    with pytest.raises(InvalidOptionError, match="one page"):
        find_inputs([tmp_path / "p", tmp_path / "v"])
    with pytest.raises(UnreadableMediaError, match="none"):
        find_inputs([tmp_path / "none.png"])


@pytest.mark.parametrize(
    "values",
    [{"format": "bmp"}, {"quality": 0}, {"frames": 0}, {"start": Fraction(-1)}, {"seed": -1}],
)
def test_options_are_checked(values):
    with pytest.raises(InvalidOptionError, match=next(iter(values))):
        CompareOptions(**values)


def content_of(names, entries=("a", "b", "c")):
    def view(name):
        return View(name=name, mime="image/png", data=name.encode(), size=Size(4, 4))

    subjects = tuple(
        Subject(name=name, size=Size(4, 4), views=tuple(map(view, ("input", *entries))))
        for name in names
    )
    return Comparison(kind="images", entries=entries, subjects=subjects)


def order(subject):
    return [view.name for view in subject.views]


def test_blind_orders_follow_from_seed_and_image():
    names = [f"{n}.png" for n in range(20)]
    first = blinded(content_of(names), ask="pairs", seed=1).comparison
    again = blinded(content_of(names[5:]), ask="pairs", seed=1).comparison
    other = blinded(content_of(names), ask="pairs", seed=2).comparison
    assert list(map(order, first.subjects[5:])) == list(map(order, again.subjects))
    assert list(map(order, first.subjects)) != list(map(order, other.subjects))
    assert {order(subject)[0] for subject in first.subjects} == {"input"}
    assert len({tuple(order(subject)) for subject in first.subjects}) > 3


def test_every_pair_is_asked_once_from_either_side():
    blind = blinded(content_of([f"{n}.png" for n in range(40)]), ask="pairs", seed=0)
    asked = [(task.subject, tuple(sorted(task.views))) for task in blind.tasks]
    assert len(asked) == len(set(asked)) == 40 * 3
    assert 40 < sum(left < right for left, right in (task.views for task in blind.tasks)) < 80
    ratings = blinded(content_of(["x.png"]), ask="ratings", seed=0)
    assert [task.views for task in ratings.tasks] == [(1,), (2,), (3,)]


def test_one_entry_cannot_be_preferred():
    with pytest.raises(InvalidOptionError, match="at least 2"):
        blinded(content_of(["x.png"], ("a",)), ask="pairs", seed=0)


def test_names_cannot_break_out_of_the_page(tmp_path):
    evil = "</script><script>alert(1)</script>{{media}}{{style}}"
    content = content_of([evil])
    content = replace(content, entries=(evil, "b", "c"))
    write_page(content, tmp_path / "x.html", title="<img src=x>{{data}}", limit=10**7)
    text = (tmp_path / "x.html").read_text()
    assert "alert(1)</script>" not in text
    assert "<img src=x>" not in text
    assert "<title>&lt;img src=x&gt;{{data}}</title>" in text
    assert text.count("<script>") == 1


def test_a_blind_page_does_not_name_entries_in_plain(tmp_path):
    content = content_of(["x.png"], ("secret-one", "secret-two"))
    content = replace(
        content,
        entries=(),
        subjects=tuple(
            replace(s, views=tuple(replace(v, data=b"x") for v in s.views))
            for s in content.subjects
        ),
    )
    blind = replace(blinded(replace(content, entries=("1", "2")), ask="pairs", seed=0))
    write_page(blind, tmp_path / "x.html", title="quiz", limit=10**7)
    assert "secret" not in (tmp_path / "x.html").read_text()


def test_a_page_above_its_limit_is_not_written(tmp_path):
    with pytest.raises(InvalidOptionError, match="`limit`"):
        write_page(content_of(["x.png"]), tmp_path / "x.html", title="t", limit=100)
    assert not list(tmp_path.iterdir())


def test_names_need_not_be_text(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    content = content_of([name])
    for each in (content, blinded(content, ask="pairs", seed=0)):
        write_page(each, tmp_path / "x.html", title=name, limit=10**7)
        assert b"caf\\udce9.png" in (tmp_path / "x.html").read_bytes()


def test_what_is_not_read_is_told(tmp_path):
    frames = [PillowImage.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    notices = []
    compare_images(
        parse_entries(["nearest"], COMMON), [tmp_path / "a.png"], CompareOptions(),
        outscale=2.0, load=load, notify=notices.append,
    )  # fmt: skip
    assert [notice.code for notice in notices] == ["pages-dropped"]
    assert "a.png" in notices[0].message
