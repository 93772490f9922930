"""The action `add_host`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome
from provision.errors import PlaybookError

__all__ = ["ACTION", "AddHost", "Args"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The host, with `:port` if need be.", aliases=("host", "hostname"))
    groups: list[str] = arg("Groups that it joins.", factory=list, aliases=("group", "groupname"))
    values: dict[str, Any] = arg("Every other argument is a variable of the host.", factory=dict)


class AddHost(Action):
    name = "add_host"
    summary = "Add a host to the inventory of this run."
    Args = Args
    any_args = True
    needs_connection = False
    check_mode = "adds as always"
    notes = "It can be used by the plays that follow."
    examples = (
        '- add_host:\n    name: "{{ new_ip }}"\n    groups: [fresh]\n    ansible_port: 2222\n'
    )

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        name, variables = args.name.strip(), dict(args.values)
        if not name:
            raise PlaybookError("add_host: 'name' is empty")
        host, colon, port = name.rpartition(":")
        if colon and port.isdigit() and ":" not in host.strip("[]").replace("::", ""):
            name = host.strip("[]")
            variables.setdefault("ansible_port", int(port))
        groups = [group for group in args.groups if group]
        known = ctx.vars.get("groups", {})
        there = name in known.get("all", ()) and all(name in known.get(g, ()) for g in groups)
        described = {"host_name": name, "groups": groups, "host_vars": variables}
        return Outcome(
            "ok" if there and not variables else "changed",
            data={"add_host": described},
            new_hosts=[{"name": name, "groups": groups, "vars": variables}],
        )


ACTION = AddHost()
