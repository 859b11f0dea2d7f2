"""A real browser without a window: the system's Chromium, driven over its DevTools protocol."""

import itertools
import json
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from websockets.sync.client import connect

from tests.helpers.waiting import LONGEST, wait_for

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "there is no Chromium on this machine (apt-get install chromium)"


def installed() -> str | None:
    """The program, if it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """A page in the browser."""

    def __init__(self, address: str) -> None:
        self._socket = connect(address, max_size=None)
        self._numbers = itertools.count(1)
        self.thrown: list[str] = []  # what the page's scripts threw and nobody caught
        self.call("Runtime.enable")
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol; its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=LONGEST))
            if message.get("method") == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.thrown.append(details.get("exception", {}).get("description") or details["text"])
            if message.get("id") == number:
                assert "result" in message, message
                result: dict[str, Any] = message["result"]
                return result

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is, as JSON."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str, what: str) -> Any:
        """What an expression is as soon as that is true. A script of the page that throws ends the test."""

        def value() -> Any:
            now = self.value(expression)
            assert self.thrown == [], self.thrown
            return now

        return wait_for(value, what)

    def go(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait(f"location.href.startsWith({address!r}) && document.readyState == 'complete'", f"{address} loaded")

    def on_new_pages(self, script: str) -> None:
        """A script that runs before those of the page itself."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def key(self, down: bool, code: str = "Space", key: str = " ", repeat: bool = False) -> None:
        number = {"Space": 32, "Enter": 13, "Escape": 27}[code]
        kind = ("keyDown" if key in (" ", "\r") else "rawKeyDown") if down else "keyUp"
        parameters = {"code": code, "key": "Enter" if key == "\r" else key, "windowsVirtualKeyCode": number}
        if kind == "keyDown":
            parameters["text"] = key
        self.call("Input.dispatchKeyEvent", type=kind, autoRepeat=repeat, **parameters)

    def mouse(self, kind: str, x: float, y: float, button: str = "left") -> None:
        """`kind`: mousePressed, mouseReleased or mouseMoved."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """`kind`: touchStart, touchMove or touchEnd."""
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

    def middle(self, selector: str) -> tuple[float, float]:
        """Where an element's middle is on the screen."""
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.value(f"(box => [box.x + box.width / 2, box.y + box.height / 2])({box})")
        return x, y

    def size(self, width: int, height: int, phone: bool = False) -> None:
        shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **shape)

    def picture(self, path: Path) -> None:
        path.write_bytes(b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self._socket.close()


class Browser:
    """`port`: where it listens for commands."""

    def __init__(self, port: int) -> None:
        self._port = port

    def tab(self) -> Tab:
        request = Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urlopen(request, timeout=LONGEST) as answer:
            return Tab(json.load(answer)["webSocketDebuggerUrl"])


@contextmanager
def browser(folder: Path, *flags: str) -> Iterator[Browser]:
    """Chromium with an empty profile in the folder; it ends with the block."""
    program = installed()
    assert program, MISSING
    # As root it has no sandbox, and a container's /dev/shm is small; it calls nobody.
    always = ["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"]
    profile = folder / "profile"
    command = [program, *always, *quiet, f"--user-data-dir={profile}", "--remote-debugging-port=0", *flags]
    with (folder / "chromium.log").open("w") as log:
        process = subprocess.Popen([*command, "about:blank"], stdout=log, stderr=log, text=True)
    try:
        said = profile / "DevToolsActivePort"

        def port() -> int | None:
            lines = said.read_text().splitlines() if said.exists() else []
            assert process.poll() is None, (folder / "chromium.log").read_text()
            return int(lines[0]) if len(lines) > 1 else None

        yield Browser(wait_for(port, "Chromium's port") or 0)
    finally:
        process.terminate()
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
