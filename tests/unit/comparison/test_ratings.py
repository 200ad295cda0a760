import json

import pytest

from realesr.comparison.ratings import read_answers
from realesr.errors import UnreadableMediaError


def write(path, answers, *, rater="Ada", asked="ratings", page="p", **more):
    path.write_text(
        json.dumps(
            {
                "format": "realesr-ratings",
                "version": 1,
                "page": page,
                "asked": asked,
                "rater": rater,
                "entries": ["a", "b"],
                "answers": answers,
                **more,
            }
        )
    )
    return path


def rating(entry, grade, image="x.png"):
    return {"image": image, "entry": entry, "rating": grade}


def pair(left, right, preferred, image="x.png"):
    return {"image": image, "left": left, "right": right, "preferred": preferred}


def test_the_last_answer_of_a_rater_counts(tmp_path):
    first = write(tmp_path / "1.json", [rating("a", 1), rating("b", 2)])
    again = write(tmp_path / "2.json", [rating("a", 5)])
    other = write(tmp_path / "3.json", [rating("a", 3)], rater="Bob")
    answers = read_answers([first, again, other])
    grades = {(each.rater, each.entry): each.grade for each in answers.ratings}
    assert grades == {("Ada", "a"): 5, ("Ada", "b"): 2, ("Bob", "a"): 3}
    assert answers.raters == ("Ada", "Bob")


def test_a_pair_is_the_same_from_either_side(tmp_path):
    first = write(tmp_path / "1.json", [pair("a", "b", "left")], asked="pairs")
    again = write(tmp_path / "2.json", [pair("b", "a", "left")], asked="pairs")
    (choice,) = read_answers([first, again]).preferences
    assert (choice.left, choice.preferred) == ("b", "left")


@pytest.mark.parametrize("names", [("1.json", "2.json"), ("one/r.json", "two/r.json")])
def test_raters_without_a_name_are_told_apart_by_file(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
    files = [
        write(tmp_path / name, [rating("a", n)], rater=" " * n) for n, name in enumerate(names, 1)
    ]
    assert [each.grade for each in read_answers(files).ratings] == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        rating("a", 6),
        rating("a", "5"),
        rating("c", 5),
        {"image": "x.png"},
        "x",
    ],
)
def test_damaged_answers_name_their_file(tmp_path, answer):
    path = write(tmp_path / "bad.json", [answer])
    with pytest.raises(UnreadableMediaError, match=r"bad\.json"):
        read_answers([path])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "realesr-ratings", "version": 2}'])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(UnreadableMediaError, match=r"bad\.json"):
        read_answers([path])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableMediaError, match=r"none\.json"):
        read_answers([tmp_path / "none.json"])


def test_a_file_that_is_nested_deeply_is_no_file_of_answers(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(UnreadableMediaError, match=r"deep\.json: is nested too deeply"):
        read_answers([path])
