import re
from dataclasses import fields

import pytest

from realesr.cli.main import main, make_parser
from realesr.cli.wording import _IRREGULAR, _flags, with_flags
from realesr.options import FaceOptions, UpscaleOptions

from support.images import write_image
from support.networks import random_image
from support.paths import ROOT

CASES = [
    ("--face-weight 0.5", "--face-weight does nothing without --face-enhance"),
    (
        "--face-weight 1 --only-center-face --aligned",
        "--face-weight, --only-center-face and --aligned do nothing without --face-enhance",
    ),
    (
        "--face-enhance --aligned --face-min-size 20",
        "--face-min-size does nothing with --aligned: no faces are looked for",
    ),
    ("--quality 80", "--quality does nothing for PNG, which loses nothing"),
    ("--quality 80 --ext jpg", None),
    ("-n bicubic --precision fp32 -t 64", "--precision and --tile do nothing for bicubic"),
    ("-n lanczos --compile", "--compile does nothing for lanczos, which has no network"),
    ("-n RealESRGAN_x4plus --model-path a.pth", "--model-name does nothing with --model-path"),
    ("-t 64 --memory-budget 1G", "--memory-budget does nothing with --tile 64"),
    ("-t 0 --tile-pad 3", "--tile-pad does nothing with --tile 0: there are no tiles"),
    ("-o out.png --suffix big", "--suffix does nothing where --output is a file name"),
    ("-r", "--recursive does nothing where no input is a folder"),
    ("-t 64 --tile-pad 8 --suffix big", None),
    ("", None),
]


@pytest.mark.parametrize(("options", "notice"), CASES, ids=[case[0] for case in CASES])
def test_options_without_effect_are_reported(tmp_path, monkeypatch, capsys, options, notice):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "in.png", random_image(4, 3))
    assert main(["image", "in.png", "--dry-run", *options.split()]) == 0
    lines = capsys.readouterr().err
    if notice is None:
        assert not lines
    else:
        said = re.sub(r", (--\S+) and", r", \1 and", notice).replace(
            ", --tile do", " and --tile do"
        )
        assert f"note: {said}" in lines
    assert main(["image", "in.png", "--dry-run", "-q", *options.split()]) == 0
    assert not capsys.readouterr().err


def test_every_option_of_a_message_can_be_typed():
    help_texts = "".join(
        command.format_help()
        for name, command in make_parser()._subparsers._group_actions[0].choices.items()
        if name not in ("completion", "doctor")
    )
    for name, flag in _flags().items():
        if name not in ("encoding", "sources", "target", "watch"):  # groups, and no flag
            assert re.search(rf"{flag}\b", help_texts), name
    known = {field.name for owner in (FaceOptions, UpscaleOptions) for field in fields(owner)}
    assert {name for name in _IRREGULAR if name in known} >= {"weight", "is_compiled"}


def test_other_words_in_backticks_stay():
    assert (
        with_flags("`tile_pad` 3, `of nothing`, `unknown`")
        == "--tile-pad 3, `of nothing`, `unknown`"
    )


def test_the_package_does_not_know_the_command_line():
    """Messages outside of ``cli`` name options by their fields."""
    allowed = ("--force-reinstall", "--perceptual-weights", "--set", "--build", "--all", "--head")
    for path in (ROOT / "src/realesr").rglob("*.py"):
        if "cli" not in path.relative_to(ROOT / "src/realesr").parts:
            found = [
                flag
                for flag in re.findall(r"(?<![\w`-])--[a-z][a-z-]+", path.read_text())
                if flag not in allowed
            ]
            assert not found, path
