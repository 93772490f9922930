"""Finds a lab's long-lived processes by what their command lines say."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from provision.lab.layout import LabLayout

__all__ = ["arguments_of", "end_process", "kill_supervisors", "supervisors"]


def arguments_of(pid: int | str) -> list[str]:
    """The command line of a process; empty when it is gone."""
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
        if entry.isdecimal() and (host := _supervised(layout, arguments_of(entry))):
            yield host, int(entry)


def supervisors(layout: LabLayout) -> dict[str, int]:
    """Process id of each host's supervisor."""
    return dict(_each(layout))


def kill_supervisors(layout: LabLayout, host: str = "") -> None:
    """Kills supervisors wherever they are, also those that have not joined a group yet."""
    for name, pid in _each(layout):
        if name == (host or name):
            end_process(pid, lambda one: bool(_supervised(layout, arguments_of(one))))


def end_process(pid: int, is_ours: Callable[[int], bool], *, gently_s: float = 0.0) -> None:
    """Kills a process, after asking it to end and waiting up to `gently_s`.

    `is_ours` is asked while the process is held: the number may have been given to a stranger
    since it was listed.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if not is_ours(pid):
            return
        if gently_s:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            if select.select([handle], [], [], gently_s)[0]:
                return
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], 5.0)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
