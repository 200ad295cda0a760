from pathlib import Path

import pytest

from realesr import spool
from realesr.errors import InvalidOptionError, UnreadableMediaError, UnsupportedMediaError
from realesr.media import listing
from realesr.options import EncodingOptions, FileOptions
from realesr.plan import make_plan


@pytest.fixture(autouse=True, params=["short", "long"])
def _length(request, monkeypatch):
    """Every test holds for lists in memory, and for lists on the disk."""
    if request.param == "long":
        monkeypatch.setattr(spool, "BLOCK", 2)
        monkeypatch.setattr(spool, "MEMORY_BYTES", 1)
        monkeypatch.setattr(listing, "RUN", 2)


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("")
    return folder


def plan(input_, output, **changes):
    return make_plan(FileOptions(inputs=(input_,), output=output, **changes))


def test_a_folder_becomes_its_images_in_order(tmp_path):
    source = touch(tmp_path / "in", "b.JPG", "a.png", "notes.txt", ".hidden.png", "c d.webp")
    (source / "sub.png").mkdir()
    made = plan(source, tmp_path / "out")
    assert [(job.source, job.destination) for job in made.jobs] == [
        (source / "a.png", tmp_path / "out/a_out.png"),
        (source / "b.JPG", tmp_path / "out/b_out.JPG"),
        (source / "c d.webp", tmp_path / "out/c d_out.webp"),
        (source / "sub.png", tmp_path / "out/sub_out.png"),  # fails when it is read
    ]
    assert list(made.skipped) == [source / "notes.txt"]
    assert not (tmp_path / "out").exists()


def test_outputs_beside_their_inputs_do_not_come_back(tmp_path):
    folder = touch(tmp_path / "in", "a.png", "b.png", "a_out.png", "c_out.png")
    made = plan(folder, folder, skip_existing=True)
    assert [job.source.name for job in made.jobs] == ["b.png", "c_out.png"]
    assert [job.source.name for job in made.existing] == ["a.png"]
    assert len(plan(folder, tmp_path / "out").jobs) == 4
    with pytest.raises(InvalidOptionError, match="would replace"):
        plan(folder, folder, skip_existing=True, suffix="")


@pytest.mark.parametrize(
    ("output", "suffix", "expected"),
    [
        ("out", "out", "out/a.b_out.png"),
        ("out", "x4", "out/a.b_x4.png"),
        ("out", "", "out/a.b.png"),
        ("big.jpg", "out", "big.jpg"),
        ("out.d", "out", "out.d/a.b_out.png"),
    ],
)
def test_a_file_goes_to_a_folder_or_a_file(tmp_path, output, suffix, expected):
    source = touch(tmp_path / "in", "a.b.png") / "a.b.png"
    (job,) = plan(source, tmp_path / output, suffix=suffix).jobs
    assert job.destination == tmp_path / expected


def test_a_folder_named_like_a_image_is_a_folder(tmp_path):
    source = touch(tmp_path / "in", "a.png") / "a.png"
    (tmp_path / "out.png").mkdir()
    (job,) = plan(source, tmp_path / "out.png").jobs
    assert job.destination == tmp_path / "out.png/a_out.png"


def test_inputs_are_never_replaced(tmp_path):
    source = touch(tmp_path / "in", "a.png", "a_out.png")
    link = tmp_path / "link"
    link.symlink_to(source)
    with pytest.raises(InvalidOptionError, match=r"a\.png would replace"):
        plan(source, link, suffix="")
    with pytest.raises(InvalidOptionError, match=r"a_out\.png would replace"):
        plan(source, source)


@pytest.mark.parametrize(
    ("ext", "expected"), [("auto", "a_out.JPG"), ("png", "a_out.png"), ("avif", "a_out.avif")]
)
def test_the_format_can_be_chosen(tmp_path, ext, expected):
    source = touch(tmp_path / "in", "a.JPG")
    (job,) = plan(source, tmp_path / "out", ext=ext).jobs
    assert job.destination == tmp_path / "out" / expected
    (job,) = plan(source / "a.JPG", tmp_path / "out", ext=ext).jobs
    assert job.destination == tmp_path / "out" / expected


def test_a_file_name_and_a_format_must_agree(tmp_path):
    source = touch(tmp_path / "in", "a.png") / "a.png"
    assert plan(source, tmp_path / "b.webp", ext="webp").jobs[0].destination.name == "b.webp"
    with pytest.raises(InvalidOptionError, match="contradict"):
        plan(source, tmp_path / "b.webp", ext="png")


def outputs(made):
    return {job.source.name: job.destination.name for job in made.jobs}


def test_outputs_with_the_same_name_are_numbered(tmp_path):
    source = touch(tmp_path / "in", "a.png", "a.jpg", "a.webp", "a_out_2.png", "b.png")
    made = plan(source, tmp_path / "out", ext="webp", suffix="")
    assert outputs(made) == {
        "a.jpg": "a.webp",
        "a.png": "a_2.webp",
        "a.webp": "a_3.webp",
        "a_out_2.png": "a_out_2.webp",
        "b.png": "b.webp",
    }


def test_a_number_is_never_that_of_another_name(tmp_path):
    source = touch(tmp_path / "in", "a.png", "a.jpg", "a_2.png")
    made = plan(source, tmp_path / "out", ext="webp", suffix="")
    assert outputs(made) == {"a.jpg": "a.webp", "a.png": "a_3.webp", "a_2.png": "a_2.webp"}
    twins = [touch(tmp_path / name, "a.png") / "a.png" for name in ("x", "y")]
    made = make_plan(FileOptions(inputs=tuple(twins), output=tmp_path / "out"))
    assert [job.destination.name for job in made.jobs] == ["a_out.png", "a_out_2.png"]


def test_numbers_hold_when_a_run_goes_on(tmp_path):
    source = touch(tmp_path / "in", "a.png", "a.jpg")
    out = touch(tmp_path / "out", "a_out.webp")
    made = plan(source, out, ext="webp", skip_existing=True)
    assert outputs(made) == {"a.png": "a_out_2.webp"}
    touch(out, "a_out_2.webp")
    assert not plan(source, out, ext="webp", skip_existing=True).jobs
    touch(source, "a_2.bmp", "a.bmp")  # came later and takes the first name: all are done again
    made = plan(source, out, ext="webp", skip_existing=True)
    assert outputs(made) == {
        "a.bmp": "a_out.webp",
        "a.jpg": "a_out_2.webp",
        "a.png": "a_out_3.webp",
        "a_2.bmp": "a_2_out.webp",
    }


def test_numbered_outputs_beside_their_inputs_do_not_come_back(tmp_path):
    folder = touch(tmp_path / "in", "a.png", "a.jpg", "a_out.webp", "a_out_2.webp")
    made = plan(folder, folder, ext="webp", skip_existing=True)
    assert not made.jobs
    assert [job.destination.name for job in made.existing] == ["a_out.webp", "a_out_2.webp"]


def test_outputs_of_earlier_plans_stay_theirs(tmp_path):
    source = touch(tmp_path / "in", "a.png", "a.jpg")
    earlier = {source / "a.png": tmp_path / "out/a_out.webp"}
    options = FileOptions(inputs=(source,), output=tmp_path / "out", ext="webp")
    made = make_plan(options, earlier=earlier)
    assert outputs(made) == {"a.jpg": "a_out_2.webp", "a.png": "a_out.webp"}
    (source / "a.png").unlink()
    assert outputs(make_plan(options, earlier=earlier)) == {"a.jpg": "a_out_2.webp"}


def test_lossless_is_refused_where_there_is_no_such_thing(tmp_path):
    source = touch(tmp_path / "in", "a.png", "b.jpg")
    lossless = EncodingOptions(lossless=True)
    with pytest.raises(InvalidOptionError, match=r"`lossless`: .*b_out\.jpg would be JPEG"):
        plan(source, tmp_path / "out", encoding=lossless)
    plan(source, tmp_path / "out", encoding=lossless, ext="webp")


@pytest.mark.parametrize("name", ["none", "none.png"])
def test_missing_inputs_are_named(tmp_path, name):
    with pytest.raises(UnreadableMediaError, match=name):
        plan(tmp_path / name, tmp_path / "out")


def test_other_files_are_refused(tmp_path):
    source = touch(tmp_path / "in", "notes.txt")
    with pytest.raises(UnreadableMediaError, match="no image"):
        plan(source, tmp_path / "out")
    with pytest.raises(UnsupportedMediaError, match=r"notes\.txt"):
        plan(source / "notes.txt", tmp_path / "out")


def test_a_tree_is_mirrored(tmp_path):
    top = touch(tmp_path / "in", "a.png", "note.txt")
    touch(top / "sub", "a.png")
    touch(top / "sub" / "deeper.png", "b.jpg")
    touch(top / ".hidden", "c.png")
    touch(top / "out", "a_out.png")  # of an earlier run
    made = plan(top, top / "out", recursive=True)
    assert [job.destination.relative_to(top / "out").as_posix() for job in made.jobs] == [
        "a_out.png",
        "sub/a_out.png",
        "sub/deeper.png/b_out.jpg",
    ]
    assert list(made.skipped) == [top / "note.txt"]


def test_patterns_and_several_inputs(tmp_path):
    source = touch(tmp_path / "in", "a.png", "b.jpg", "c.png", "notes.txt")
    touch(source / "deep", "d.png")
    for pattern, names in {"*.png": "ac", "[ab].*": "ab", "**/d.png": "d", "*": "abc"}.items():
        made = plan(source / pattern, tmp_path / "out")
        assert [job.source.stem for job in made.jobs] == list(names)
    inputs = (source / "a.png", source / "deep", source / "b.*")
    made = make_plan(FileOptions(inputs=inputs, output=tmp_path / "out"))
    assert [job.source.stem for job in made.jobs] == ["a", "d", "b"]
    with pytest.raises(UnreadableMediaError, match=r"x\*: no image matches"):
        plan(source / "x*", tmp_path / "out")


def test_a_name_with_signs_of_a_pattern_is_a_name_where_it_exists(tmp_path):
    source = touch(tmp_path / "in", "a[1].png", "a1.png")
    (job,) = plan(source / "a[1].png", tmp_path / "out").jobs
    assert job.source.name == "a[1].png"


def test_one_name_does_not_take_many_inputs(tmp_path):
    source = touch(tmp_path / "in", "a.png", "b.png")
    with pytest.raises(InvalidOptionError, match="2 inputs: name a folder"):
        plan(source, tmp_path / "big.png")


def test_existing_outputs_can_be_left_alone(tmp_path):
    source = touch(tmp_path / "in", "a.png", "b.png")
    touch(tmp_path / "out", "a_out.png")
    assert len(plan(source, tmp_path / "out").jobs) == 2
    made = plan(source, tmp_path / "out", skip_existing=True)
    assert [job.source.name for job in made.jobs] == ["b.png"]
    assert [job.source.name for job in made.existing] == ["a.png"]


def test_an_input_named_twice_is_done_once(tmp_path):
    source = touch(tmp_path / "in", "a.png", "b.png")
    inputs = (source / "b.png", source, source / "*.png")
    made = make_plan(FileOptions(inputs=inputs, output=tmp_path / "out"))
    assert [job.source.name for job in made.jobs] == ["b.png", "a.png"]


@pytest.mark.parametrize(
    ("input_", "output", "ext", "expected"),
    [
        ("-", "-", "auto", "PNG"),
        ("-", "-", "jpg", "JPEG"),
        ("-", "big.webp", "auto", "WEBP"),
        ("a.JPG", "-", "auto", "JPEG"),
        ("a.JPG", "-", "png", "PNG"),
    ],
)
def test_standard_streams_have_a_format(tmp_path, monkeypatch, input_, output, ext, expected):
    monkeypatch.chdir(touch(tmp_path / "in", "a.JPG", "-"))
    (job,) = plan(Path(input_), Path(output), ext=ext, skip_existing=True).jobs
    assert (str(job.source), str(job.destination)) == (input_, output)
    assert job.target.name == expected


def test_a_stream_is_for_one_image(tmp_path):
    source = touch(tmp_path / "in", "a.png", "b.png")
    with pytest.raises(InvalidOptionError, match="2 inputs"):
        plan(source, Path("-"))
    with pytest.raises(InvalidOptionError, match="add `output` -"):
        plan(Path("-"), tmp_path / "out")


def test_inputs_that_others_name_too_are_no_failure(tmp_path):
    source = touch(tmp_path / "in", "a.png")
    made = make_plan(FileOptions(inputs=(source, source / "*.png"), output=tmp_path / "out"))
    assert (len(made.jobs), made.refused) == (1, ())
