"""The page of ``realesr compare`` in a browser; skipped where there is no Chromium."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from realesr.cli.main import main

from support.browser import Browser
from support.clips import make_clip

LOADED = "[...document.querySelectorAll('img')].every(i => i.complete && i.naturalWidth)"
READY = "[...document.querySelectorAll('video')].every(v => v.readyState >= 2)"
ZOOM = "parseFloat(document.getElementById('zoom-fit').textContent)"
SPLIT = "Number(document.querySelector('.handle').getAttribute('aria-valuenow'))"
TAGS = "[...document.querySelectorAll('.tag')].map(t => t.textContent)"
STATUS = "document.getElementById('status').textContent"
TRANSFORMS = (
    "[...new Set([...document.querySelectorAll('.layer > *')].map(m => m.style.transform))]"
)
TEXT = "document.body.innerText"
STAGE_CENTER = (600, 400)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.close()
    assert started.problems == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two images: levels 100 and 104 under a filter are what they are."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "in").mkdir()
    (folder / "plus4").mkdir()
    for number, name in enumerate(("a.png", "b.png")):
        pixels = np.full((30, 40, 3), 100 + 20 * number, np.uint8)
        PillowImage.fromarray(pixels).save(folder / "in" / name)
        PillowImage.fromarray(pixels.repeat(2, 0).repeat(2, 1) + np.uint8(4)).save(
            folder / "plus4" / name
        )
    return folder


def make_page(folder, name, *arguments):
    path = folder / name
    if not path.exists():
        entries = ["nearest", "bicubic", f"plus4={folder / 'plus4'}"]
        inputs = ["-i", str(folder / "in"), "-s", "2", "-o", str(path), "-q"]
        assert main(["compare", *entries, *inputs, *arguments]) == 0
    return path


@pytest.fixture
def page(browser, folder):
    browser.open(make_page(folder, "page.html", "--format", "png"))
    browser.wait_for(LOADED)
    return browser


def click(browser, selector):
    browser.run(f"document.querySelector('{selector}').click()")


def test_the_slider_moves_by_mouse_and_keys(page):
    assert page.run(TAGS) == ["input", "plus4"]
    assert page.run(SPLIT) == 50
    page.drag((700, 400), (300, 400))
    assert page.run(SPLIT) == 25
    assert page.run("document.querySelector('.above').style.clipPath") == "inset(0px 0px 0px 25%)"
    page.run("document.querySelector('.handle').focus()")
    page.press("ArrowRight")
    assert page.run(SPLIT) == 27
    page.run("document.querySelector('.handle').blur()")
    page.press("ArrowLeft", shift=True)
    assert page.run(SPLIT) == 25


def test_digits_choose_the_sides(page):
    page.press("2", "Digit2")
    page.press("4", "Digit4", shift=True)
    assert page.run(TAGS) == ["plus4", "nearest"]
    page.press("x", "KeyX")
    assert page.run(TAGS) == ["nearest", "plus4"]
    page.press("9", "Digit9")  # there is no ninth
    assert page.run(TAGS) == ["nearest", "plus4"]


def test_all_panes_zoom_and_pan_together(page):
    fitting = page.run(ZOOM)
    page.press("g", "KeyG")
    assert page.run(TAGS) == ["input", "nearest", "bicubic", "plus4"]
    page.press("f", "KeyF")
    before = page.run(TRANSFORMS)
    page.wheel(*STAGE_CENTER, -300)
    page.wait_for(f"{TRANSFORMS}[0] !== {json.dumps(before[0])}")
    zoomed = page.run(TRANSFORMS)
    page.drag((300, 250), (250, 200))
    panned = page.run(TRANSFORMS)
    page.press("ArrowRight")
    by_key = page.run(TRANSFORMS)
    for transforms in (before, zoomed, panned, by_key):
        assert len(transforms) == 1
    assert len({*before, *zoomed, *panned, *by_key}) == 4
    page.press("f", "KeyF")
    assert page.run(TRANSFORMS) == before
    page.press("s", "KeyS")
    assert page.run(ZOOM) == fitting
    page.press("+", "Equal")
    assert page.run(ZOOM) == pytest.approx(fitting * 1.25, abs=1)


def test_the_difference_is_exact(page):
    page.press("2", "Digit2", shift=True)  # nearest to the left, plus4 to the right
    page.press("d", "KeyD")
    page.wait_for(f"{STATUS} !== ''")
    assert "times 8: mean 4.00, largest 4 of 255 levels, 36.09 dB" in page.run(STATUS)
    corner = "document.querySelector('canvas').getContext('2d').getImageData(5, 5, 1, 1).data"
    assert page.run(f"[...{corner}]") == [32, 32, 32, 255]
    page.run("gain = document.getElementById('gain'), gain.value = 5, "
             "gain.dispatchEvent(new Event('input')), 0")  # fmt: skip
    assert page.run(f"[...{corner}]") == [128, 128, 128, 255]
    page.press("3", "Digit3")
    assert "mean 0.00, largest 0 of 255 levels, equal" in page.run(STATUS)


def test_images_change_and_the_table_tells_sizes_and_times(page):
    page.press("ArrowRight")
    assert page.run("document.getElementById('image').selectedOptions[0].textContent") == "b.png"
    page.press("n", "KeyN")
    click(page, "#open-table")
    rows = page.run("[...document.querySelectorAll('#table tr')].map(r => r.innerText)")
    assert len(rows) == 1 + 2 * 4
    assert rows[1].split()[:3] == ["a.png", "input", "40\u00d730"]
    assert rows[4].split()[:3] == ["a.png", "plus4", "80\u00d760"]
    assert rows[4].split()[-1] == "\u2013"
    float(rows[2].split()[-1])
    page.press("Escape")


def test_touch_moves_the_slider_and_pinches(browser, folder):
    browser.open(make_page(folder, "page.html", "--format", "png"), 390, 844, touch=True)
    browser.wait_for(LOADED)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.touch([(195, 500)], [(100, 500)])
    assert browser.run(SPLIT) < 40
    before = browser.run(ZOOM)
    browser.touch([(150, 400), (240, 400)], [(60, 400), (330, 400)])
    assert browser.run(ZOOM) > 1.5 * before


def test_every_control_has_a_name(page):
    nameless = page.run(
        "[...document.querySelectorAll('button, select, input, [role=slider]')].filter(e => "
        "!(e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length)))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    assert page.run("[...document.images].every(i => i.alt)")


def export(browser):
    for path in browser.downloads.iterdir():
        path.unlink()
    click(browser, "#export")
    for _ in range(200):
        browser.run("new Promise(done => setTimeout(done, 25))")
        found = list(browser.downloads.glob("*.json"))
        if found and found[0].stat().st_size:
            return found[0]
    raise AssertionError("nothing was exported")


def test_blind_pairs_are_kept_exported_and_counted(browser, folder, capsys):
    page = make_page(folder, "blind.html", "--blind", "--seed", "3")
    browser.open(page)
    browser.wait_for(LOADED)
    browser.run("localStorage.clear()")
    browser.open(page)
    text = browser.run(TEXT)
    assert "1 of 6" in text
    assert "nearest" not in text
    assert browser.run(TAGS) == ["Left", "Right", "Input"]
    browser.run("rater = document.getElementById('rater'), rater.value = 'Ada', "
                "rater.dispatchEvent(new Event('input')), 0")  # fmt: skip
    for key in "120":
        browser.press(key, f"Digit{key}")
    browser.open(page)  # answers stay
    browser.wait_for("document.getElementById('question-text').textContent.startsWith('4 of 6')")
    for key in "211":
        browser.press(key, f"Digit{key}")
    assert "6 of 6 answered" in browser.run(STATUS)
    answers = json.loads(export(browser).read_text())
    assert answers["rater"] == "Ada"
    assert [each["preferred"] for each in answers["answers"]] == [
        *("left", "right", "none", "right", "left", "left")
    ]
    pairs = {tuple(sorted((each["left"], each["right"]))) for each in answers["answers"]}
    assert pairs == {("bicubic", "nearest"), ("nearest", "plus4"), ("bicubic", "plus4")}
    capsys.readouterr()
    assert main(["compare", "--tally", str(export(browser)), "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)["preferences"]
    assert counted["ties"] == 1
    assert np.sum(counted["wins"]) == 6
    click(browser, "#reveal")
    assert "plus4" in browser.run(TAGS)


@pytest.mark.parametrize("size", [(360, 640), (390, 844), (844, 390)])
@pytest.mark.parametrize("name", ["page.html", "blind.html"])
def test_nothing_lies_outside_of_a_phone(browser, folder, name, size):
    blind = ["--blind", "--seed", "3"] if name == "blind.html" else ["--format", "png"]
    browser.open(make_page(folder, name, *blind), *size, touch=True)
    browser.wait_for(LOADED)
    outside = browser.run(
        "[...document.querySelectorAll('body > :not(dialog, script) *')].map(e => ["
        "e.id || e.textContent, e.getBoundingClientRect()]).filter(([, box]) => box.width && "
        f"box.height && (box.right > {size[0] + 1} || box.bottom > {size[1] + 1})).map(e => e[0])"
    )
    assert outside == []
    assert browser.run("document.getElementById('stage').clientHeight") >= 140


def test_ratings_are_of_what_is_shown(browser, folder, capsys):
    browser.open(make_page(folder, "rate.html", "--blind", "--ask", "ratings", "--format", "png"))
    browser.wait_for(LOADED)
    assert browser.run(TAGS) == ["Input", "Result"]
    for _ in range(6):  # 5 for what is brighter than the input, 2 for the others
        browser.wait_for(LOADED)
        level = browser.run(
            "(() => { const c = document.createElement('canvas').getContext('2d');"
            "c.drawImage(document.querySelectorAll('img')[1], 0, 0);"
            "return c.getImageData(3, 3, 1, 1).data[0]; })()"
        )
        key = "5" if level in (104, 124) else "2"
        browser.press(key, f"Digit{key}")
    path = str(export(browser))
    assert main(["compare", "--tally", path]) == 0
    out = capsys.readouterr().out
    first, *others = [line.split() for line in out.splitlines() if "ratings)" in line]
    assert first[:2] == ["plus4", "5.00"]
    assert sorted(line[:2] for line in others) == [["bicubic", "2.00"], ["nearest", "2.00"]]


def test_clips_step_and_play_together(browser, folder):
    clip = make_clip(folder / "clip.mkv", image="testsrc2=size=64x48:rate=10:duration=3")
    page = folder / "clip.html"
    arguments = ["-i", str(clip), "-s", "2", "--frames", "12", "-o", str(page), "-q"]
    assert main(["compare", "nearest", "bicubic", *arguments]) == 0
    browser.open(page)
    browser.wait_for(READY)
    times = "[...document.querySelectorAll('#stage video')].map(v => v.currentTime)"
    for _ in range(3):
        browser.press(".", "Period")
    browser.press(",", "Comma")
    browser.wait_for(f"{READY} && {times}.every(t => Math.abs(t - 0.25) < 0.02)")
    assert browser.run("document.getElementById('frame-shown').textContent") == "3 of 12"
    browser.press("2", "Digit2", shift=True)
    browser.press("d", "KeyD")
    browser.wait_for(f"{STATUS}.startsWith('Difference')")
    browser.press("g", "KeyG")
    browser.wait_for(READY)
    assert browser.run("document.querySelectorAll('video').length") == 3
    assert browser.run("[...document.querySelectorAll('video')].map(v => v.videoWidth)") == [
        *(64, 128, 128)
    ]
    browser.press(" ", "Space")
    browser.wait_for(f"{times}.every(t => t > 0.5)")
    browser.press(" ", "Space")
    browser.wait_for(f"new Set({times}.map(t => t.toFixed(2))).size === 1")
