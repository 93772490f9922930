"""The action `reboot`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.returning import answers, wait
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Reboot"]

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Args:
    reboot_timeout: float = arg(
        "Seconds for going down and coming back.", default=600.0, aliases=("reboot_timeout_sec",)
    )
    pre_reboot_delay: int = arg(
        "Seconds until it goes down; shutdown knows whole minutes only.",
        default=0,
        aliases=("pre_reboot_delay_sec",),
    )
    post_reboot_delay: int = arg(
        "Seconds to wait after it has come back.", default=0, aliases=("post_reboot_delay_sec",)
    )
    connect_timeout: float | None = arg(
        "Accepted: how long one try may take is the connection's own timeout.",
        default=None,
        aliases=("connect_timeout_sec",),
    )
    test_command: str | None = arg(
        "Command that has to succeed before the host counts as back.", default=None
    )
    msg: str = arg(
        "What users are told who are logged in.", default="Reboot initiated by provision"
    )
    reboot_command: str | None = arg("Command that reboots it.", default=None)
    boot_time_command: str | None = arg(
        "Command whose output is another after a boot; else the kernel's boot id.", default=None
    )
    search_paths: list[str] = arg(
        "Where shutdown is looked for.",
        factory=lambda: ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"],
    )


class Reboot(Action):
    name = "reboot"
    summary = "Reboot a host, and go on when it is back."
    Args = Args
    check_mode = "says that it would"
    notes = (
        "The host is back when it answers over a new connection with another boot id. Returns "
        "`rebooted` and `elapsed`, in seconds. The controller itself is never rebooted."
    )
    examples = "- reboot:\n    reboot_timeout: 900\n"

    def plan(self, args: Any, ctx: ActionContext) -> Outcome | Script:
        kind = ctx.vars.get("ansible_connection")
        if kind == "local" or (kind is None and ctx.host in _LOCAL):
            raise PlaybookError("reboot: this would reboot the controller")
        if ctx.check:
            return Outcome("changed", data={"rebooted": True, "elapsed": 0})
        return _reboot(args, ctx)


def _reboot(args: Any, ctx: ActionContext) -> Script:
    look = {"phase": "look", "command": args.boot_time_command}
    before = yield Call("reboot", look, check=False)
    if before.status != "ok":
        return before
    start = time.monotonic()
    go: dict[str, Any] = {"phase": "go", "command": args.reboot_command, "msg": args.msg}
    go.update(delay=args.pre_reboot_delay, search_paths=args.search_paths)
    told = yield Call("reboot", go, check=False, lost_ok=True)
    if told.status == "failed":
        told.data.update(rebooted=False, elapsed=0)
        return told
    wait(args.pre_reboot_delay, ctx, "going down")

    def back(now: Outcome) -> bool:
        return now.status == "ok" and now.data["boot"] != before.data["boot"]

    told = yield from answers(
        ctx,
        "reboot",
        {**look, "test": args.test_command},
        phase="reboot",
        timeout_s=args.reboot_timeout,
        sleep_s=1.0,
        good=back,
    )
    if told.status == "ok":
        wait(args.post_reboot_delay, ctx, "settling")
    elapsed = round(time.monotonic() - start)
    if told.status != "ok":
        words = f"Timed out waiting for the host to come back from its reboot ({elapsed} s)"
        data = {"rebooted": True, "elapsed": elapsed}
        return Outcome("failed", f"{words}: {told.msg}", data=data)
    diff = [{"key": "boot", "before": before.data["boot"], "after": told.data["boot"]}]
    return Outcome("changed", diff=diff, data={"rebooted": True, "elapsed": elapsed})


ACTION = Reboot()
