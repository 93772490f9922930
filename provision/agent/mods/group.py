"""Groups."""

from __future__ import annotations

from provision.agent import accounts, core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class GroupState(core.State):
    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.name: str = args["name"]

    def observe(self) -> Dict[str, Any]:
        entry = accounts.group(self.name, self.args.get("local", False))
        if entry is None:
            return {"state": "absent"}
        return {"state": "present", "gid": entry.gr_gid}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = {"state": self.args["state"]}
        if self.args["state"] == "present" and self.args.get("gid") is not None:
            wanted["gid"] = self.args["gid"]
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        args = self.args
        if wanted["state"] == "absent":
            force = ["-f"] if args.get("force") else []
            self.ctx.run(["groupdel"] + force + ["--", self.name])
            return
        new = observed["state"] == "absent"
        argv = ["groupadd"] if new else ["groupmod"]
        if "gid" in changes:
            argv += ["-g", str(wanted["gid"])]
            if args.get("non_unique"):
                argv.append("-o")
        if new and args.get("system"):
            argv.append("-r")
        for key in ("gid_min", "gid_max"):
            if new and args.get(key) is not None:
                argv += ["-K", "%s=%d" % (key.upper(), args[key])]
        self.ctx.run(argv + ["--", self.name])

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = {"name": self.name, "state": self.args["state"]}
        if self.args["state"] == "present":
            values["system"] = self.args.get("system", False)
            if observed.get("gid") is not None:
                values["gid"] = observed["gid"]
        return values


def main(ctx: Context, args: Args) -> Result:
    """args: name, state, gid, non_unique, system, local, force, gid_min, gid_max."""
    return core.converge(ctx, GroupState(ctx, args))
