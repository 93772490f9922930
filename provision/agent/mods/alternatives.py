"""What a generic name stands for.

args: name, path, link, priority, state, family, subcommands.
"""

from __future__ import annotations

from provision.agent import core, programs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class Alternative(core.State):
    """known: path is a choice, with priority and subcommands; selected; mode auto or manual."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.name: str = args["name"]
        self.path: Optional[str] = args.get("path") or args.get("family")
        self.program = programs.need(ctx, "update-alternatives", "alternatives")
        self.link: Optional[str] = None

    def observe(self) -> Dict[str, Any]:
        done = self.ctx.probe([self.program, "--query", self.name])
        blocks = [_fields(block) for block in done.stdout.split("\n\n")] if done.rc == 0 else []
        head = blocks[0] if blocks else {}
        self.link = head.get("Link")
        mine = next((b for b in blocks[1:] if b.get("Alternative") == self.path), None)
        return {
            "known": mine is not None,
            "priority": int(mine["Priority"]) if mine else None,
            "subcommands": sorted((mine or {}).get("Slaves", "").splitlines()),
            "selected": head.get("Value"),
            "mode": head.get("Status"),
        }

    def desired(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        state = args["state"]
        if state == "absent":
            return {"known": False}
        wanted: Dict[str, Any] = {}
        if self.path is not None:
            wanted["known"] = True
            if args.get("priority") is not None:
                wanted["priority"] = args["priority"]
            if args.get("subcommands") is not None:
                parts = args["subcommands"]
                wanted["subcommands"] = sorted("%s %s" % (p["name"], p["path"]) for p in parts)
        if state == "selected":
            wanted["selected"] = self.path
        elif state == "auto":
            wanted["mode"] = "auto"
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if self.args["state"] == "absent":
            self._run("--remove", self.name, self.path or "")
            return
        if {"known", "priority", "subcommands"} & set(changes):
            self._install(observed)
        if "selected" in changes:
            self._run("--set", self.name, self.path or "")
        elif "mode" in changes:
            self._run("--auto", self.name)

    def _install(self, observed: Observed) -> None:
        args = self.args
        link = args.get("link") or self.link
        if link is None:
            raise Fail(
                "Needed to install the alternative, but unable to do so as we are missing the link"
            )
        priority = args.get("priority")
        if priority is None:
            priority = observed["priority"] if observed["priority"] is not None else 50
        words: List[str] = ["--install", link, self.name, self.path or "", str(priority)]
        for part in args.get("subcommands") or ():
            words += ["--slave", part["link"], part["name"], part["path"]]
        self._run(*words)

    def _run(self, *words: str) -> None:
        self.ctx.run([self.program, *words], env={"LC_ALL": "C"})


def _fields(block: str) -> Dict[str, str]:
    """A block of RFC 822's form; continued lines are joined by newlines."""
    found: Dict[str, str] = {}
    last = ""
    for line in block.splitlines():
        if line[:1] == " ":
            found[last] = (found[last] + "\n" + line.strip()).strip()
            continue
        last, _, value = line.partition(":")
        found[last] = value.strip()
    return found


def main(ctx: Context, args: Args) -> Result:
    from provision.agent.perms import Missing, foreseen

    try:
        state = Alternative(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    return programs.settle(ctx, state)
