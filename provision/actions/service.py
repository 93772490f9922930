"""The action `service`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Service"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The service.")
    state: Literal["started", "stopped", "restarted", "reloaded"] | None = arg(
        "`started` and `stopped` act when needed; `restarted` and `reloaded` always.",
        default=None,
    )
    enabled: bool | None = arg("Whether it starts at boot.", default=None)
    sleep: float | None = arg(
        "Seconds between stop and start of a restart, without systemd.", default=None
    )
    pattern: str | None = arg(
        "What to look for among the processes of a service that cannot tell its state, without "
        "systemd.",
        default=None,
    )
    arguments: str = arg("Further words for the service's script.", default="", aliases=("args",))
    runlevel: str = arg("Taken and ignored: OpenRC's.", default="default")
    use: str = arg("`auto`, or the only service manager that is right.", default="auto")


class Service(Action):
    name = "service"
    summary = "Start, stop and enable services, whatever manages them."
    Args = Args
    notes = "With systemd it is the action `systemd`; else `service` and the host's boot links."
    examples = "- service:\n    name: cron\n    state: started\n    enabled: true\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.state is None and args.enabled is None:
            raise PlaybookError("service needs 'state' or 'enabled'")
        return Call("service", wire(args))


ACTION = Service()
