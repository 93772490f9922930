"""The action `timezone`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Timezone"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str | None = arg("The zone.", default=None, example="Europe/Berlin")
    hwclock: Literal["UTC", "local"] | None = arg(
        "What the hardware's clock shows.", default=None, aliases=("rtc",)
    )


class Timezone(Action):
    name = "timezone"
    summary = "Keep a host's time zone."
    Args = Args
    notes = "Writes what `timedatectl` writes: /etc/localtime, /etc/timezone where it is there."
    examples = "- timezone:\n    name: Etc/UTC\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.name is None and args.hwclock is None:
            raise PlaybookError("timezone: one of name, hwclock is needed")
        name = args.name or ""
        if name.startswith("/") or ".." in name.split("/"):
            raise PlaybookError(f"timezone: {name!r} cannot be a time zone")
        return Call("timezone", wire(args))


ACTION = Timezone()
