"""A control group per host.

Without one of its own, every host would see the others' units as its own (their systemds
would share one tree). It also tells which processes belong to a lab, whatever became of
its state files, and ends them all at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from provision.lab.processes import end_process

__all__ = [
    "create_group",
    "group_directories",
    "kill_group",
    "leader_of",
    "processes_of",
    "remove_group",
    "unified_mount",
]

_MACHINE = "machine"


def _mounts() -> Iterator[tuple[Path, str, str]]:
    """Mount point, type and super options of each cgroup mount."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            yield Path(left.split(" ")[4]), kind, options


def unified_mount() -> Path | None:
    """Where the v2 hierarchy is mounted."""
    return next((point for point, kind, _ in _mounts() if kind == "cgroup2"), None)


def _hierarchies() -> list[Path]:
    """v2, and systemd's own v1 tree on machines that still have one."""
    return [
        point
        for point, kind, options in _mounts()
        if kind == "cgroup2" or "name=systemd" in options
    ]


def group_directories(tag: str, host: str = "") -> list[Path]:
    """The group's directory in each hierarchy, v2 first, whether or not they exist."""
    v2 = unified_mount()
    return [mount / tag / host for mount in sorted(_hierarchies(), key=lambda m: m != v2)]


def create_group(tag: str, host: str) -> tuple[list[Path], list[Path]]:
    """Makes the host's group with its two parts, in each hierarchy: one for the supervisor,
    one for what it boots. In v2 only a group without processes of its own hands controllers
    on, and a host's units want theirs (MemoryMax= and the like)."""
    supervisor, machine = [], []
    for directory in group_directories(tag, host):
        for part in (supervisor_part := directory / "boot", directory / _MACHINE):
            part.mkdir(parents=True, exist_ok=True)
        supervisor.append(supervisor_part)
        machine.append(directory / _MACHINE)
    for directory in (group_directories(tag)[0], group_directories(tag, host)[0]):
        _pass_controllers_on(directory)
    return supervisor, machine


def _pass_controllers_on(directory: Path) -> None:
    for name in (directory / "cgroup.controllers").read_text(encoding="ascii").split():
        try:
            (directory / "cgroup.subtree_control").write_text(f"+{name}", encoding="ascii")
        except OSError:
            continue  # some cannot be had below this place; the host then lives without


def processes_of(tag: str, host: str = "") -> list[int]:
    """Ids of all processes of a lab, or of one of its hosts."""
    found: set[int] = set()
    for directory in group_directories(tag, host):
        for path in directory.rglob("cgroup.procs") if directory.is_dir() else ():
            try:
                text = path.read_text(encoding="ascii")
            except OSError:  # the group, or its threaded domain, went away meanwhile
                continue
            found.update(int(word) for word in text.split())
    return sorted(found - {0})


def leader_of(tag: str, host: str) -> int | None:
    """The host's own process 1, as this machine numbers it."""
    for group in group_directories(tag, host)[:1]:
        for path in group.glob("**/init.scope/cgroup.procs"):
            try:
                words = path.read_text(encoding="ascii").split()
            except OSError:
                continue
            for word in words:
                if _is_init(int(word)):
                    return int(word)
    return None


def _is_init(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    line = next((item for item in status.splitlines() if item.startswith("NSpid:")), "")
    return len(line.split()) > 2 and line.split()[-1] == "1"


def kill_group(tag: str, host: str = "", *, timeout_s: float = 20.0) -> bool:
    """Kills every process of the group; whether none is left in time."""
    deadline = time.monotonic() + timeout_s
    while left := processes_of(tag, host):
        if time.monotonic() > deadline:
            return False
        try:
            (group_directories(tag, host)[0] / "cgroup.kill").write_text("1", encoding="ascii")
        except OSError:  # kernels before 5.14
            for pid in left:
                end_process(pid, lambda one: _in_group(one, tag))
        time.sleep(0.02)
    return True


def _in_group(pid: int, tag: str) -> bool:
    try:
        return f"/{tag}/" in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False


def remove_group(tag: str, host: str = "") -> None:
    """Removes the group's directories, deepest first; those still in use stay."""
    for top in group_directories(tag, host):
        for directory, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(directory)  # noqa: PTH106 - the walk yields strings
            except OSError:
                continue
