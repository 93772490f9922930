"""Services: units where systemd runs, else scripts in /etc/init.d."""

from __future__ import annotations

import os
import time

from provision.agent import core, units
from provision.agent.mods import systemd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_AGAIN = {"restarted": "restart", "reloaded": "reload"}
prepare = systemd.prepare


class ScriptState(core.State):
    """A service whose script tells whether it runs, and whose links start it at boot."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.name: str = args["name"]

    def observe(self) -> Dict[str, Any]:
        return {
            "state": "started" if self._runs() else "stopped",
            "enabled": any(
                name[:1] == "S" and name[3:] == self.name
                for level in "2345"
                for name in _listed("/etc/rc%s.d" % level) + _listed("/etc/rc.d/rc%s.d" % level)
            ),
        }

    def _runs(self) -> bool:
        pattern = self.args.get("pattern")
        if not pattern:
            return self.ctx.probe(["service", self.name, "status"]).rc == 0
        for pid in _listed("/proc"):
            if pid.isdigit() and int(pid) != os.getpid():
                try:
                    with open("/proc/%s/cmdline" % pid, "rb") as stream:
                        line = stream.read().replace(b"\0", b" ").decode("utf-8", "replace")
                except OSError:
                    continue
                if pattern in line:
                    return True
        return False

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {}
        if self.args.get("enabled") is not None:
            wanted["enabled"] = self.args["enabled"]
        state = self.args.get("state")
        if state:
            wanted["state"] = "stopped" if state == "stopped" else "started"
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "enabled" in changes:
            self._at_boot(wanted["enabled"])
        if "state" in changes:
            self.call("start" if wanted["state"] == "started" else "stop")

    def _at_boot(self, enabled: bool) -> None:
        if os.path.exists("/usr/sbin/update-rc.d"):
            if enabled:
                self.ctx.run(["update-rc.d", self.name, "defaults"])
            self.ctx.run(["update-rc.d", self.name, "enable" if enabled else "disable"])
        else:
            self.ctx.run(["chkconfig", self.name, "on" if enabled else "off"])

    def call(self, verb: str) -> None:
        words = (self.args.get("arguments") or "").split()
        self.ctx.run(["service", self.name, verb] + words)

    def data(self, observed: Observed) -> Dict[str, Any]:
        values: Dict[str, Any] = {"name": self.name}
        for key in ("state", "enabled"):
            if observed.get(key) is not None and self.args.get(key) is not None:
                values[key] = observed[key]
        return values


def _listed(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _by_script(ctx: Context, args: Args) -> Result:
    if not os.path.exists("/etc/init.d/" + args["name"]):
        missing = "Could not find the requested service %s: there is no /etc/init.d/%s"
        raise core.Fail(missing % (args["name"], args["name"]), name=args["name"])
    state = ScriptState(ctx, args)
    again = args.get("state") in _AGAIN
    runs = again and state.observe()["state"] == "started"
    result = core.converge(ctx, state)
    if not runs:
        return result
    diff = result.get("diff", []) + [{"key": "state", "before": "started", "after": args["state"]}]
    if not ctx.check:
        if args["state"] == "restarted" and args.get("sleep"):
            state.call("stop")
            time.sleep(args["sleep"])
            state.call("start")
        else:
            state.call(_AGAIN[args["state"]])
    return core.changed(diff, **result["data"])


def main(ctx: Context, args: Args) -> Result:
    """args: name, state, enabled, sleep, pattern, arguments, use."""
    use = args.get("use", "auto").rpartition(".")[2]
    if units.runs_systemd() and use in ("auto", "service", "systemd", "systemd_service"):
        return systemd.main(ctx, args)
    if use in ("systemd", "systemd_service"):
        raise core.Fail("systemd does not run on this host")
    return _by_script(ctx, args)
