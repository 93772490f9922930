"""The action `seboolean`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Seboolean"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The switch.", example="httpd_can_network_connect")
    state: bool = arg("On or off.")
    persistent: bool = arg("Also after a boot.", default=False)
    ignore_selinux_state: bool = arg(
        "Taken: a host without SELinux running cannot be asked all the same.", default=False
    )


class Seboolean(Action):
    name = "seboolean"
    summary = "Keep a switch of SELinux's policy."
    Args = Args
    examples = (
        "- seboolean:\n    name: httpd_can_network_connect\n    state: true\n    persistent: true\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name.replace("_", "").replace("-", "").isalnum():
            raise PlaybookError(f"seboolean: {args.name!r} cannot be the name of a switch")
        return Call("seboolean", wire(args))


ACTION = Seboolean()
