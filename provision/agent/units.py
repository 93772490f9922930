"""What systemd knows of units, observed for many at once."""

from __future__ import annotations

import os

from provision.agent import sdbus
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Set

    from provision.agent.core import Context

    Unit = Dict[str, str]

_TYPES = ".service.socket.device.mount.automount.swap.target.path.timer.slice.scope."
_UNIT = sdbus.SYSTEMD + ".Unit"
_MANAGER = sdbus.SYSTEMD + ".Manager"
SHOWN = (
    "Id,Description,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,"
    "Type,Result,MainPID,FragmentPath"
)
ADMIN = "/etc/systemd/system"

#: Unit file states that count as enabled: those with a link, and those that need none.
ENABLED = frozenset(("enabled", "enabled-runtime"))
FIXED = frozenset(("static", "generated", "transient"))


def runs_systemd() -> bool:
    return os.path.isdir("/run/systemd/system")


def full_name(name: str) -> str:
    """The unit's name with its suffix; a bare one is a service. Raises Fail for patterns."""
    if any(c in name for c in "*?["):
        raise Fail("%r: the name of a unit cannot be a pattern" % name)
    if name.startswith("/"):
        return name  # systemctl knows which mount or device a path means
    _, dot, suffix = name.rpartition(".")
    return name if dot and ".%s." % suffix in _TYPES else name + ".service"


def scope_flags(scope: str) -> List[str]:
    return [] if scope == "system" else ["--" + scope]


def scope_env(scope: str) -> Dict[str, str]:
    return {"XDG_RUNTIME_DIR": sdbus.runtime_dir()} if scope == "user" else {}


def observe(ctx: Context, names: Sequence[str], scope: str = "system") -> Dict[str, Unit]:
    """The units' properties as `systemctl show` names and writes them."""
    wanted = list(dict.fromkeys(names))
    plain = [name for name in wanted if "@." not in name and not name.startswith("/")]
    found: Dict[str, Unit] = {}
    if plain and scope != "global":
        try:
            found = _by_bus(plain, scope == "user")
        except (sdbus.BusError, IndexError, KeyError, TypeError, ValueError):
            found = {}  # an old or odd bus: systemctl knows how to talk to it
    rest = [name for name in wanted if name not in found]
    if rest:
        found.update(_by_systemctl(ctx, rest, scope))
    return found


def _by_bus(names: Sequence[str], user: bool) -> Dict[str, Unit]:
    calls = [sdbus.Call(sdbus.MANAGER, _MANAGER, "ListUnitsByNames", "as", names)]
    for name in names:
        path = sdbus.unit_path(name)
        calls.append(sdbus.get(path, _UNIT, "NeedDaemonReload"))
        calls.append(sdbus.get(path, _UNIT, "UnitFileState"))
    with sdbus.manager(user) as bus:
        listed, *rest = bus.ask(calls)
        if isinstance(listed, sdbus.BusError):
            raise listed
        rows = listed[0]
        if len(rows) != len(names):
            raise sdbus.BusError("the manager did not answer for each unit")
        found: Dict[str, Unit] = {}
        for i, name in enumerate(names):
            reload, state = rest[2 * i], rest[2 * i + 1]
            if isinstance(reload, sdbus.BusError) or isinstance(state, sdbus.BusError):
                continue
            row = rows[i]
            found[name] = {
                "Id": row[0],
                "Description": row[1],
                "LoadState": row[2],
                "ActiveState": row[3],
                "SubState": row[4],
                "UnitFileState": state[0],
                "NeedDaemonReload": "yes" if reload[0] else "no",
            }
        _refresh_file_states(bus, found, user)
    return found


def _refresh_file_states(bus: sdbus.Bus, found: Dict[str, Unit], user: bool) -> None:
    """The manager remembers UnitFileState; a link made or removed behind its back shows only
    when it looks again, which costs 1.3 ms a unit. So it is asked where the links disagree."""
    links = set() if user else _links()
    doubtful = []
    for name, unit in found.items():
        state = unit["UnitFileState"]
        linked = name in links or unit["Id"] in links
        if user or (state == "enabled" and not linked) or (state == "disabled" and linked):
            doubtful.append(name)
    calls = [
        sdbus.Call(sdbus.MANAGER, _MANAGER, "GetUnitFileState", "s", found[name]["Id"])
        for name in doubtful
    ]
    for name, answer in zip(doubtful, bus.ask(calls) if calls else []):
        if not isinstance(answer, sdbus.BusError):
            found[name]["UnitFileState"] = answer[0]


def _links() -> Set[str]:
    """Names of units that a link in the administrator's folder pulls in."""
    names: Set[str] = set()
    try:
        with os.scandir(ADMIN) as entries:
            for entry in entries:
                if entry.is_symlink():
                    names.add(os.path.basename(os.readlink(entry.path)))
                elif entry.name.endswith((".wants", ".requires", ".upholds")):
                    names.update(os.listdir(entry.path))
    except OSError:
        pass
    return names


def _by_systemctl(ctx: Context, names: Sequence[str], scope: str) -> Dict[str, Unit]:
    if scope == "global":
        return {name: _global(ctx, name) for name in names}
    return show(ctx, names, scope, SHOWN)


def show(ctx: Context, names: Sequence[str], scope: str, properties: str = "") -> Dict[str, Unit]:
    """`systemctl show`; every property unless some are named. Raises Fail."""
    argv = ["systemctl"] + scope_flags(scope) + ["show", "--no-pager"]
    if properties:
        argv += ["-p", properties]
    env = dict(scope_env(scope), LC_ALL="C")
    done = ctx.run(argv + ["--"] + list(names), env=env, ok=None)
    if done.rc != 0:
        raise Fail(cannot_ask(done.stderr, scope), rc=done.rc, stderr=done.stderr)
    blocks = [_parse(block) for block in done.stdout.split("\n\n") if block.strip()]
    return dict(zip(names, blocks))


def cannot_ask(stderr: str, scope: str) -> str:
    why = stderr.strip().splitlines()
    text = "systemd does not answer" + (": " + why[-1] if why else "")
    if scope == "user":
        text += " (a user's manager runs while they are logged in or `loginctl enable-linger`ed)"
    return text


def _parse(block: str) -> Unit:
    unit: Unit = {}
    last = ""
    for line in block.splitlines():
        key, sep, value = line.partition("=")
        if sep and key.isidentifier():
            unit[key] = value
            last = key
        elif last:
            unit[last] += "\n" + line
    return unit


def _global(ctx: Context, name: str) -> Unit:
    done = ctx.probe(["systemctl", "--global", "is-enabled", "--", name])
    state = done.stdout.strip()
    missing = not state or state == "not-found"
    return {
        "Id": name,
        "LoadState": "not-found" if missing else "masked" if state == "masked" else "loaded",
        "UnitFileState": "" if missing else state,
        "ActiveState": "",
        "SubState": "",
        "NeedDaemonReload": "no",
    }


def newest_change() -> float:
    """When a unit file or link last changed, in seconds since the epoch; 0 when unknown.

    By ctime, which a copy that keeps times cannot set back.
    """
    newest = 0.0
    for top in (ADMIN, "/run/systemd/system", "/usr/local/lib/systemd/system"):
        for folder, _, files in os.walk(top):
            for path in [folder] + [os.path.join(folder, name) for name in files]:
                try:
                    newest = max(newest, os.lstat(path).st_ctime)
                except OSError:
                    continue
    for folder in ("/usr/lib/systemd/system", "/lib/systemd/system"):
        try:
            newest = max(newest, os.stat(folder).st_ctime)
        except OSError:
            continue
    return newest


_VERBS = {
    "enable": ("EnableUnitFiles", "asbb"),
    "disable": ("DisableUnitFiles", "asb"),
    "mask": ("MaskUnitFiles", "asbb"),
    "unmask": ("UnmaskUnitFiles", "asb"),
}


def change_files(verb: str, name: str, scope: str, force: object = False) -> bool:
    """Enables, disables, masks or unmasks without making the manager read everything again.

    False where it is better left to systemctl: other scopes, units that a script made, and
    whatever goes wrong, because systemctl explains it. Raises BusError.
    """
    if scope != "system" or os.geteuid() != 0:
        return False
    member, signature = _VERBS[verb]
    flags = [False, bool(force)] if signature == "asbb" else [False]
    with sdbus.manager() as bus:
        answer = bus.ask([sdbus.Call(sdbus.MANAGER, _MANAGER, member, signature, [name], *flags)])[
            0
        ]
    if isinstance(answer, sdbus.BusError):
        return False
    return bool(answer[-1]) or verb in ("disable", "unmask")  # what it changed


_JOBS = {
    "start": "StartUnit",
    "stop": "StopUnit",
    "restart": "RestartUnit",
    "reload": "ReloadUnit",
}
_JOB_LIMIT_S = 900.0  # units have limits of their own; this is for those that have none


def job(verb: str, name: str, scope: str, timeout_s: Optional[float], block: bool = True) -> str:
    """Starts, stops, restarts or reloads a unit and waits for it; says how the job ended:
    `done`, or a reason. Raises BusError when the manager could not be asked for it."""
    limit = _JOB_LIMIT_S if timeout_s is None else timeout_s
    with sdbus.manager(scope == "user", limit) as bus:
        rule = "type='signal',interface='%s',member='JobRemoved'" % _MANAGER
        answers = bus.ask(
            [
                sdbus.to_bus("AddMatch", "s", rule),
                sdbus.Call(sdbus.MANAGER, _MANAGER, "Subscribe"),
                sdbus.Call(sdbus.MANAGER, _MANAGER, _JOBS[verb], "ss", name, "replace"),
            ]
        )
        if isinstance(answers[-1], sdbus.BusError):
            return str(answers[-1])
        path = answers[-1][0]
        if not block:
            return "done"
        try:
            return str(bus.wait("JobRemoved", lambda values: values[1] == path)[3])
        except sdbus.BusError:
            return "it did not end within %.0f s" % limit


def reload() -> bool:
    """Makes the manager read all unit files again. False when it refuses. Raises BusError."""
    with sdbus.manager(timeout_s=90.0) as bus:
        answer = bus.ask([sdbus.Call(sdbus.MANAGER, _MANAGER, "Reload")])[0]
    return not isinstance(answer, sdbus.BusError)


def loaded_at() -> float:
    """When the manager last read all unit files, in seconds since the epoch; 0 when unknown."""
    try:
        with sdbus.manager() as bus:
            answers = bus.ask(
                [
                    sdbus.get(sdbus.MANAGER, _MANAGER, "UnitsLoadTimestamp"),
                    sdbus.get(sdbus.MANAGER, _MANAGER, "UnitsLoadFinishTimestamp"),
                ]
            )
    except sdbus.BusError:
        return 0.0
    if any(isinstance(answer, sdbus.BusError) for answer in answers):
        return 0.0  # before systemd 248
    return float(max(answer[0] for answer in answers)) / 1e6


def journal_tail(ctx: Context, unit: str, scope: str = "system", lines: int = 12) -> str:
    """The unit's last journal lines, for an error; empty when they cannot be read."""
    flag = ["--user-unit" if scope == "user" else "--unit", unit]
    try:
        done = ctx.probe(
            ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(lines)] + flag, timeout_s=10
        )
    except Fail:
        return ""
    return done.stdout.strip() if done.rc == 0 else ""
