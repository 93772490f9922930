"""The action `alternatives`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Alternatives", "Args"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The generic name.", example="editor")
    path: str | None = arg("The program it stands for.", default=None)
    link: str | None = arg("Where the generic name lies, for one that is new.", default=None)
    priority: int | None = arg("Priority of `path`, 50 for one that is new.", default=None)
    state: Literal["present", "selected", "auto", "absent"] = arg(
        "`present`: known; `selected`: chosen; `auto`: the highest priority is chosen; `absent`: "
        "not known.",
        default="selected",
    )
    family: str | None = arg("A family to choose, on Red Hat.", default=None)
    subcommands: list[dict[str, Any]] | None = arg(
        "What goes along: `name`, `path`, `link`.", default=None, aliases=("slaves",)
    )


class Alternatives(Action):
    name = "alternatives"
    summary = "Choose which program a generic name stands for."
    Args = Args
    examples = "- alternatives:\n    name: editor\n    path: /usr/bin/vim.basic\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.path is None and args.family is None and args.state != "auto":
            raise PlaybookError("alternatives: 'path' is needed")
        if not args.name or set(args.name) & set(" /\n") or args.name.startswith("-"):
            raise PlaybookError(f"alternatives: {args.name!r} cannot be a generic name")
        for part in args.subcommands or ():
            if {"name", "path", "link"} - set(part):
                raise PlaybookError("alternatives: subcommands take name, path and link")
        return Call("alternatives", wire(args))


ACTION = Alternatives()
