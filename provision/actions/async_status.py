"""The action `async_status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call

__all__ = ["ACTION", "Args", "AsyncStatus"]


@dataclass(frozen=True, slots=True)
class Args:
    jid: str = arg("The job, `ansible_job_id` of what started it.")
    mode: Literal["status", "cleanup"] = arg(
        "Ask how it stands, or forget what is kept of it.", default="status"
    )


class AsyncStatus(Action):
    name = "async_status"
    summary = "Ask what became of a task that was started with `async` and `poll: 0`."
    Args = Args
    check_mode = "asks as always"
    examples = (
        "- command: /usr/local/sbin/fetch-weights\n  async: 3600\n  poll: 0\n  register: job\n"
        "- async_status:\n    jid: '{{ job.ansible_job_id }}'\n  register: fetched\n"
        "  until: fetched is finished\n  retries: 60\n  delay: 60\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        return Call("async_status", wire(args), check=False)


ACTION = AsyncStatus()
