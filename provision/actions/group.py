"""The action `group`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Group"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The group's name.")
    state: Literal["present", "absent"] = arg("Whether it exists.", default="present")
    gid: int | None = arg("Its number.", default=None)
    non_unique: bool = arg("Allow a number that another group has.", default=False)
    system: bool = arg("A system group, when it is made.", default=False)
    local: bool = arg("Look only into the host's own file.", default=False)
    force: bool = arg("With `absent`: also when it is somebody's primary group.", default=False)
    gid_min: int | None = arg("Smallest number for a new group.", default=None)
    gid_max: int | None = arg("Largest number for a new group.", default=None)


class Group(Action):
    name = "group"
    summary = "Make, change and remove groups."
    Args = Args
    examples = "- group:\n    name: gpu\n    gid: 2100\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name or args.name.startswith("-") or set(args.name) & set(":\n/,"):
            raise PlaybookError(f"group: {args.name!r} cannot be a group's name")
        if args.non_unique and args.gid is None:
            raise PlaybookError("group: 'non_unique' needs 'gid'")
        return Call("group", wire(args))


ACTION = Group()
