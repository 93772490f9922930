"""Rules of firewalld, asked for and set through its program.

args: kind (service, port, ..., zone, target), value, on, zone, permanent, immediate, offline,
timeout.
"""

from __future__ import annotations

from provision.agent import core, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class Rule(core.State):
    """permanent, immediate: whether the rule is there in either configuration."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.program = programs.need(ctx, "firewall-cmd")
        self.running = ctx.probe([self.program, "--state"]).rc == 0
        if not self.running:
            if not args.get("offline"):
                raise Missing("firewalld is not running, offline operations need offline: true")
            if not args["permanent"]:
                raise Fail("firewalld is not running: only permanent changes can be made")
            self.program = programs.need(ctx, "firewall-offline-cmd")

    def _argv(self, verb: str, permanent: bool) -> List[str]:
        args = self.args
        argv = [self.program]
        if permanent and self.running:
            argv.append("--permanent")
        if args.get("zone") and args["kind"] != "zone":
            argv.append("--zone=" + args["zone"])
        if verb == "--add" and not permanent and args.get("timeout"):
            argv.append("--timeout=%d" % args["timeout"])
        word = "%s-%s" % (verb, args["kind"])
        argv.append(word if args.get("value") is None else "%s=%s" % (word, args["value"]))
        return argv

    def _there(self, permanent: bool) -> Any:
        kind = self.args["kind"]
        if kind == "zone":
            argv = [self.program] + (["--permanent"] if self.running else []) + ["--get-zones"]
            return self.args["value"] in self.ctx.probe(argv, ok=(0,)).stdout.split()
        if kind == "target":
            argv = [w for w in self._argv("--get", True) if not w.startswith("--get")]
            return self.ctx.probe([*argv, "--get-target"], ok=(0,)).stdout.strip()
        done = self.ctx.probe(self._argv("--query", permanent))
        if done.rc not in (0, 1):
            words = done.stderr.strip().splitlines()
            raise Fail("ERROR: " + (words[-1] if words else "exit status %d" % done.rc))
        return done.rc == 0

    def observe(self) -> Dict[str, Any]:
        seen = {}
        if self.args["permanent"]:
            seen["permanent"] = self._there(True)
        if self.args["immediate"] and self.running:
            seen["immediate"] = self._there(False)
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        on: Any = self.args["on"]
        if self.args["kind"] == "target":
            on = self.args["value"] if on else "default"
        return dict.fromkeys(observed, on)

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        for key in changes:
            kind = self.args["kind"]
            if kind == "target":
                argv = [w for w in self._argv("--set", True) if not w.startswith("--set")]
                argv.append("--set-target=" + wanted[key])
            elif kind == "zone":
                verb = "--new-zone=" if wanted[key] else "--delete-zone="
                argv = [self.program] + (["--permanent"] if self.running else [])
                argv.append(verb + self.args["value"])
            else:
                verb = "--add" if wanted[key] else "--remove"
                argv = self._argv(verb, key == "permanent")
            self.ctx.run(argv)


def main(ctx: Context, args: Args) -> Result:
    try:
        state = Rule(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    result = programs.settle(ctx, state)
    if result["status"] == "changed" and args["kind"] != "zone":
        verb = "enabled" if args["on"] else "disabled"
        value = args["kind"] if args.get("value") is None else args["value"]
        result["msg"] = "Changed %s %s to %s" % (args["kind"], value, verb)
    return result
