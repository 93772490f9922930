"""Runs an executable inventory: `--list`, and `--host NAME` when it prints no `_meta`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import InventoryError, Mark
from provision.inventory.marked import marked

__all__ = ["Program"]

_TAIL = 10  # lines of standard error that a failure shows
_GRACE_S = 0.5  # between asking the process group to end and killing it


def _search_path() -> str:
    """$PATH, and where the provision that asks is installed: programs may call it."""
    own = str(Path(sys.executable).parent)
    return os.pathsep.join([os.environ.get("PATH") or os.defpath, own])


def _tail(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return "\n".join(lines[-_TAIL:])


@dataclass(frozen=True)
class Program:
    """An inventory program; `timeout_s` is for each call. All errors are InventoryError."""

    path: Path
    timeout_s: float

    def groups(self) -> Mapping[str, Any]:
        """What it prints for --list."""
        return self._json("--list")

    def host(self, name: str) -> Mapping[str, Any]:
        """What it prints for --host; nothing printed means no variables."""
        return self._json("--host", name, empty=True)

    def hosts(self, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """`host` for each of `names`; some at a time, since each is a process."""
        from concurrent.futures import ThreadPoolExecutor

        listed = list(names)
        with ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) * 2)) as pool:
            return dict(zip(listed, pool.map(self.host, listed), strict=True))

    def _json(self, *args: str, empty: bool = False) -> Mapping[str, Any]:
        out, err = self._run(args)
        called = f"inventory program {self.path.name} {' '.join(args)}"
        if empty and not out.strip():
            return {}
        try:
            data = json.loads(out)
        except ValueError as exc:
            start = out[:200].decode("utf-8", "replace").strip()
            why = f"{exc}; it printed: {start!r}" if start else "it printed nothing"
            said = _tail(err)
            raise InventoryError(
                f"{called} printed no JSON",
                mark=Mark(str(self.path)),
                why=f"{why}\n{said}" if said else why,
            ) from exc
        if not isinstance(data, dict):
            raise InventoryError(
                f"{called} printed JSON that is not an object", mark=Mark(str(self.path))
            )
        answer: Mapping[str, Any] = marked(data, Mark(str(self.path)))
        return answer

    def _run(self, args: tuple[str, ...]) -> tuple[bytes, bytes]:
        mark = Mark(str(self.path))
        called = f"inventory program {self.path.name} {' '.join(args)}"
        try:
            process = subprocess.Popen(
                [str(self.path), *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PATH": _search_path()},
            )
        except OSError as exc:
            hint = "does its first line name an interpreter, as in #!/usr/bin/env python3?"
            raise InventoryError(
                f"{called} cannot be run", mark=mark, why=exc.strerror or str(exc), hint=hint
            ) from exc
        try:
            out, err = process.communicate(timeout=self.timeout_s)
        except subprocess.TimeoutExpired as exc:
            err = _kill(process)
            raise InventoryError(
                f"{called} did not end within {self.timeout_s:g} s and was killed",
                mark=mark,
                why=_tail(err),
            ) from exc
        except BaseException:
            _kill(process)
            raise
        if process.returncode:
            raise InventoryError(
                f"{called} failed with {_ending(process.returncode)}", mark=mark, why=_tail(err)
            )
        return out, err


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {signal.Signals(-code).name}"


def _kill(process: subprocess.Popen[bytes]) -> bytes:
    """End the whole process group; what it had written to standard error."""
    for name, wait_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _GRACE_S)):
        try:
            os.killpg(process.pid, name)
        except ProcessLookupError:
            break
        end = time.monotonic() + wait_s
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
    try:
        return process.communicate(timeout=_GRACE_S)[1]
    except (subprocess.TimeoutExpired, ValueError):
        # A grandchild that left the group holds the pipe; its words are not worth a hang.
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
        return b""
