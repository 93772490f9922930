"""What dpkg is to do with a package.

args: name, selection.
"""

from __future__ import annotations

from provision.agent import core, programs
from provision.agent.perms import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class Selection(core.State):
    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.program = programs.need(ctx, "dpkg")

    def observe(self) -> Dict[str, Any]:
        done = self.ctx.probe([self.program, "--get-selections", self.args["name"]])
        words = done.stdout.split()
        if len(words) < 2:
            raise Missing("Failed to find package '%s' to perform selection '%s'." % (
                self.args["name"], self.args["selection"],
            ))  # fmt: skip
        return {"selection": words[1]}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return {"selection": self.args["selection"]}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        line = "%s %s\n" % (self.args["name"], self.args["selection"])
        self.ctx.run([self.program, "--set-selections"], stdin=line.encode())

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"before": observed["selection"], "after": self.args["selection"]}


def main(ctx: Context, args: Args) -> Result:
    try:
        state = Selection(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return core.unknown(exc.msg)
    result = programs.settle(ctx, state)
    for entry in result.get("diff", ()):
        result["data"]["before"] = entry["before"]
    return result
