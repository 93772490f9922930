"""The action `sysctl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Sysctl"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The kernel's setting.", aliases=("key",), example="vm.swappiness")
    value: bool | int | str | None = arg("Its value.", default=None, aliases=("val",), example="10")
    state: Literal["present", "absent"] = arg("Whether the file has it.", default="present")
    sysctl_file: str = arg("The file.", default="/etc/sysctl.conf")
    sysctl_set: bool = arg("Compare and set the running kernel's value as well.", default=False)
    reload: bool = arg("Load the whole file when it was changed.", default=True)
    ignoreerrors: bool = arg("Go on when the kernel does not know a setting.", default=False)


class Sysctl(Action):
    name = "sysctl"
    summary = "Keep a kernel setting, in its file and in the running kernel."
    Args = Args
    notes = "Without `sysctl_set` only the file is compared, and the kernel gets it by `reload`."
    examples = (
        "- sysctl:\n    name: vm.max_map_count\n    value: '262144'\n    sysctl_set: true\n"
        "    sysctl_file: /etc/sysctl.d/90-models.conf\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name.strip():
            raise PlaybookError("sysctl: name cannot be blank")
        if args.state == "present" and args.value is None:
            raise PlaybookError("sysctl: value is required with state=present")
        sent = wire(args)
        if args.value is not None:
            value = str(int(args.value)) if isinstance(args.value, bool) else str(args.value)
            if value.lower() in ("yes", "true", "on"):
                value = "1"
            elif value.lower() in ("no", "false", "off"):
                value = "0"
            sent["value"] = " ".join(value.split())
            if args.state == "present" and not value.strip():
                raise PlaybookError("sysctl: value cannot be blank")
        return Call("sysctl", sent)


ACTION = Sysctl()
