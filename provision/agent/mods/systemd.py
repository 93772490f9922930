"""systemd units: enabled, masked, running."""

from __future__ import annotations

import os

from provision.agent import core, sdbus, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_RUNNING = ("active", "activating", "reloading", "refreshing")
_GUARDS = ("state", "enabled", "masked")
_MODS = ("systemd", "service")
_AGAIN = {"restarted": "restart", "reloaded": "reload"}
_JOBS = ("start", "restart", "reload")


def prepare(ctx: Context, args_list: Sequence[Args]) -> Dict[str, Dict[str, Any]]:
    """Every unit of the coming steps, by scope and name, each scope in one round trip."""
    by_scope: Dict[str, List[str]] = {}
    for args in args_list:
        name = args.get("name")
        if name and not any(c in name for c in "*?["):
            by_scope.setdefault(args.get("scope", "system"), []).append(units.full_name(name))
    found = {}
    for scope, names in by_scope.items():
        try:
            found[scope] = units.observe(ctx, names, scope)
        except core.Fail:
            continue  # the step whose scope cannot be asked says so itself
    return found


class UnitState(core.State):
    """Whether one unit is masked, enabled and running."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.scope: str = args.get("scope", "system")
        self.name = units.full_name(args["name"])
        self.unit: Dict[str, str] = {}
        self.applied: List[str] = []

    # -- observing --------------------------------------------------------------------

    def observe(self) -> Dict[str, Any]:
        prepared = {} if self.applied else self.ctx.prepared.get(self.scope, {})
        unit = prepared.get(self.name)
        if unit is None:
            unit = units.observe(self.ctx, [self.name], self.scope)[self.name]
        self.unit = unit
        return {
            "masked": unit["LoadState"] == "masked" or unit["UnitFileState"] == "masked",
            "enabled": self._enabled(unit["UnitFileState"]),
            "state": self._running(unit["ActiveState"]),
        }

    def _enabled(self, state: str) -> bool:
        wanted = bool(self.args.get("enabled"))
        if state in units.FIXED:
            return wanted  # there is nothing that could be enabled or disabled
        if state == "indirect" and "enabled" in self.applied:
            return wanted  # the unit's Also= was enabled; it stays indirect itself
        return state in units.ENABLED

    def _running(self, active: str) -> str:
        if "state" in self.applied and self.args.get("no_block"):
            return self._asked()  # the job has been given; nobody wants to wait for it
        if active in _RUNNING:
            return "started"
        if active == "deactivating":
            return "stopping"
        if active == "inactive" and "state" in self.applied and self._asked() == "started":
            return "started"  # a oneshot that has done its work
        return "stopped"

    def _asked(self) -> str:
        """started or stopped, or empty when the state does not matter."""
        state = self.args.get("state") or ""
        return state if state in ("started", "stopped") else "started" if state else ""

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {}
        for key in ("masked", "enabled"):
            if self.args.get(key) is not None:
                wanted[key] = self.args[key]
        if self._asked():
            wanted["state"] = self._asked()
        return wanted

    def missing(self) -> bool:
        return self.unit["LoadState"] == "not-found"

    # -- applying ---------------------------------------------------------------------

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "masked" in changes:
            self._files("mask" if wanted["masked"] else "unmask")
        if "enabled" in changes:
            self._files("enable" if wanted["enabled"] else "disable")
        if "state" in changes:
            self.job("start" if wanted["state"] == "started" else "stop")
        self.applied = list(changes)

    def _files(self, verb: str) -> None:
        """Masks, unmasks, enables or disables; the manager reads its files again after the
        last such step in a row (55 ms of its time and a dozen generators each)."""
        try:
            done = units.change_files(verb, self.unit["Id"], self.scope, self.args.get("force"))
        except sdbus.BusError:
            done = False
        if not done:
            self._systemctl(verb)
        elif verb in ("mask", "unmask") or not self._more_follow():
            reload(self.ctx, self.scope)

    def _more_follow(self) -> bool:
        following = self.ctx.agent.steps[self.ctx.agent.position + 1 :][:1]
        return any(
            step["mod"] in _MODS
            and step["args"].get("enabled") is not None
            and step["args"].get("scope", "system") == self.scope
            and str(step["args"].get("name", "")).rpartition(".")[2] != "target"
            for step in following
        )

    def job(self, verb: str) -> None:
        """Starts, stops, reloads or restarts; a failure comes with the journal's last lines."""
        name, block = self.unit["Id"], not self.args.get("no_block")
        try:
            how = units.job(verb, name, self.scope, self.ctx.left_s(), block)
        except sdbus.BusError:
            self._systemctl(verb, *([] if block else ["--no-block"]))
            return
        if how == "done" or (verb == "stop" and how == "canceled"):
            return
        if how in ("failed", "timeout", "dependency"):
            how = self._why(name, how)
        tail = units.journal_tail(self.ctx, name, self.scope) if verb != "stop" else ""
        raise core.Fail(
            "cannot %s %s: %s%s" % (verb, name, how, "\n" + tail if tail else ""),
            name=self.args["name"],
            journal=tail.splitlines(),
        )

    def _why(self, name: str, how: str) -> str:
        wanted = "Result,ExecMainStatus"
        unit = units.show(self.ctx, [name], self.scope, wanted).get(name, {})
        result, status = unit.get("Result", ""), unit.get("ExecMainStatus", "0")
        words = {
            "dependency": "a unit that it needs did not start",
            "timeout": "it took too long",
        }
        why = words.get(how, "the job failed")
        if result not in ("", "success", how):
            why += ", result %s" % result
        return why + (", exit status %s" % status if status not in ("", "0") else "")

    def _systemctl(self, verb: str, *flags: str) -> None:
        argv = ["systemctl"] + units.scope_flags(self.scope) + list(flags)
        if self.args.get("force") and verb in ("enable", "mask"):
            argv.append("--force")
        env = dict(units.scope_env(self.scope), LC_ALL="C")
        done = self.ctx.run(argv + [verb, "--", self.name], env=env, ok=None)
        if done.rc != 0:
            why = " ".join(done.stderr.split()) or "exit status %d" % done.rc
            tail = units.journal_tail(self.ctx, self.name, self.scope) if verb in _JOBS else ""
            raise core.Fail(
                "cannot %s %s: %s%s" % (verb, self.name, why, "\n" + tail if tail else ""),
                rc=done.rc,
                stderr=done.stderr,
                journal=tail.splitlines(),
            )

    # -- answering --------------------------------------------------------------------

    def data(self, observed: Observed) -> Dict[str, Any]:
        values: Dict[str, Any] = {"name": self.args["name"], "status": self.unit}
        for key in ("enabled", "masked"):
            if self.args.get(key) is not None:
                values[key] = self.args[key]
        if self._asked():
            values["state"] = self._asked()
        return values


def reload(ctx: Context, scope: str, verb: str = "daemon-reload") -> None:
    argv = ["systemctl"] + units.scope_flags(scope) + [verb]
    if scope == "system" and verb == "daemon-reload":
        try:
            if units.reload():
                return
        except sdbus.BusError:
            pass
    if scope == "global":
        return
    env = dict(units.scope_env(scope), LC_ALL="C")
    done = ctx.run(argv, env=env, ok=None)
    if done.rc != 0:
        raise core.Fail(units.cannot_ask(done.stderr, scope), rc=done.rc, stderr=done.stderr)


def _stale(unit: Dict[str, str]) -> bool:
    """Whether the manager's picture of the unit files may be older than the files."""
    if unit.get("NeedDaemonReload") == "yes" or unit.get("LoadState") == "not-found":
        return True
    loaded = units.loaded_at()
    return loaded == 0 or units.newest_change() >= loaded


def main(ctx: Context, args: Args) -> Result:
    """args: name, state, enabled, masked, scope, force, no_block, daemon_reload,
    daemon_reexec."""
    scope = args.get("scope", "system")
    if not units.runs_systemd():
        raise core.Fail("systemd does not run on this host", hint="use the action `service`")
    if args.get("daemon_reexec") and not ctx.check:
        reload(ctx, scope, "daemon-reexec")
    if not args.get("name"):
        if args.get("daemon_reload") and not ctx.check:
            reload(ctx, scope)
        return core.ok(name=None, status={})
    state = UnitState(ctx, args)
    state.observe()
    if args.get("daemon_reload") and not ctx.check and scope != "global" and _stale(state.unit):
        reload(ctx, scope)
        ctx.agent.cache.clear()
        state.observe()
    if all(args.get(key) is None for key in _GUARDS):
        return _query(ctx, state)
    if state.missing() and (args.get("state") or args.get("enabled") or args.get("masked") is None):
        return _not_found(ctx, state)
    result = core.converge(ctx, state)
    return _again(ctx, state, result) if args.get("state") in _AGAIN else result


def _again(ctx: Context, state: UnitState, result: Result) -> Result:
    """Restarts or reloads, which always is a change; a stopped unit was just started."""
    wanted = state.args["state"]
    keys = [entry["key"] for entry in result.get("diff", [])]
    if "state" in keys and wanted == "reloaded":
        return result
    diff = [entry for entry in result.get("diff", []) if entry["key"] != "state"]
    before = "stopped" if "state" in keys else "started"
    diff.append({"key": "state", "before": before, "after": wanted})
    if not ctx.check and "state" not in keys:
        state.job(_AGAIN[wanted])
        state.applied.append("state")
        if state.observe()["state"] != "started":
            tail = units.journal_tail(ctx, state.unit["Id"], state.scope)
            raise core.Fail(
                "%s was %s and does not run now\n%s" % (state.name, wanted, tail), diff=diff
            )
    return core.changed(diff, **state.data({}))


def _query(ctx: Context, state: UnitState) -> Result:
    """A task that asks for nothing gets everything `systemctl show` tells."""
    if state.scope == "global":
        return core.ok(name=state.args["name"], status=state.unit)
    every = units.show(ctx, [state.name], state.scope)
    return core.ok(name=state.args["name"], status=every[state.name])


def _not_found(ctx: Context, state: UnitState) -> Result:
    args = state.args
    if not ctx.check:
        # people's playbooks look for these words
        raise core.Fail(
            "Could not find the requested service %s: no such unit on the host" % state.name,
            name=args["name"],
        )
    if not _written_before(ctx, state.name):
        return core.unknown(
            "there is no unit %s on the host yet" % state.name, name=args["name"], status={}
        )
    wanted = state.desired({})
    if args.get("state"):
        wanted["state"] = args["state"]
    diff = [
        {"key": key, "before": None, "after": value}
        for key, value in wanted.items()
        if value not in (False, "stopped")
    ]
    values = {"name": args["name"], "status": {}, **wanted}
    return core.changed(diff, **values) if diff else core.ok(**values)


def _written_before(ctx: Context, name: str) -> bool:
    """Whether an earlier step of this batch writes the unit's file."""
    for step in ctx.agent.steps[: ctx.agent.position]:
        for value in step["args"].values():
            if isinstance(value, str) and os.path.basename(value) == name:
                return True
    return False
