"""The action `set_fact`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome
from provision.actions.names import check_variable_names
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "SetFact"]


@dataclass(frozen=True, slots=True)
class Args:
    cacheable: bool = arg("Keep them as facts of the host too.", default=False)
    values: dict[str, Any] = arg("Every other argument is a variable.", factory=dict)


class SetFact(Action):
    name = "set_fact"
    summary = "Set variables of the host, with their types."
    Args = Args
    any_args = True
    needs_connection = False
    check_mode = "sets them as always"
    examples = '- set_fact:\n    prefix: "{{ base }}/envs"\n    ports: [8001, 8002]\n'

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        if not args.values:
            raise PlaybookError("set_fact: no variable is given")
        check_variable_names(args.values, "set_fact")
        values = dict(args.values)
        return Outcome(
            "ok",
            data={"ansible_facts": values},
            host_vars=values,
            facts=values if args.cacheable else {},
        )


ACTION = SetFact()
