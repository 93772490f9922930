"""Runs the mirror in the foreground, or as a detached process of a lab."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import LabError
from provision.lab.mirror.builds import Built, build, cache_folder, in_use

__all__ = ["Mirror", "describe", "serve", "start", "stop"]

_START_S = 60.0


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).rename(path)


def _started_at(pid: int) -> str:
    """A process's start time in clock ticks; the empty string when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def describe(built: Built, url: str) -> dict[str, Any]:
    """What `mirror.json` holds: where everything is."""
    installers = []
    for path in sorted(built.installers.glob("*.sh"), reverse=True):
        digest = path.with_name(f"{path.name}.sha256").read_text().split()[0]
        installers.append(
            {
                "name": path.name,
                "url": f"{url}/miniconda/{path.name}",
                "sha256": digest,
                "version": path.name.split("_")[1].split("-")[0],
            }
        )
    return {
        "url": url,
        "channel_alias": f"{url}/conda",
        "channel_url": f"{url}/conda/main",
        "default_channels": [f"{url}/conda/pkgs/main"],
        "pypi_url": f"{url}/pypi/simple/",
        "debian_url": f"{url}/debian",
        "debian_security_url": f"{url}/debian-security",
        "miniconda_url": f"{url}/miniconda",
        "installers": installers,
    }


def serve(folder: Path, address: str, port: int) -> None:
    """Serves until it is told to stop (SIGTERM, SIGINT). Raises LabError."""
    from provision.lab.mirror.apt import AptProxy
    from provision.lab.mirror.files import FileCache
    from provision.lab.mirror.pypi import PypiProxy
    from provision.lab.mirror.server import MirrorServer, Routes

    folder.mkdir(parents=True, exist_ok=True)
    os.chdir("/")
    built = build(progress=lambda text: print(text, flush=True))  # noqa: T201 - the log
    cache = FileCache(cache_folder() / "mirror-files")
    try:
        server = MirrorServer(
            (address, port), Routes(built, folder, PypiProxy(cache), AptProxy(cache))
        )
    except OSError as error:
        raise LabError(f"the mirror cannot listen on {address}:{port}", why=str(error)) from error
    url = f"http://{address}:{server.server_address[1]}"
    state = {**describe(built, url), "pid": os.getpid(), "started_at": _started_at(os.getpid())}
    _write(folder / "mirror.json", json.dumps(state, indent=2) + "\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with server, in_use(built):
        try:
            server.serve_forever(poll_interval=0.5)
        except KeyboardInterrupt:
            pass


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _running(folder: Path) -> int | None:
    try:
        state = json.loads((folder / "mirror.json").read_text())
        pid = int((folder / "mirror.pid").read_text())
    except (OSError, ValueError):
        return None
    same = state.get("pid") == pid and _started_at(pid) == state.get("started_at")
    return pid if same else None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=2) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Mirror:
    """Starts and stops a lab's mirror."""

    progress: Callable[[str], None] = lambda _: None

    def start(self, folder: Path, address: str, port: int) -> dict[str, Any]:
        """Builds what is missing, starts a detached server and waits until it answers.

        Returns what `mirror.json` holds. Nothing happens when it runs already. Raises LabError.
        """
        if _running(folder) is None:
            build(progress=self.progress)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "mirror.json").unlink(missing_ok=True)
            pid = _spawn(folder, address, port)
            _write(folder / "mirror.pid", f"{pid}\n")
            _wait(folder, pid)
        state: dict[str, Any] = json.loads((folder / "mirror.json").read_text())
        return state

    def stop(self, folder: Path) -> None:
        """Ends it if it runs; a stale pid file is removed."""
        pid = _running(folder)
        if pid is not None:
            started = _started_at(pid)
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.kill(pid, number)
                deadline = time.monotonic() + 5
                while _started_at(pid) == started and time.monotonic() < deadline:
                    time.sleep(0.05)
                if _started_at(pid) != started:
                    _reap(pid)
                    break
        for name in ("mirror.pid", "mirror.json"):
            (folder / name).unlink(missing_ok=True)


def _spawn(folder: Path, address: str, port: int) -> int:
    """A server in a session of its own, its output in mirror.log; its process id."""
    command = [sys.executable, "-m", "provision.lab.mirror", "serve", "--dir", str(folder)]
    command += ["--address", address, "--port", str(port)]
    with (folder / "mirror.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    child.returncode = 0  # it outlives this object, whose destructor would complain
    return child.pid


def _wait(folder: Path, pid: int) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if not _started_at(pid):
            break
        try:
            state = json.loads((folder / "mirror.json").read_text())
        except (OSError, ValueError):
            state = None
        if state and _answers(state["url"]):
            return
        time.sleep(0.05)
    said = (folder / "mirror.log").read_text(errors="replace").strip().splitlines()
    (folder / "mirror.pid").unlink(missing_ok=True)
    if _started_at(pid):
        os.kill(pid, signal.SIGKILL)
    _reap(pid)
    raise LabError(
        "the mirror does not start",
        why=said[-1] if said else "",
        hint=f"see {folder / 'mirror.log'}",
    )


def start(state_dir: Path, address: str, port: int) -> dict[str, Any]:
    """See `Mirror.start`."""
    return Mirror().start(state_dir, address, port)


def stop(state_dir: Path) -> None:
    """See `Mirror.stop`."""
    Mirror().stop(state_dir)
