import csv
import hashlib
import json
import math
import os

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli.main import main
from realesr.errors import InvalidOptionError, UnreadableMediaError
from realesr.imaging.matlab import imresize
from realesr.preparation import prepare as prepare_module
from realesr.preparation.hashing import difference_hash, near_pairs
from realesr.preparation.journal import JOURNAL
from realesr.preparation.options import HASH_BITS, PrepareOptions
from realesr.preparation.prepare import prepare
from realesr.preparation.sources import collect
from realesr.preparation.split import joined_scenes, split_of
from realesr.preparation.variants import low_resolution, smaller_copies, sub_images

from support.archives import make_tar
from support.images import write_bomb
from support.paths import shared


def picture(seed, height=72, width=96):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 12, width // 12, 3), np.uint8)
    return np.asarray(PillowImage.fromarray(coarse).resize((width, height), PillowImage.BICUBIC))


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for number in range(6):
        save(folder / f"p{number}.png", picture(number))
    return folder


def run(sources, output, notices=None, threads=1, **options):
    taken = PrepareOptions(sources=tuple(sources), output=output, **options)
    notify = (lambda notice: None) if notices is None else notices.append
    return prepare(
        taken,
        notify=notify,
        on_failure=notify,
        on_progress=lambda name: lambda done, total: None,
        threads=threads,
    )


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != JOURNAL
    }


def rows_of(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def pixels_of(path):
    return np.asarray(PillowImage.open(path))


def test_pairs_copies_and_squares(photos, tmp_path):
    out = tmp_path / "out"
    summary = run(
        [photos], out, is_multiscale=True, sub_images=42, step=20, scales=(2, 4), split=(0, 1, 0)
    )
    names = [row["file"] for row in rows_of(out)]
    assert summary.files == {"val": len(names)}
    assert len(names) == len(set(names))
    # 72x96: rows from 0, 20 and 30; columns from 0, 20, 40 and 54
    whole = [name for name in names if name.startswith("val/HR/photos/p0_s")]
    assert len(whole) == 12
    assert any("p0T2_s001" in name for name in names)
    assert not any("T3" in name for name in names)  # 400 px would be larger
    hr = pixels_of(out / whole[0])
    assert (hr == picture(0)[:40, :40]).all()  # cut from 42 to a multiple of 4
    for scale in (2, 4):
        lr = pixels_of(out / whole[0].replace("HR", f"LRx{scale}"))
        assert (lr == imresize(hr, 40 // scale, 40 // scale)).all()


def test_the_result_depends_on_the_sources_alone(photos, tmp_path):
    options = {"is_multiscale": True, "scales": (4,), "split": (0.5, 0.25, 0.25)}
    run([photos], tmp_path / "one", **options)
    run([photos], tmp_path / "three", threads=3, **options)
    assert tree(tmp_path / "one") == tree(tmp_path / "three")


def test_an_interrupted_run_goes_on(photos, tmp_path, monkeypatch):
    options = {"scales": (4,), "split": (0.5, 0.25, 0.25)}
    run([photos], tmp_path / "whole", **options)
    out, write, written = tmp_path / "out", prepare_module._write, []

    def write_some(path, pixels):
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        return write(path, pixels)

    monkeypatch.setattr(prepare_module, "_write", write_some)
    with pytest.raises(KeyboardInterrupt):
        run([photos], out, **options)
    assert not (out / "manifest.csv").exists()
    done = [json.loads(line) for line in (out / JOURNAL).read_text().splitlines()]
    with (out / JOURNAL).open("ab") as journal:
        journal.write(b'\xff\n5\n{"options": 5}\n{"hash": 1, "name": "a", "stamp": "b"}\n')
        journal.write(b'{"hash": "xy", "name": "a", "stamp": "b"}\n{"made": [1], "name": "a"}\n')
        journal.write(b'{"name": "cut sho')
    assert sum("made" in line for line in done) == 2
    written.clear()
    monkeypatch.setattr(
        prepare_module, "_write", lambda *args: (written.append(args[0]), write(*args))[1]
    )
    run([photos], out, **options)
    assert len(written) == 2 * (6 - 2)
    assert tree(out) == tree(tmp_path / "whole")
    written.clear()
    run([photos], out, **options)
    assert not written


@pytest.mark.parametrize("name", ["train/HR/photos/p2.png", "train/LRx4/photos/p2.png"])
@pytest.mark.parametrize("is_gone", [False, True])
def test_a_file_that_is_cut_short_or_gone_is_made_again(photos, tmp_path, name, is_gone):
    out = tmp_path / "out"
    run([photos], out, scales=(4,))
    before, stamps = tree(out), {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    if is_gone:
        (out / name).unlink()
    else:
        os.truncate(out / name, 10)
    run([photos], out, scales=(4,))
    assert tree(out) == before
    again = {path.stem for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp}
    assert again == {"p2"}


@pytest.mark.parametrize("sizes", [None, [], {}, {"train/HR/photos/p2.png": "12"}])
def test_files_whose_sizes_were_not_noted_are_made_again(photos, tmp_path, sizes):
    out = tmp_path / "out"
    run([photos], out)
    before = tree(out)
    (out / "train/HR/photos/p2.png").write_bytes(b"no picture")
    entries = [json.loads(line) for line in (out / JOURNAL).read_text().splitlines()]
    for entry in entries:
        for file in entry.get("made", ()):
            del file["sizes"]
            if sizes is not None:
                file["sizes"] = sizes
    (out / JOURNAL).write_text("\n".join(map(json.dumps, entries)) + "\n")
    run([photos], out)
    assert tree(out) == before


def test_what_has_changed_is_made_again_and_other_options_are_refused(photos, tmp_path):
    out = tmp_path / "out"
    run([photos], out)
    save(photos / "p3.png", picture(33))
    run([photos], out)
    assert (pixels_of(out / "train/HR/photos/p3.png") == picture(33)).all()
    with pytest.raises(InvalidOptionError, match=r"`scales` \[\], not \[4\]: choose another"):
        run([photos], out, scales=(4,))


def test_copies_are_left_out_and_the_largest_stays(photos, tmp_path):
    small = PillowImage.fromarray(picture(2)).resize((64, 48))
    small.save(photos / "a-copy.jpg", quality=80)
    notices = []
    summary = run([photos], tmp_path / "out", notices)
    assert summary.left_out == 1
    (notice,) = notices
    assert notice.code == "picture-left-out"
    assert str(notice) == "photos:a-copy.jpg: a copy of photos:p2.png"
    run([photos], tmp_path / "all", keep_copies=True)
    assert len(rows_of(tmp_path / "all")) == 7


def test_what_is_to_be_excluded_damaged_or_small_is_left_out(photos, tmp_path):
    save(tmp_path / "eval" / "x.png", picture(4))
    save(photos / "tiny.png", picture(9)[:20])
    (photos / "bad.png").write_bytes(b"no picture")
    whole = (photos / "p5.png").read_bytes()
    (photos / "p5.png").write_bytes(whole[: len(whole) // 2])
    notices = []
    summary = run([photos], tmp_path / "out", notices, exclude=(tmp_path / "eval",), min_side=30)
    assert (summary.failed, summary.files) == (2, {"train": 4})
    left = sorted(str(notice) for notice in notices)
    assert len(left) == 4
    for text, part in zip(
        left, ["bad.png", "p5.png", "p4.png: resembles", "tiny.png: 20 px"], strict=True
    ):
        assert part in text
    assert [row["origin"] for row in rows_of(tmp_path / "out")] == [
        f"photos:p{number}.png" for number in range(4)
    ]


def test_pictures_that_are_too_large_are_left_out(photos, tmp_path):
    write_bomb(photos / "bomb.png", 14_000)
    notices = []
    run([photos], tmp_path / "out", notices)
    assert ["14000x14000 px" in str(notice) for notice in notices] == [True]
    assert "max_pixels" not in str(notices[0])
    assert len(rows_of(tmp_path / "out")) == 6


def test_names_that_are_no_text_become_text(photos, tmp_path):
    name = os.fsdecode(b"b\xfe \xe2\x80\xa8.png")
    try:
        (photos / "p1.png").rename(photos / name)
    except OSError:
        pytest.skip("this file system has no such names")
    run([photos], tmp_path / "out")
    before = tree(tmp_path / "out")
    assert "train/HR/photos/b%FE \u2028.png" in before
    run([photos], tmp_path / "out")  # goes on from its journal
    assert tree(tmp_path / "out") == before
    assert {row["origin"] for row in rows_of(tmp_path / "out")} >= {"photos:b%FE \u2028.png"}


def test_tiles_of_a_scene_stay_together_and_licences_are_kept(tmp_path):
    files = {}
    lines = ["file,source_repo,path,licence"]
    for number in range(40):
        name = f"tiles/t{number:02d}.png"
        save(tmp_path / name, picture(number))
        files[name] = (tmp_path / name).read_bytes()
        lines.append(f"{name},repo,photo{number // 4}.jpg,CC0 {number // 4}")
    make_tar(tmp_path / "tiles.tar", files)
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    run([tmp_path / "tiles.tar"], tmp_path / "out", split=(0.5, 0.25, 0.25))
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 40
    splits = {}
    for row in rows:
        splits.setdefault(row["path"], set()).add(row["split"])
        assert row["licence"].startswith("CC0")
        assert row["file"].startswith(row["split"] + "/HR/tiles/t")
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) > 1


def test_a_manifest_in_the_tar_file_is_read_and_text_is_no_damage(tmp_path):
    save(tmp_path / "p.png", picture(1))
    table = "\ufefffile,license\nsub/p.png,CC BY\n".encode()
    members = {"a/sub/p.png": (tmp_path / "p.png").read_bytes(), "a/manifest.csv": table}
    make_tar(tmp_path / "a.tar", {**members, "a/LICENSE.txt": b"as you like"})
    notices = []
    run([tmp_path / "a.tar"], tmp_path / "out", notices)
    assert notices == []
    assert [row["licence"] for row in rows_of(tmp_path / "out")] == ["CC BY"]
    make_tar(tmp_path / "b.tar", {**members, "a/manifest.csv": b"name\nx\n"})
    with pytest.raises(InvalidOptionError, match=r"b\.tar:a/manifest\.csv .* no column 'file'"):
        run([tmp_path / "b.tar"], tmp_path / "other")


def test_kept_copies_share_a_split_and_excluded_pictures_stay_out(photos, tmp_path):
    save(tmp_path / "eval" / "x.png", picture(4))
    for number in range(4):
        save(photos / f"copy{number}.jpg", picture(number), quality=80)
    run(
        [photos],
        tmp_path / "out",
        exclude=(tmp_path / "eval",),
        keep_copies=True,
        split=(0.4, 0.3, 0.3),
    )
    split = {row["origin"][7:]: row["split"] for row in rows_of(tmp_path / "out")}
    assert len(split) == 9
    assert "p4.png" not in split
    assert all(split[f"copy{n}.jpg"] == split[f"p{n}.png"] for n in range(4))
    assert len(set(split.values())) > 1


def test_scenes_with_a_common_picture_are_joined():
    scenes = ["b", "b", "a", "c", "d"]
    assert joined_scenes(scenes, [(1, 2), (3, 2)]) == ["a", "a", "a", "a", "d"]


def test_a_split_has_its_shares_and_does_not_depend_on_others():
    found = [split_of(f"scene {n}", (0.8, 0.1, 0.1), 0) for n in range(2000)]
    assert found.count("train") == pytest.approx(1600, abs=60)
    assert found.count("val") == pytest.approx(200, abs=45)
    assert found != [split_of(f"scene {n}", (0.8, 0.1, 0.1), 1) for n in range(2000)]
    assert {split_of(f"scene {n}", (0, 0, 1), 0) for n in range(50)} == {"test"}


def test_hashes_tell_copies_from_others():
    pixels = picture(1, 240, 320)
    smaller = np.asarray(PillowImage.fromarray(pixels).resize((100, 75), PillowImage.LANCZOS))
    dark = (pixels * 0.7).astype(np.uint8)
    others = [picture(seed, 240, 320) for seed in (2, 3)]
    hashes = [difference_hash(each) for each in (pixels, smaller, dark, *others)]
    assert list(near_pairs(hashes, 10)) == [(0, 1), (0, 2), (1, 2)]
    assert list(near_pairs([], 10)) == []


def test_a_hash_has_as_many_bits_as_a_distance_may_be():
    assert 8 * len(difference_hash(picture(0))) == HASH_BITS


def test_the_hash_is_that_of_imagehash():
    imagehash = pytest.importorskip("imagehash")
    pixels = picture(5, 120, 90)
    theirs = imagehash.dhash(PillowImage.fromarray(pixels), 16)
    assert difference_hash(pixels) == np.packbits(theirs.hash).tobytes()


def test_smaller_copies_are_those_of_the_training_guide():
    sizes = {mark: copy.shape[:2] for mark, copy in smaller_copies(picture(0, 900, 1200))}
    assert sizes == {"T0": (675, 900), "T1": (450, 600), "T2": (300, 400), "T3": (400, 533)}
    assert set(dict(smaller_copies(picture(0, 396, 1200)))) == {"T0", "T1", "T2"}


@pytest.mark.parametrize(
    ("threshold", "count"), [(0, 3 * 4), (20, 2 * 3), (100, 2 * 3)], ids=["0", "20", "100"]
)
def test_squares_cover_the_picture(threshold, count):
    squares = dict(sub_images(picture(0, 72, 96), 40, 25, threshold))
    assert len(squares) == count
    assert all(square.shape == (40, 40, 3) for square in squares.values())
    if threshold == 0:
        assert (squares["s012"] == picture(0, 72, 96)[-40:, -40:]).all()


def test_a_picture_smaller_than_a_square_is_taken_whole():
    ((mark, square),) = sub_images(picture(0, 36, 24), 40, 20, 0)
    assert mark == "s001"
    assert square.shape == (36, 24, 3)


def test_clashes_and_empty_sources_are_named(photos, tmp_path):
    save(photos / "p1.jpg", picture(20))
    with pytest.raises(InvalidOptionError, match=r"photos:p1\.(jpg|png) and photos:p1"):
        collect([photos], print)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableMediaError, match="empty holds no picture"):
        collect([tmp_path / "empty"], print)


def test_pictures_too_small_for_all_scales_are_told(photos, tmp_path):
    notices = []
    save(photos / "large.png", picture(9, 96, 120))
    summary = run([photos], tmp_path / "out", notices, scales=(5, 16))
    assert (summary.left_out, summary.files) == (6, {"train": 1})
    assert {notice.message.partition(": ")[2] for notice in notices} == {
        "72 px, less than 80, of which all `scales` are divisors"
    }


def test_a_source_that_is_named_twice_is_told(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("photos")
    make_tar(tmp_path / "a.tar", {"p.png": (photos / "p0.png").read_bytes()})
    (tmp_path / "b.tar").hardlink_to(tmp_path / "a.tar")
    for first, second, message in (
        ("photos", "photos", r"^photos is named twice: name it once$"),
        ("photos", "./photos", r"^photos is named twice: name it once$"),
        ("photos", "photos/../photos", r"^photos/\.\./photos is the same as photos: name it once$"),
        ("photos", tmp_path / "photos", r"is the same as photos: name it once$"),
        ("photos", "link", r"^link is the same as photos: name it once$"),
        ("a.tar", "b.tar", r"^b\.tar is the same as a\.tar: name it once$"),
    ):
        with pytest.raises(InvalidOptionError, match=message):
            run([first, second], tmp_path / "out")
        with pytest.raises(InvalidOptionError, match=message):
            run(["photos"], tmp_path / "out", exclude=(first, second))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": (0.9, 0.9, 0)}, "`split` 0.9,0.9,0: must be three shares"),
        ({"split": (math.nan, 0, 1)}, "`split` nan,0,1: must be three shares"),
        ({"split": (0, 0, math.nan)}, "`split` 0,0,nan: must be three shares"),
        ({"split": (math.inf, 0, 0)}, "`split` inf,0,0: must be three shares"),
        ({"split": (2, -1, 0)}, "`split` 2,-1,0: must be three shares"),
        ({"distance": -1}, "`distance` -1: must be 0 or more"),
        ({"distance": 257}, "`distance` 257: must be at most 256"),
        ({"scales": (4, 2, 4)}, "`scales` 4: is named twice"),
        ({"scales": (16, 15), "sub_images": 200}, "`sub_images` 200: must be 240 or more"),
        ({"scales": (1,)}, "`scales` 1: must be between"),
        ({"sub_images": 3}, "`sub_images` 3"),
        ({"threads": 0}, "`threads` 0: must be between"),
        ({"threads": -2}, "`threads` -2: must be between"),
    ],
)
def test_bad_options_are_named(photos, tmp_path, options, message):
    with pytest.raises(InvalidOptionError, match=message):
        run([photos], tmp_path / "out", **options)
    with pytest.raises(InvalidOptionError, match=r"`output`.*lies in .*photos, "):
        run([photos], photos / "out")


def test_the_command(photos, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--lr", "4", "--split", "0,0,1", "--threads", "1"]
    assert main(["prepare", str(photos), "-o", str(out), *options]) == 0
    assert "6 pictures, 0 left out; files: test 6" in capsys.readouterr().err
    assert (out / "test/LRx4/photos/p0.png").is_file()
    assert main(["prepare", str(photos), "-o", str(out), "--lr", "0"]) == 2
    assert "--lr 0: must be between 2 and 16" in capsys.readouterr().err
    (photos / "bad.png").write_bytes(b"no picture")
    assert main(["prepare", str(photos), "-o", str(out), *options, "-q"]) == 1
    assert "bad.png" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_made_and_stored_low_resolution_give_the_same_bicubic_psnr(name):
    """The stored images were made by MATLAB."""
    from realesr.metrics.psnr import psnr

    found = {"made": [], "stored": []}
    for path in sorted(shared(f"eval/{name}/HR").iterdir()):
        hr = np.asarray(PillowImage.open(path).convert("RGB"))
        stored = pixels_of(path.parents[1] / "LRbicx4" / path.name)
        stored = np.asarray(PillowImage.fromarray(stored).convert("RGB"))
        for kind, lr in (("made", low_resolution(hr, 4)), ("stored", stored)):
            up = PillowImage.fromarray(lr).resize(hr.shape[1::-1], PillowImage.BICUBIC)
            found[kind].append(psnr(np.asarray(up), hr, crop=4))
    assert np.mean(found["made"]) == pytest.approx(np.mean(found["stored"]), abs=0.02)
