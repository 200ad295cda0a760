"""A headless Chromium, driven through its DevTools protocol.

Messages travel through two pipes (``--remote-debugging-pipe``), each ending with a zero byte, so
that no package for web sockets is needed.
"""

import base64
import contextlib
import functools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_S = 30
_START = (
    "import fcntl, os, sys\n"
    "ends = [fcntl.fcntl(int(text), fcntl.F_DUPFD, 10) for text in sys.argv[1:3]]\n"
    "for number, end in zip((3, 4), ends): os.dup2(end, number)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
"""Starts a program that reads from descriptor 3 and writes to 4, as the browser does."""


def find_browser() -> str:
    """The path of a Chromium; skips the test without one that starts."""
    found = _working_program()
    if found is None:
        pytest.skip("needs Chromium (Debian's package `chromium`)")
    return found


@functools.cache
def _working_program() -> str | None:
    """The path of the first program that tells its version: an installation may be incomplete."""
    for path in filter(None, map(shutil.which, PROGRAMS)):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if not subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode:
                return path
    return None


class Browser:
    """One page of a headless Chromium.

    Args:
        folder: An empty folder, for the browser's profile and downloads.
    """

    def __init__(self, folder: Path) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        program = find_browser()
        self.problems: list[str] = []
        """What the page has logged as an error, and addresses that it has asked for."""
        self.known = ("file:", "data:", "blob:")
        """Beginnings of the addresses that the page may ask for."""
        self._number = 0
        self._rest = b""
        command_read, self._write = os.pipe()
        self._read, answer_write = os.pipe()
        os.set_inheritable(command_read, True)
        os.set_inheritable(answer_write, True)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(command_read), str(answer_write), program,
             "--headless=new", "--no-sandbox",
             "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "--disable-gpu",
             "--no-first-run", "--disable-dev-shm-usage", "--disable-extensions",
             "--disable-background-networking",
             "--disable-component-update", "--autoplay-policy=no-user-gesture-required",
             "--force-color-profile=srgb", "about:blank"],
            pass_fds=(command_read, answer_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(command_read)
        os.close(answer_write)
        self._session = None
        targets = self._call("Target.getTargets")["targetInfos"]
        (page,) = [each for each in targets if each["type"] == "page"]
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self._call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads)
        )

    def close(self) -> None:
        """Ends the browser."""
        with contextlib.suppress(OSError):
            self._call("Browser.close")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def open(
        self, path: Path, width: int = 1200, height: int = 800, *, touch: bool = False
    ) -> None:
        """Opens a file in a window of a size, px."""
        self.visit(path.resolve().as_uri(), width, height, touch=touch)

    def visit(
        self, address: str, width: int = 1200, height: int = 800, *, touch: bool = False
    ) -> None:
        """Opens an address in a window of a size, px."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if touch else 1,
            mobile=touch,
        )
        self._call("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=2)
        self._call("Page.navigate", url=address)
        self.wait_for(
            f"document.readyState === 'complete' && location.href.startsWith({json.dumps(address)})"
        )
        self.settle()

    def run(self, code: str):
        """The value of an expression in the page."""
        answer = self._call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Waits until an expression holds."""
        ends = time.monotonic() + TIMEOUT_S
        while not self.run(condition):
            assert time.monotonic() < ends, f"never held: {condition}"
            time.sleep(0.02)

    def settle(self) -> None:
        """Waits until the page has been laid out anew."""
        frame = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.run(f"{frame}.then(() => 0)")

    def choose(self, selector: str, *paths: Path) -> None:
        """Chooses files in a field of a form."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def press(self, key: str, code: str = "", *, shift: bool = False) -> None:
        """Presses a key and releases it."""
        about = {"key": key, "code": code or key, "modifiers": 8 if shift else 0}
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, **about)
        self.settle()

    def drag(self, *places: tuple[float, float]) -> None:
        """Presses the mouse at the first place, and moves it to the others."""
        (x, y), *others = places
        self._mouse("mousePressed", x, y)
        for x, y in others:
            self._mouse("mouseMoved", x, y)
        self._mouse("mouseReleased", x, y)

    def wheel(self, x: float, y: float, delta: float) -> None:
        """Turns the wheel; a negative delta zooms in."""
        self._mouse("mouseWheel", x, y, deltaX=0, deltaY=delta)

    def touch(self, *moments: list[tuple[float, float]]) -> None:
        """Touches at one or more places, moves all fingers, and lifts them."""
        for kind, places in zip(
            ("touchStart", *["touchMove"] * len(moments)), moments, strict=False
        ):
            points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
            self._call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        self._call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def screenshot(self, path: Path) -> None:
        """Writes what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _mouse(self, kind: str, x: float, y: float, **more: float) -> None:
        held = kind in ("mousePressed", "mouseMoved")
        self._call(
            "Input.dispatchMouseEvent",
            **{"type": kind, "x": x, "y": y, "button": "left" if kind != "mouseWheel" else "none",
               "buttons": int(held), "clickCount": 1, **more},
        )  # fmt: skip

    def _call(self, method: str, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _receive(self):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], TIMEOUT_S)
            data = os.read(self._read, 1 << 20) if ready else b""
            if not data:
                raise OSError("the browser has ended, or says nothing")
            self._rest += data
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event) -> None:
        about = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.problems.append(json.dumps(about["exceptionDetails"]))
            case "Log.entryAdded" if about["entry"]["level"] == "error":
                self.problems.append(about["entry"]["text"])
            case "Network.requestWillBeSent":
                address = about["request"]["url"]
                if not address.startswith(self.known):
                    self.problems.append(address)
