import pytest

from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.options import OutputOptions
from realesr.plan import Job, make_plan


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("")
    return folder


def plan(input_, output, **changes):
    return make_plan(OutputOptions(input=input_, output=output, **changes))


def test_a_folder_becomes_its_pictures_in_order(tmp_path):
    source = touch(tmp_path / "in", "b.JPG", "a.png", "notes.txt", ".hidden.png", "c d.webp")
    (source / "sub.png").mkdir()
    made = plan(source, tmp_path / "out")
    assert made.jobs == (
        Job(source / "a.png", tmp_path / "out/a_out.png"),
        Job(source / "b.JPG", tmp_path / "out/b_out.JPG"),
        Job(source / "c d.webp", tmp_path / "out/c d_out.webp"),
    )
    assert made.skipped == (source / "notes.txt",)
    assert not (tmp_path / "out").exists()


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


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path):
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


@pytest.mark.parametrize("name", ["none", "none.png"])
def test_missing_inputs_are_named(tmp_path, name):
    with pytest.raises(UnreadableMediaError, match=name):
        plan(tmp_path / name, tmp_path / "out")


def test_other_files_are_refused(tmp_path):
    source = touch(tmp_path / "in", "notes.txt")
    with pytest.raises(UnreadableMediaError, match="no picture"):
        plan(source, tmp_path / "out")
    with pytest.raises(UnreadableMediaError, match=r"notes\.txt"):
        plan(source / "notes.txt", tmp_path / "out")
