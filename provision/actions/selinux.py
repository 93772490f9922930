"""The action `selinux`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Selinux"]


@dataclass(frozen=True, slots=True)
class Args:
    state: Literal["enforcing", "permissive", "disabled"] = arg("What SELinux does.")
    policy: str | None = arg("The policy, for a state other than disabled.", default=None)
    configfile: str = arg(
        "The file that counts at boot.", default="/etc/selinux/config", aliases=("conf", "file")
    )
    update_kernel_param: bool = arg(
        "Set the kernel's command line too, by `grubby`.", default=False
    )


class Selinux(Action):
    name = "selinux"
    summary = "Keep the state and policy of SELinux."
    Args = Args
    notes = (
        "Between enforcing and permissive it switches at once; to and from disabled only a boot "
        "does: then `reboot_required` is true. Returns `state`, `policy`, `configfile`, `msg`."
    )
    examples = "- selinux:\n    policy: targeted\n    state: enforcing\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.state != "disabled" and not args.policy:
            raise PlaybookError("selinux: policy is required if state is not 'disabled'")
        return Call("selinux", wire(args))


ACTION = Selinux()
