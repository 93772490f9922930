"""A headless Chromium, spoken to over its DevTools pipe: no package, no port."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["Chromium", "program"]

_PATIENCE_S = 30.0
_AS_3_AND_4 = """
import fcntl, os, sys
one, two = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 20) for fd in sys.argv[1:3])
os.dup2(one, 3)
os.dup2(two, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def program() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


class Chromium:
    """One browser with one page. `requests` are addresses it has asked for, `errors` what
    scripts have thrown and policies have stopped."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="chromium-")
        to_child, self._out = os.pipe()
        self._in, from_child = os.pipe()
        argv = [
            sys.executable, "-c", _AS_3_AND_4, str(to_child), str(from_child),
            program() or "", "--headless=new", "--no-sandbox", "--disable-gpu",
            "--remote-debugging-pipe", "--hide-scrollbars", f"--user-data-dir={self._folder}",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            argv, pass_fds=(to_child, from_child), stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        self._buffer = b""
        self._number = 0
        self._seen: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{domain}.enable")

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], _PATIENCE_S)
            assert ready, "the browser says nothing"
            data = os.read(self._in, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(text)
        method, params = said.get("method"), said.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        return said

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        said = {"id": self._number, "method": method, "params": params}
        if session:
            said["sessionId"] = session
        os.write(self._out, json.dumps(said).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._seen.append(answer)

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """A call to the page."""
        return self.call(method, self._session, **params)

    def open(self, path: Path, fragment: str = "", *, scripts: bool = True) -> None:
        """Loads a page and waits until it has been painted; without scripts, until loaded."""
        for address in ("about:blank", path.as_uri() + fragment):
            self._seen.clear()
            self.tell("Page.navigate", url=address)
            while not any(said.get("method") == "Page.loadEventFired" for said in self._seen):
                self._seen.append(self._message())
        if not scripts:
            return
        frame = "requestAnimationFrame"
        self.js(f"new Promise(done => {frame}(() => {frame}(() => done(1))))")

    def js(self, expression: str) -> Any:
        told = self.tell(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=phone,
        )  # fmt: skip

    def key(self, name: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.tell(
                "Input.dispatchKeyEvent",
                type=kind, key=name, code=name, windowsVirtualKeyCode=code,
            )  # fmt: skip

    def picture(self, path: Path) -> None:
        told = self.tell("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    def close(self) -> None:
        try:
            self.call("Browser.close")
        except (AssertionError, OSError):
            pass
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._folder, ignore_errors=True)
