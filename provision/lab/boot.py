"""Starts a host under systemd-nspawn and waits until it can be worked with."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Sequence

from provision.errors import LabError
from provision.lab.cgroups import create_group, leader_of
from provision.lab.layout import LabLayout
from provision.lab.model import LabHost
from provision.lab.processes import supervisors

__all__ = ["boot_failure", "console_tail", "settled", "start_host", "wait_until_up"]

# $1 and $2 name control groups: of the supervisor, which boots the host again whenever it
# asks for a reboot (systemd-nspawn ends with 133 then), and of the host.
_SUPERVISOR = """
join() { for group in $1; do echo 0 >"$group/cgroup.procs" || exit 1; done; }
join "$1"
machine=$2
shift 2
while :; do
    (join "$machine"; exec "$@")
    [ $? -eq 133 ] || exit
done
"""
# The v2 hierarchy in every host, as Debian has it on real machines (systemd 257 boots with
# nothing else), and /tmp on the host's disk.
_NSPAWN_ENVIRONMENT = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_TMPFS_TMP": "0"}


def start_host(layout: LabLayout, host: LabHost) -> None:
    """Boots a prepared host in the background; `wait_until_up` tells how it went."""
    groups = [" ".join(map(str, part)) for part in create_group(layout.tag, host.name)]
    nspawn = [
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--settings=no",
        f"--directory={layout.root(host.name)}",
        f"--machine={layout.netns(host.name)}",
        f"--hostname={host.name}",
        f"--network-namespace-path=/run/netns/{layout.netns(host.name)}",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--console=passive",
        "--boot",
    ]
    supervisor = ["sh", "-c", _SUPERVISOR, f"{layout.tag}:{host.name}", *groups]
    with layout.console(host.name).open("wb") as console:
        subprocess.run(
            ["setsid", "--fork", *supervisor, *nspawn],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **_NSPAWN_ENVIRONMENT},
            check=True,
        )


def console_tail(layout: LabLayout, name: str, lines: int = 15) -> str:
    """The end of what the host wrote while booting, without colours."""
    try:
        text = layout.console(name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "(no console output)"
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)
    return "\n".join(plain.rstrip().splitlines()[-lines:]) or "(no console output)"


def settled(layout: LabLayout, names: Sequence[str], *, timeout_s: float = 3.0) -> set[str]:
    """The hosts that run. One that is between two boots, or just ending, is given time to
    become either."""
    deadline = time.monotonic() + timeout_s
    while True:
        known = supervisors(layout)
        supervised = {name for name in names if name in known}
        unsure = [name for name in supervised if leader_of(layout.tag, name) is None]
        if not unsure or time.monotonic() > deadline:
            return supervised
        time.sleep(0.1)


def _has_banner(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2.0) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_until_up(layout: LabLayout, host: LabHost, deadline: float) -> str:
    """Waits for sshd and for the end of booting. The answer is systemd's word for how it went
    (`running`, `degraded`), or `ended` when the host is gone. `deadline` is in seconds of
    `time.monotonic`; LabError with the end of the console when it passes."""
    while True:
        if host.name not in supervisors(layout):
            return "ended"
        answers = _has_banner(host.address)
        word = system_state(layout, host.name, deadline) if answers else ""
        if word in ("running", "degraded"):
            return word
        if time.monotonic() > deadline:
            reason = f"systemd is still {word!r}" if answers else "sshd does not answer"
            raise boot_failure(layout, host.name, reason)
        time.sleep(0.1)


def system_state(layout: LabLayout, name: str, deadline: float) -> str:
    """What `systemctl is-system-running` says inside the host, waiting for boot to end."""
    leader = leader_of(layout.tag, name)
    if leader is None:
        return "not running"
    argv = ["nsenter", f"--target={leader}", "--all", "systemctl", "is-system-running", "--wait"]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=max(1.0, deadline - time.monotonic()),
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        return "starting"
    return done.stdout.strip() or "unknown"


def boot_failure(layout: LabLayout, name: str, reason: str) -> LabError:
    """The error for a host that does not come up, with the end of its console."""
    return LabError(
        f"{name} did not come up",
        why=f"{reason}; the end of its console:\n{console_tail(layout, name)}",
        hint=f"the whole console is in {layout.console(name)}",
    )
