"""The action `systemd`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Systemd"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str | None = arg(
        "The unit; without a suffix, a service.", default=None, aliases=("service", "unit")
    )
    state: Literal["started", "stopped", "restarted", "reloaded"] | None = arg(
        "`started` and `stopped` act when needed; `restarted` and `reloaded` always, and start "
        "a unit that does not run.",
        default=None,
    )
    enabled: bool | None = arg("Whether it starts at boot.", default=None)
    masked: bool | None = arg("Whether it cannot be started at all.", default=None)
    daemon_reload: bool = arg(
        "Read unit files again first: with a `name` when a file is newer than what systemd has "
        "read, without one always. Not a change.",
        default=False,
        aliases=("daemon-reload",),
    )
    daemon_reexec: bool = arg(
        "Execute the service manager again first.", default=False, aliases=("daemon-reexec",)
    )
    scope: Literal["system", "user", "global"] = arg(
        "The system's manager, the login user's, or all users'.", default="system"
    )
    force: bool = arg("Replace links that are in the way.", default=False)
    no_block: bool = arg("Do not wait until it has started or stopped.", default=False)


class Systemd(Action):
    name = "systemd"
    names = ("systemd_service",)
    summary = "Start, stop, enable and mask systemd units."
    Args = Args
    check_mode = (
        "predicts the result; `unknown` for a unit that is not there yet, unless an earlier task "
        "writes its file"
    )
    notes = (
        "Returns `name`, `state`, `enabled` and `status`, a mapping as `systemctl show` prints "
        "it: a few properties, all of them for a task that asks for nothing. Units without an "
        "[Install] section count as enabled and as disabled, as asked. A start that fails shows "
        "the unit's last journal lines."
    )
    examples = (
        "- systemd:\n    name: model-bert\n    state: started\n    enabled: true\n"
        "- systemd:\n    daemon_reload: true\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if args.name is None and (
            args.state or args.enabled is not None or args.masked is not None
        ):
            raise PlaybookError("systemd: 'state', 'enabled' and 'masked' need a 'name'")
        if args.scope == "global" and args.state:
            raise PlaybookError(
                "systemd: with 'scope: global' there is no state, only enabled and masked"
            )
        return Call("systemd", wire(args))


ACTION = Systemd()
