"""What runs of model services: units, their processes and their health, for many at once.

No process is started: systemd is asked over D-Bus, everything else is files and one local
request for each service, all at the same time.
"""

from __future__ import annotations

import os

from provision.agent import httpcheck, sdbus, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context

_UNIT = sdbus.SYSTEMD + ".Unit"
_SERVICE = sdbus.SYSTEMD + ".Service"
_MANAGER = sdbus.SYSTEMD + ".Manager"
_SHOWN = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,InvocationID,MainPID,"
    "ExecMainStartTimestamp,NRestarts,Result,Environment"
)
_CHECK_S = 3.0  # for the request of a mere look
STAMP = "PROVISION_UNIT="


class Look:
    """One service as it is. `started` is in seconds since the epoch."""

    def __init__(self, unit: Dict[str, str]) -> None:
        self.active = unit["ActiveState"]
        self.sub = unit["SubState"]
        self.file_state = unit["UnitFileState"]
        self.load_state = unit["LoadState"]
        self.stale_unit = unit["NeedDaemonReload"] == "yes"
        self.invocation = ""
        self.pid = 0
        self.started = 0.0
        self.restarts = 0
        self.result = ""
        self.loaded_stamp = ""
        self.loaded_at = 0.0  # when the manager last read all units; 0 when it does not tell
        self.health: Optional[str] = None
        self.listening: Optional[bool] = None

    @property
    def runs(self) -> bool:
        return self.active in ("active", "reloading", "refreshing")

    @property
    def state(self) -> str:
        """systemd's word; `restarting` between two attempts."""
        if self.runs:
            return "active"
        return "restarting" if self.sub.startswith("auto-restart") else self.active

    @property
    def dead(self) -> bool:
        """Whether it has ended or is about to be started again after an end."""
        return self.state in ("inactive", "failed", "restarting", "deactivating")


def look(ctx: Context, args_list: Sequence[Args], health: bool = True) -> Dict[str, Look]:
    """The services of some tasks, by name of the unit."""
    names = list(dict.fromkeys(str(args["unit"]) for args in args_list))
    found = {name: Look(unit) for name, unit in units.observe(ctx, names).items()}
    _processes(ctx, found)
    if health:
        _healths(args_list, found)
    return found


def _processes(ctx: Context, found: Dict[str, Look]) -> None:
    calls = []
    for name in found:
        path = sdbus.unit_path(name)
        calls += [
            sdbus.get(path, _UNIT, "InvocationID"),
            sdbus.get(path, _SERVICE, "MainPID"),
            sdbus.get(path, _SERVICE, "ExecMainStartTimestamp"),
            sdbus.get(path, _SERVICE, "NRestarts"),
            sdbus.get(path, _SERVICE, "Result"),
            sdbus.get(path, _SERVICE, "Environment"),
        ]
    calls.append(sdbus.get(sdbus.MANAGER, _MANAGER, "UnitsLoadFinishTimestamp"))
    try:
        with sdbus.manager() as bus:
            answers: List[Any] = bus.ask(calls)
    except sdbus.BusError:
        _by_systemctl(ctx, found)
        return
    loaded = answers.pop()
    for position, seen in enumerate(found.values()):
        seen.loaded_at = 0.0 if isinstance(loaded, sdbus.BusError) else loaded[0] / 1e6
        six = answers[6 * position : 6 * position + 6]
        if any(isinstance(answer, sdbus.BusError) for answer in six):
            continue  # no such unit
        seen.invocation = bytes(six[0][0]).hex()
        seen.pid = six[1][0]
        seen.started = six[2][0] / 1e6
        seen.restarts = six[3][0]
        seen.result = six[4][0]
        seen.loaded_stamp = _stamp(six[5][0])


def _by_systemctl(ctx: Context, found: Dict[str, Look]) -> None:
    for name, unit in units.show(ctx, list(found), "system", _SHOWN).items():
        seen = found[name]
        seen.invocation = unit.get("InvocationID", "")
        seen.pid = int(unit.get("MainPID") or 0)
        seen.restarts = int(unit.get("NRestarts") or 0)
        seen.result = unit.get("Result", "")
        seen.loaded_stamp = _stamp(unit.get("Environment", "").split())
        seen.started = _start_of(seen.pid)


def _stamp(environment: Sequence[str]) -> str:
    found = [item for item in environment if item.startswith(STAMP)]
    return found[-1][len(STAMP) :] if found else ""


def _start_of(pid: int) -> float:
    """When a process started, by the kernel's clock; 0 when it is gone."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stream:
            ticks = int(stream.read().rpartition(")")[2].split()[19])
        with open("/proc/stat", encoding="utf-8") as stream:
            boot = next(line for line in stream if line.startswith("btime "))
    except (OSError, IndexError, ValueError, StopIteration):
        return 0.0
    return int(boot.split()[1]) + ticks / float(os.sysconf("SC_CLK_TCK"))


def _healths(args_list: Sequence[Args], found: Dict[str, Look]) -> None:
    """Asks every service that runs and is meant to, all at the same time."""
    asked = []
    for args in args_list:
        seen = found.get(args["unit"])
        if seen is None or not seen.runs or not args.get("health") or not args.get("port"):
            continue
        asked.append((seen, probe(args, _CHECK_S)))
    httpcheck.run([one for _, one in asked])
    for seen, one in asked:
        seen.health = one.result
        seen.listening = one.connected


def probe(args: Args, limit_s: float) -> httpcheck.Probe:
    return httpcheck.Probe(args["bind"], args["port"], args["health"], limit_s)


def process_stamp(pid: int) -> str:
    """The unit hash that a process was started with; empty when it does not tell, for instance
    because it has written its title over its environment."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as stream:
            items = stream.read().decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return ""
    return _stamp(items)
