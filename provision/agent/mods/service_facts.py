"""Which services there are."""

from __future__ import annotations

import os

from provision.agent import core, sdbus, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

    from provision.agent.core import Args, Context, Result

    Services = Dict[str, Dict[str, str]]
    #: (name, load state, active state, sub state) and (name, state of its file)
    Rows = Tuple[List[Tuple[str, str, str, str]], List[Tuple[str, str]]]

_BAD = ("not-found", "masked", "failed")


def _by_bus() -> Rows:
    manager = sdbus.SYSTEMD + ".Manager"
    pattern = ["*.service"]
    with sdbus.manager() as bus:
        loaded, files = bus.ask(
            [
                sdbus.Call(sdbus.MANAGER, manager, "ListUnitsByPatterns", "asas", [], pattern),
                sdbus.Call(sdbus.MANAGER, manager, "ListUnitFilesByPatterns", "asas", [], pattern),
            ]
        )
    for answer in (loaded, files):
        if isinstance(answer, sdbus.BusError):
            raise answer
    return (
        [(row[0], row[2], row[3], row[4]) for row in loaded[0]],
        [(os.path.basename(path), state) for path, state in files[0]],
    )


def _by_systemctl(ctx: Context) -> Rows:
    plain = ["--no-pager", "--no-legend", "--plain", "--type=service"]
    loaded, files = [], []
    for line in ctx.probe(["systemctl", "list-units", "--all", *plain]).stdout.splitlines():
        words = line.split()
        if len(words) >= 4:
            loaded.append((words[0], words[1], words[2], words[3]))
    for line in ctx.probe(["systemctl", "list-unit-files", *plain]).stdout.splitlines():
        words = line.split()
        if len(words) >= 2:
            files.append((words[0], words[1]))
    return loaded, files


def _systemd(ctx: Context) -> Services:
    try:
        loaded, files = _by_bus()
    except (sdbus.BusError, ValueError, IndexError, TypeError):
        loaded, files = _by_systemctl(ctx)
    found: Services = {}
    for name, load, active, sub in loaded:
        status = load if load in _BAD else "failed" if active == "failed" else active
        found[name] = {
            "name": name,
            "source": "systemd",
            "state": "running" if sub == "running" else "stopped",
            "status": status,
        }
    for name, status in files:
        if name not in found:
            found[name] = {
                "name": name,
                "source": "systemd",
                "state": "inactive",
                "status": status,
            }
        elif found[name]["status"] not in _BAD:
            found[name]["status"] = status
    return found


def _scripts(ctx: Context) -> Services:
    found: Services = {}
    for name in sorted(os.listdir("/etc/init.d")) if os.path.isdir("/etc/init.d") else ():
        path = os.path.join("/etc/init.d", name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            runs = ctx.probe(["service", name, "status"], timeout_s=10).rc == 0
            state = "running" if runs else "stopped"
            found[name] = {"name": name, "source": "sysv", "state": state, "status": "unknown"}
    return found


def main(ctx: Context, args: Args) -> Result:
    result = core.ok()
    services = _systemd(ctx) if units.runs_systemd() else _scripts(ctx)
    result["facts"] = {"services": services}
    return result
