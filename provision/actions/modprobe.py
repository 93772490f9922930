"""The action `modprobe`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Modprobe"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The kernel module.", example="nvidia_uvm")
    state: Literal["present", "absent"] = arg("Whether it is loaded.", default="present")
    params: str = arg("Its parameters.", default="")
    persistent: Literal["disabled", "present", "absent"] = arg(
        "Whether it is loaded at boot, with `params`; `disabled`: leave that as it is.",
        default="disabled",
    )


class Modprobe(Action):
    name = "modprobe"
    summary = "Load and unload kernel modules."
    Args = Args
    notes = (
        "Parameters of a module that is loaded already are not compared. Boot is arranged in "
        "/etc/modules-load.d/NAME.conf and /etc/modprobe.d/NAME.conf."
    )
    examples = "- modprobe:\n    name: br_netfilter\n    persistent: present\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name or set(args.name) & set(" /\n") or args.name.startswith("-"):
            raise PlaybookError(f"modprobe: {args.name!r} cannot be the name of a module")
        return Call("modprobe", wire(args))


ACTION = Modprobe()
