"""The page of the service in a browser; skipped where there is no Chromium."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from support.browser import Browser
from support.clips import make_clip
from support.service import Slow, running

STATES = "[...document.querySelectorAll('.state')].map(each => each.textContent)"
SPLIT = "document.querySelector('.pair').style.getPropertyValue('--split')"
SHOWN = "!document.querySelector('.pair').hidden"
LOADED = "document.querySelectorAll('#model option').length > 0"
TOKEN = "0123456789abcdef"  # noqa: S105
DROP = """
(async () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [40, 30];
  canvas.getContext('2d').fillRect(0, 0, 20, 30);
  const blob = await new Promise(done => canvas.toBlob(done));
  const data = new DataTransfer();
  data.items.add(new File([blob], 'dropped.png', {type: 'image/png'}));
  for (const kind of ['dragenter', 'dragover', 'drop']) document.getElementById('drop')
    .dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.close()


@pytest.fixture
def page(browser, tmp_path):
    with running(tmp_path / "place") as service:
        browser.known += (service.url,)
        browser.problems.clear()
        browser.visit(f"{service.url}/")
        browser.wait_for(LOADED)
        browser.service = service
        yield browser
        browser.visit("about:blank")
    assert browser.problems == []


def picture(path, width=40, height=30):
    rows = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    PillowImage.fromarray(rows.astype(np.uint8)).save(path)
    return path


def choose(page, selector, value):
    page.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")


def test_a_dropped_picture_is_compared_and_downloaded(page):
    choose(page, "#size", "outscale=2")
    choose(page, "#ext", "png")
    page.run(DROP)
    page.wait_for(SHOWN)
    assert page.run(STATES) == ["done"]
    assert page.run("document.querySelector('.after').naturalWidth") == 80
    assert page.run("document.querySelector('.before').naturalWidth") == 40
    page.run("document.querySelector('.pair input').focus()")
    page.press("End", "End")
    page.wait_for(f"{SPLIT} === '100%'")
    page.press("ArrowLeft", "ArrowLeft")
    page.wait_for(f"{SPLIT} === '99%'")
    page.run("document.querySelector('.download').click()")
    path = page.downloads / "dropped_out.png"
    page.service.wait_for(path.exists)
    page.service.wait_for(lambda: path.stat().st_size)
    with PillowImage.open(path) as image:
        assert image.size == (80, 60)
    assert page.run("document.getElementById('status').textContent") == "All done."
    page.run("document.querySelector('.remove').click()")
    assert page.run("document.querySelectorAll('.item').length") == 0


def test_progress_is_shown_and_work_can_be_stopped(page, tmp_path):
    slow = Slow()
    page.service.service.engine.load = lambda options: slow
    page.choose("#files", picture(tmp_path / "a.png"))
    page.wait_for("document.querySelector('.state').textContent.includes('of 1000 tiles')")
    assert 0 < page.run("document.querySelector('progress').value") < 1
    page.run("document.querySelector('.remove').click()")
    page.service.wait_for(lambda: not page.service.left())
    assert slow.tiles < 1000


def test_errors_are_told_in_words(page, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"garbage" * 100)
    page.choose("#files", tmp_path / "bad.png", picture(tmp_path / "good.png"))
    page.wait_for(f"{STATES}.join() === 'done,failed'")
    words = page.run("document.querySelector('.item:last-child .error').textContent")
    assert "no image" in words
    page.problems.clear()  # the browser notes the status 415


def test_a_clip_becomes_a_larger_one(page, tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", image="testsrc2=size=48x32:rate=24:duration=0.2")
    choose(page, "#size", "outscale=2")
    page.choose("#files", clip)
    page.wait_for(f"{STATES}[0] === 'done' || {STATES}[0] === 'failed'")
    assert page.run(STATES) == ["done"]
    page.wait_for("document.querySelector('.film').videoWidth === 96")
    assert page.run("document.querySelector('.download').pathname").endswith("/result")


def test_a_token_is_asked_for(browser, tmp_path):
    with running(tmp_path / "place", token=TOKEN) as service:
        browser.known += (service.url,)
        browser.visit(f"{service.url}/")
        browser.wait_for("!document.getElementById('token-label').hidden")
        browser.run(
            f"document.getElementById('token').value = '{TOKEN}';"
            "document.getElementById('token').dispatchEvent(new Event('change'))"
        )
        browser.wait_for(LOADED)
        browser.choose("#files", picture(tmp_path / "a.png"))
        browser.wait_for(SHOWN)
        browser.visit("about:blank")
    browser.problems.clear()  # the browser notes the status 401


def test_a_phone_has_room_for_it(page, tmp_path):
    page.visit(f"{page.service.url}/", 375, 700, touch=True)
    page.wait_for(LOADED)
    page.choose("#files", picture(tmp_path / f"{'long' * 30}.png", 400, 300))
    page.wait_for(SHOWN)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    small = "[...document.querySelectorAll('button, .button, select')].filter(each => !each.hidden"
    small += " && each.getBoundingClientRect().height < 44).length"
    assert page.run(small) == 0
