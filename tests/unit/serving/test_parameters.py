import pytest

pytest.importorskip("fastapi")

from starlette.exceptions import HTTPException

from realesr.serving.parameters import ImageParameters, VideoParameters, parse, with_hyphens


@pytest.mark.parametrize("kind", [ImageParameters, VideoParameters])
def test_every_number_tells_its_bounds(kind):
    for name, schema in kind.model_json_schema()["properties"].items():
        types = {each.get("type") for each in schema.get("anyOf", (schema,))}
        if types & {"number", "integer"}:
            with pytest.raises(HTTPException) as refused:
                parse(kind, [(name, "nan")])
            assert refused.value.detail.startswith(f"`{name}` nan: must be a ")


def test_bounds_are_whole_words():
    for name, words in (
        ("start", "a number from 0 to 1000000"),
        ("end", "a number above 0 and at most 1000000"),
        ("frames", "a whole number from 1"),
    ):
        with pytest.raises(HTTPException) as refused:
            parse(VideoParameters, [(name, "-1")])
        assert refused.value.detail == f"`{name}` -1: must be {words}"


def test_long_values_are_cut():
    for name, value in (("outscale", "x" * 9999), ("x" * 9999, "1")):
        with pytest.raises(HTTPException) as refused:
            parse(ImageParameters, [(name, value)])
        assert len(refused.value.detail) < 300


def test_only_names_get_hyphens():
    words = "`model_name` a_b: `ext` is no_name"
    assert with_hyphens(words) == words.replace("`model_name`", "`model-name`")
