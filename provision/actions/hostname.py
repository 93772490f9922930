"""The action `hostname`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Hostname"]

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The host's name.")
    use: str | None = arg("Taken and ignored: /etc/hostname and the kernel's name.", default=None)


class Hostname(Action):
    name = "hostname"
    summary = "Set the host's name, now and after the next boot."
    Args = Args
    sets_facts = True
    notes = "/etc/hosts is left alone. The facts about names are set anew."
    examples = '- hostname:\n    name: "{{ inventory_hostname }}"\n'

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        labels = args.name.split(".")
        if len(args.name) > 64 or not all(_LABEL.fullmatch(label) for label in labels):
            raise PlaybookError(f"hostname: {args.name!r} cannot be the name of a host")
        return Call("hostname", wire(args))


ACTION = Hostname()
