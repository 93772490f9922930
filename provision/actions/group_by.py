"""The action `group_by`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "GroupBy"]


@dataclass(frozen=True, slots=True)
class Args:
    key: str = arg("Name of the group that the host joins.")
    parents: list[str] = arg("Groups that this group joins.", factory=lambda: ["all"])


class GroupBy(Action):
    name = "group_by"
    summary = "Put hosts into groups by what is known of them."
    Args = Args
    needs_connection = False
    check_mode = "groups as always"
    examples = '- group_by:\n    key: "os_{{ ansible_distribution | lower }}"\n'

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        name = args.key.replace(" ", "-")
        if not name:
            raise PlaybookError("group_by: 'key' is empty")
        parents = [parent.replace(" ", "-") for parent in args.parents]
        # Runs only where the host is not in the group already count as a change.
        joined = name in ctx.vars.get("group_names", ())
        return Outcome(
            "ok" if joined else "changed",
            data={"add_group": name, "parent_groups": parents},
            groups=[name],
        )


ACTION = GroupBy()
