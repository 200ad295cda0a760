import csv
from pathlib import Path

import pytest

from realesr.errors import InvalidOptionError
from realesr.media.images.manifest import allowed_files, license_of, read_manifest

from support.paths import shared

LICENSES = ("CC0", "public domain", "MIT", "CC BY 4.0", "Unsplash licence")


def test_licenses_are_denied_unless_named(tmp_path):
    manifest = tmp_path / "manifest.csv"
    rows = {
        "a": "CC0 1.0",
        "b": "CC BY-SA 4.0",
        "c": "GPL-2.0+/CC BY 4.0 per repository files",
        "d": "CC BY 4.0 (offered)",
        "e": "",
        "f": "LGPL-3.0 (MIT too, perhaps)",
    }
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "licence"), *rows.items()])
    assert allowed_files(manifest, LICENSES, tmp_path) == {"a", "d"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file\na.png\n", r"no column 'licence' or 'license'; .* are file$"),
        (b"name,license\na.png,CC0\n", r"no column 'file'; .* are name, license$"),
        (b"file;license\na.png;CC0\n", r"no column 'file'; .* are file;license$"),
        (b"", r"no column 'file'; .* are nothing$"),
        ("file,license\nö.png,CC0".encode("latin-1"), "no UTF-8 text: save it as such"),
        ("file,license\na.png,CC0".encode("utf-16"), "no UTF-8 text: save it as such"),
        (None, "No such file or directory"),
    ],
)
def test_what_is_no_manifest_is_told(tmp_path, content, message):
    manifest = tmp_path / "m.csv"
    if content is not None:
        manifest.write_bytes(content)
    with pytest.raises(InvalidOptionError, match=rf"m\.csv cannot be read as .*{message}"):
        allowed_files(manifest, LICENSES, tmp_path)


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("column", ["licence", "license"])
def test_both_spellings_and_a_byte_order_mark_are_read(tmp_path, start, column):
    manifest = tmp_path / "m.csv"
    lines = [f"{start}file,{column}", "./a.png,CC0", "b.png", "c.png,CC0,more", "d.png,GPL"]
    manifest.write_text("\r\n".join(lines), encoding="utf-8")
    assert allowed_files(manifest, LICENSES, tmp_path) == {"a.png", "c.png"}


def test_one_spelling_may_be_empty():
    rows = read_manifest(b"file,licence,license\na,,CC0\nb,MIT,CC0\n", "m.csv")
    assert [license_of(row) for row in rows.values()] == ["CC0", "MIT"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("set/train", "HR/a.png"),
        ("set/train/HR", "a.png"),
        ("set", "train/HR/a.png"),
        (".", "set/train/HR/a.png"),
        ("set.tar", "set/train/HR/a.png"),
    ],
)
def test_files_are_relative_to_manifest_or_source(tmp_path, monkeypatch, source, expected):
    (tmp_path / "set/train/HR").mkdir(parents=True)
    manifest = tmp_path / "set/manifest.csv"
    manifest.write_text("file,licence\ntrain/HR/a.png,CC0\n")
    found = allowed_files(manifest, LICENSES, tmp_path / source)
    assert found == {"train/HR/a.png", expected}
    monkeypatch.chdir(tmp_path)
    assert allowed_files(Path("set/manifest.csv"), LICENSES, tmp_path / source) == found


def test_no_share_alike_image_of_the_shared_set_is_allowed():
    manifest = shared("train/manifest.csv")
    allowed = allowed_files(manifest, LICENSES, shared("train/photos_mixed.tar"))
    assert len(allowed) == 438
    with manifest.open(newline="") as file:
        licenses = {row["licence"] for row in csv.DictReader(file) if row["file"] in allowed}
    assert not any(word in each for each in licenses for word in ("-SA", "GPL"))
