"""The action `wait_for`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "WaitFor"]

_STATES = ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"]


@dataclass(frozen=True, slots=True)
class Args:
    host: str = arg("Where the port is, as the host sees it.", default="127.0.0.1")
    port: int | None = arg("TCP port to wait for.", default=None)
    path: str | None = arg("File to wait for, on the host.", default=None)
    state: Literal["started", "present", "stopped", "absent", "drained"] = arg(
        "`started` or `present`: until it is there; `stopped` or `absent`: until it is gone; "
        "`drained`: until nobody is connected to the port.",
        default="started",
    )
    search_regex: str | None = arg(
        "Until this is in the file, or in what the port sends.", default=None
    )
    timeout: float = arg(
        "Seconds before it fails; with neither port nor path, how long.", default=300
    )
    delay: float = arg("Seconds before the first look.", default=0)
    sleep: float = arg("Seconds between two looks.", default=1)
    connect_timeout: float = arg("Seconds for one connection.", default=5)
    active_connection_states: list[str] = arg(
        "What counts as connected, with `drained`.", factory=lambda: list(_STATES)
    )
    exclude_hosts: list[str] = arg("Whose connections do not count, with `drained`.", factory=list)
    msg: str | None = arg("What to say when it fails.", default=None)


class WaitFor(Action):
    name = "wait_for"
    summary = "Wait until a port answers, a file is there, or either is gone."
    Args = Args
    check_mode = "ok when it is so already, else unknown: it does not wait"
    notes = "Returns `elapsed`, and with a regex `match_groups` and `match_groupdict`."
    examples = (
        "- wait_for:\n    port: 8000\n    timeout: 60\n"
        "- wait_for:\n    path: /var/log/model.log\n    search_regex: ready in (\\d+) s\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.port is not None and args.path is not None:
            raise PlaybookError("wait_for takes 'port' or 'path', not both")
        if args.path is not None and args.state in ("stopped", "drained"):
            raise PlaybookError(
                f"state={args.state} should only be used for checking a port in the wait_for module"
            )
        if args.port is None and args.state == "drained":
            raise PlaybookError("wait_for: 'state: drained' needs a 'port'")
        if args.exclude_hosts and args.state != "drained":
            raise PlaybookError("wait_for: 'exclude_hosts' goes with 'state: drained'")
        unknown = set(args.active_connection_states) - {*_STATES, "CLOSE_WAIT", "LAST_ACK"}
        if unknown:
            raise PlaybookError(
                f"wait_for: unknown active_connection_states {', '.join(sorted(unknown))}"
            )
        try:
            re.compile(args.search_regex or "")
        except re.error as exc:
            raise PlaybookError(f"wait_for: 'search_regex' cannot be read: {exc}") from None
        # Its own limit is `timeout`; this one is for a host that does not get round to it.
        return Call("wait_for", wire(args), timeout_s=args.delay + args.timeout + 60)


ACTION = WaitFor()
