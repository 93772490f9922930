"""Access lists of files, read and set by the programs of the package acl.

args: path, state, entry, recursive, follow, mask.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, programs
from provision.agent.perms import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class AccessList(core.State):
    """entries, as getfacl prints them; below: paths setfacl would change."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.path = fs.expand(args["path"])

    def _entries(self) -> List[str]:
        words = ["--omit-header", "--absolute-names"]
        if not self.args.get("follow", True):
            words.append("--physical")
        program = programs.need(self.ctx, "getfacl")
        done = self.ctx.probe([program, *words, "--", self.path], ok=(0,))
        lines = (line.partition("#")[0].strip() for line in done.stdout.splitlines())
        return [line for line in lines if line]

    def _words(self) -> List[str]:
        args = self.args
        words = ["-n"] if args["mask"] == "no_mask" else []
        words += ["--mask"] if args["mask"] == "mask" else []
        words += ["--recursive"] if args.get("recursive") else []
        words += [] if args.get("follow", True) else ["--physical"]
        words += ["-m" if args["state"] == "present" else "-x", args["entry"]]
        return [*words, "--", self.path]

    def observe(self) -> Dict[str, Any]:
        if not os.path.exists(self.path):
            raise Missing("Path not found or not accessible: %s" % self.path, path=self.path)
        seen: Dict[str, Any] = {"entries": self._entries()}
        if self.args["state"] != "query":
            program = programs.need(self.ctx, "setfacl")
            done = self.ctx.probe([program, "--test", *self._words()], ok=(0,))
            seen["below"] = _changing(done.stdout)
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return {} if self.args["state"] == "query" else {"below": []}

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        return {"key": self.args["entry"], "before": None, "after": "; ".join(before)}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        self.ctx.run([programs.need(self.ctx, "setfacl"), *self._words()])

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"acl": observed["entries"]}


def _changing(text: str) -> List[str]:
    """Lines of `setfacl --test` that say what would be: `path: access,default`, a star for what
    stays."""
    lines = []
    for line in text.splitlines():
        if line.strip() and not line.endswith(": *,*"):
            lines.append(line)
    return lines


def main(ctx: Context, args: Args) -> Result:
    result = programs.settle(ctx, AccessList(ctx, args))
    if result["status"] == "ok":
        result["msg"] = "current ACL"
    return result
