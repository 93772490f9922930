"""The action `make`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Make"]


@dataclass(frozen=True, slots=True)
class Args:
    chdir: str = arg("Where the makefile is.", example="/opt/src/tool")
    target: str | None = arg("The target; the makefile's first when not said.", default=None)
    targets: list[str] | None = arg("Several targets.", default=None)
    params: dict[str, Any] | None = arg("Variables, `NAME=value` for make.", default=None)
    file: str | None = arg("Another makefile.", default=None)
    jobs: int | None = arg("How many jobs at once.", default=None)
    make: str | None = arg("The make to use.", default=None)


class Make(Action):
    name = "make"
    summary = "Bring targets of a makefile up to date."
    Args = Args
    check_mode = "asks make whether there is something to do (`--question`)"
    notes = "A target that is up to date is not a change."
    examples = (
        "- make:\n    chdir: /opt/src/tool\n    target: install\n    params: {PREFIX: /usr}\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.target is not None and args.targets is not None:
            raise PlaybookError("make: target and targets are mutually exclusive")
        sent = wire(args)
        sent["targets"] = args.targets or ([args.target] if args.target else [])
        return Call("make", sent)


ACTION = Make()
