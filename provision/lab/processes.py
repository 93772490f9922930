"""Finds a lab's long-lived processes by what their command lines say."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from provision.lab.layout import LabLayout

__all__ = ["kill_supervisors", "supervisors"]


def _arguments(pid: str) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0")]


def _supervised(layout: LabLayout, arguments: list[str]) -> str:
    """The host a process keeps running, or an empty string for a stranger."""
    if arguments[:2] == ["setsid", "--fork"]:  # on its way to become one
        del arguments[:2]
    marker = f"{layout.tag}:"
    if len(arguments) > 3 and arguments[1] == "-c" and arguments[3].startswith(marker):
        return arguments[3].removeprefix(marker)
    return ""


def _each(layout: LabLayout) -> Iterator[tuple[str, int]]:
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a thousand names, most of them unused
        if entry.isdecimal() and (host := _supervised(layout, _arguments(entry))):
            yield host, int(entry)


def supervisors(layout: LabLayout) -> dict[str, int]:
    """Process id of each host's supervisor."""
    return dict(_each(layout))


def kill_supervisors(layout: LabLayout, host: str = "") -> None:
    """Kills supervisors wherever they are, also those that have not joined a group yet."""
    for name, pid in _each(layout):
        if host and name != host:
            continue
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            # The number may have been given to a stranger since it was listed.
            if _supervised(layout, _arguments(str(pid))) == name:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)
