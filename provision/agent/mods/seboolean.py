"""A switch of SELinux's policy.

args: name, state, persistent.
"""

from __future__ import annotations

import glob

from provision.agent import core, programs
from provision.agent.perms import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_LOCAL = "/var/lib/selinux/*/active/booleans.local"


class Switch(core.State):
    """state in the kernel; persistent: what the policy's store has after a boot."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.name: str = args["name"]

    def observe(self) -> Dict[str, Any]:
        path = "/sys/fs/selinux/booleans/" + self.name
        try:
            with open(path, encoding="ascii") as stream:
                seen: Dict[str, Any] = {"state": stream.read().split()[0] == "1"}
        except OSError:
            raise Missing("SELinux has no boolean %s, or is disabled" % self.name) from None
        seen["persistent"] = None
        for local in glob.glob(_LOCAL):
            with open(local, encoding="utf-8", errors="replace") as stream:
                for line in stream:
                    name, equals, value = line.partition("=")
                    if equals and name.strip() == self.name:
                        seen["persistent"] = value.strip() in ("1", "on", "true")
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = {"state": self.args["state"]}
        if self.args.get("persistent"):
            wanted["persistent"] = self.args["state"]
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        program = programs.need(self.ctx, "setsebool")
        keep = ["-P"] if self.args.get("persistent") else []
        self.ctx.run([program, *keep, self.name, "on" if self.args["state"] else "off"])

    def data(self, observed: Observed) -> Dict[str, Any]:
        persistent = bool(self.args.get("persistent"))
        return {"name": self.name, "state": self.args["state"], "persistent": persistent}


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Switch(ctx, args))
