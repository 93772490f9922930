"""Reads the mount table and takes mounts away."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from provision.errors import LabError
from provision.lab.commands import Commands
from provision.lab.files import write_atomic

__all__ = [
    "Mount",
    "mount_overlay",
    "mounts",
    "mounts_below",
    "settle_lower",
    "unmount_all",
    "unmount_below",
]


@dataclass(frozen=True, slots=True)
class Mount:
    source: str
    point: Path


def _plain(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def mounts() -> list[Mount]:
    """This process's mounts in the order they were made."""
    text = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    found = []
    for line in text.splitlines():
        source, point, *_ = line.split(" ")
        found.append(Mount(_plain(source), Path(_plain(point))))
    return found


def mounts_below(directory: Path) -> list[Mount]:
    return [mount for mount in mounts() if mount.point.is_relative_to(directory)]


def mount_overlay(commands: Commands, tag: str, lower: Path, host: Path) -> None:
    """Mounts HOST/root: `lower` for reading, HOST/upper for what the host changes."""
    for name in ("upper", "work", "root"):
        (host / name).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={lower},upperdir={host / 'upper'},workdir={host / 'work'}"
    commands.run(["mount", "-t", "overlay", tag, "-o", options, str(host / "root")])


def settle_lower(host: Path, wanted: Path) -> Path:
    """The root file system to mount a host's changes over.

    What a host changed fits only what it was made on: that one is taken again while it is in
    the cache. When it is gone, the changes go too and the host starts afresh on `wanted`.
    """
    record = host / "rootfs"
    host.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        made_on = Path(record.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        made_on = wanted
    if made_on != wanted and made_on.is_dir():
        return made_on
    if made_on != wanted:
        for name in ("upper", "work"):
            if (host / name).exists():
                shutil.rmtree(host / name)
    write_atomic(record, f"{wanted}\n")
    return wanted


def unmount_all(commands: Commands, wanted: Callable[[Mount], bool]) -> None:
    """Takes away every mount that `wanted` names, the latest first. Raises LabError when one
    stays."""
    deadline = time.monotonic() + 10.0
    while left := [mount for mount in mounts() if wanted(mount)]:
        patient = time.monotonic() < deadline
        for mount in reversed(left):
            lazy = [] if patient else ["--lazy"]
            commands.try_run(["umount", *lazy, str(mount.point)])
        if not patient and [mount for mount in mounts() if wanted(mount)]:
            raise LabError(f"cannot unmount {left[-1].point}")
        if patient and any(wanted(mount) for mount in mounts()):
            time.sleep(0.1)


def unmount_below(directory: Path) -> None:
    unmount_all(Commands(), lambda mount: mount.point.is_relative_to(directory))
