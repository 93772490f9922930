"""How a lab is, read from /proc without asking its hosts."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from provision.lab import mirroring
from provision.lab.cgroups import leader_of, processes_of
from provision.lab.controller import Lab
from provision.lab.model import LabHost
from provision.lab.processes import supervisors

__all__ = ["HostStatus", "LabStatus", "lab_status", "render_status"]


@dataclass(frozen=True, slots=True)
class HostStatus:
    """`state` is running, booting or dead; `memory_bytes` is the proportional set size."""

    name: str
    address: str
    addresses: int
    release: str
    python: bool
    state: str
    pid: int | None
    uptime_s: float | None
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class LabStatus:
    directory: str
    network: str
    hosts: tuple[HostStatus, ...]
    mirror_url: str
    mirror_pid: int | None

    @property
    def all_running(self) -> bool:
        return all(host.state == "running" for host in self.hosts)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def _uptime_s(pid: int) -> float | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name, in parentheses, may hold anything; field 22 is the start time.
    ticks = int(text.rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _memory_bytes(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
                break
    return total


def _host_status(lab: Lab, host: LabHost, supervised: bool) -> HostStatus:
    tag = lab.layout.tag
    pid = leader_of(tag, host.name)
    return HostStatus(
        name=host.name,
        address=host.address,
        addresses=len(host.addresses),
        release=host.release,
        python=host.python,
        state="running" if pid else "booting" if supervised else "dead",
        pid=pid,
        uptime_s=_uptime_s(pid) if pid else None,
        memory_bytes=_memory_bytes(processes_of(tag, host.name)),
    )


def lab_status(lab: Lab) -> LabStatus:
    """Raises LabError when there is no lab in the directory."""
    state = lab.require_state()
    supervised = supervisors(lab.layout)
    return LabStatus(
        directory=str(lab.layout.directory),
        network=state.network,
        hosts=tuple(_host_status(lab, host, host.name in supervised) for host in state.hosts),
        mirror_url=state.mirror_url,
        mirror_pid=mirroring.process_id(lab.layout.directory),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def render_status(status: LabStatus) -> str:
    """A table with a line for the mirror, without a trailing newline."""
    rows = [("NAME", "ADDRESS", "RELEASE", "STATE", "PID", "UPTIME", "MEMORY")]
    for host in status.hosts:
        more = f" +{host.addresses - 1}" if host.addresses > 1 else ""
        rows.append(
            (
                host.name,
                f"{host.address}{more}",
                host.release if host.python else f"{host.release}, no python",
                host.state,
                str(host.pid or "-"),
                _duration(host.uptime_s),
                f"{host.memory_bytes / 1e6:.0f} MB",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if status.mirror_url:
        running = f"running, pid {status.mirror_pid}" if status.mirror_pid else "not running"
        lines.append(f"mirror {status.mirror_url} ({running})")
    else:
        lines.append("no mirror")
    return "\n".join(lines)
