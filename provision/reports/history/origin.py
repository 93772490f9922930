"""Who runs what from where: what a run's row says of its circumstances."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision import __version__
from provision.reports.record import RunMeta

__all__ = ["alive", "git_state", "hashed", "here", "owner", "scope_of"]

_GIT_S = 10.0


def here() -> RunMeta:
    """A RunMeta that says who and where we are."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    behind = os.environ.get("SUDO_USER")
    if behind and behind != user:
        user = f"{behind} as {user}"
    origin = (os.environ.get("SSH_CONNECTION") or "").partition(" ")[0]
    if not origin:
        origin = "systemd" if os.environ.get("INVOCATION_ID") else ""
    return RunMeta(
        user=user,
        machine=os.uname().nodename,
        origin=origin,
        directory=str(Path.cwd()),
        version=__version__,
    )


def hashed(playbooks: Iterable[str]) -> list[dict[str, str]]:
    """Each playbook with the SHA-256 of its file; without one when it stands in none."""
    found = []
    for name in playbooks:
        entry = {"path": str(Path(name).absolute())}
        try:
            entry["sha256"] = hashlib.sha256(Path(name).read_bytes()).hexdigest()
        except OSError:
            entry = {"path": name}
        found.append(entry)
    return found


def scope_of(playbooks: Sequence[Mapping[str, str]], arguments: Mapping[str, Any]) -> str:
    """The same for runs that look at the same things, whatever their hosts are."""
    narrowed = [arguments.get(key) for key in ("tags", "skip_tags", "start_at_task")]
    said = json.dumps([[book["path"] for book in playbooks], narrowed], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def git_state(directory: Path) -> dict[str, Any]:
    """commit, branch and dirty of the working tree; empty where there is none."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    argv = ["git", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"]
    try:
        done = subprocess.run(
            argv,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if done.returncode:
        return {}
    state: dict[str, Any] = {"dirty": False}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("# branch.oid "):
            state["commit"] = line[13:]
        elif line.startswith("# branch.head "):
            state["branch"] = line[14:]
        elif not line.startswith("#"):
            state["dirty"] = True
    return state


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def owner() -> str:
    """This process, told from every other one of this machine at any time."""
    pid = os.getpid()
    return f"{os.uname().nodename} {_boot()} {pid} {_started(pid)}"


def alive(told: str) -> bool | None:
    """Whether the process that `owner` named still runs; None when it is another machine's."""
    parts = told.split(" ")
    if len(parts) != 4 or parts[0] != os.uname().nodename:
        return None
    return parts[1] == _boot() and parts[3] != "" and _started(int(parts[2])) == parts[3]
