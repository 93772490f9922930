"""The action `wait_for_connection`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome, Script
from provision.actions.content.returning import answers, wait

__all__ = ["ACTION", "Args", "WaitForConnection"]


@dataclass(frozen=True, slots=True)
class Args:
    timeout: float = arg("Seconds until it gives up.", default=600.0)
    delay: float = arg("Seconds before the first try.", default=0.0)
    sleep: float = arg("Seconds between two tries.", default=1.0)
    connect_timeout: float = arg(
        "Accepted: how long one try may take is the connection's own timeout.", default=5.0
    )


class WaitForConnection(Action):
    name = "wait_for_connection"
    summary = "Wait until a host can be reached and used."
    Args = Args
    mod = "ping"
    check_mode = "does not wait"
    notes = "Makes a new connection for each try. Returns `elapsed`, in seconds."
    examples = (
        "- name: The host is being installed\n"
        "  wait_for_connection:\n    delay: 10\n    timeout: 300\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Outcome | Script:
        if ctx.check:
            return Outcome("ok", "not waited for in a check", data={"elapsed": 0})
        return _wait(args, ctx)


def _wait(args: Any, ctx: ActionContext) -> Script:
    start = time.monotonic()
    wait(args.delay, ctx, "delay")
    told = yield from answers(
        ctx,
        "ping",
        {"data": "pong"},
        phase="wait for the host",
        timeout_s=args.timeout,
        sleep_s=args.sleep,
        good=lambda told: told.status == "ok",
    )
    elapsed = round(time.monotonic() - start)
    if told.status != "ok":
        words = f"timed out waiting for the host to answer after {elapsed} s"
        return Outcome("failed", f"{words}: {told.msg}", data={"elapsed": elapsed})
    return Outcome("ok", data={"elapsed": elapsed})


ACTION = WaitForConnection()
