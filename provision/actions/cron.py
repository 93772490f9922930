"""The action `cron`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Cron"]

_TIMES = ("minute", "hour", "day", "month", "weekday")


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("What the entry is known by; with `env`, the variable.")
    job: str | None = arg("The command; with `env`, the value.", default=None, aliases=("value",))
    state: Literal["present", "absent"] = arg("Whether it is there.", default="present")
    user: str | None = arg("Whose crontab, or who runs it in a `cron_file`.", default=None)
    cron_file: str | None = arg("A file, in /etc/cron.d unless the path is whole.", default=None)
    minute: str = arg("0-59, *, */2, ...", default="*")
    hour: str = arg("0-23, *, */2, ...", default="*")
    day: str = arg("1-31, *, */2, ...", default="*", aliases=("dom",))
    month: str = arg("1-12, JAN-DEC, *, */2, ...", default="*")
    weekday: str = arg("0-6, SUN-SAT, *, ...", default="*", aliases=("dow",))
    special_time: (
        Literal["annually", "daily", "hourly", "monthly", "reboot", "weekly", "yearly"] | None
    ) = arg("Instead of the five.", default=None)
    disabled: bool = arg("The entry is there as a comment.", default=False)
    env: bool = arg("A variable at the top, not a job.", default=False)
    insertafter: str | None = arg("Below this variable.", default=None)
    insertbefore: str | None = arg("Above this variable.", default=None)
    backup: bool = arg("Keep a copy of the old content.", default=False)


class Cron(Action):
    name = "cron"
    summary = "Entries and variables of crontabs."
    Args = Args
    notes = (
        "An entry is found by the comment `#Ansible: NAME` above it, as other tools write it. "
        "Returns `jobs` and `envs`, all names that are there. A `cron_file` that holds nothing "
        "more is removed."
    )
    examples = (
        "- cron:\n    name: collect old models\n    minute: 17\n    hour: 3\n"
        "    job: /usr/local/bin/collect\n    user: modelsvc\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.state == "present" and args.job is None:
            raise PlaybookError("cron: 'state: present' needs a 'job'")
        if args.special_time and any(getattr(args, key) != "*" for key in _TIMES):
            raise PlaybookError("cron takes 'special_time' or the five times, not both")
        if args.cron_file and not args.env and args.user is None and args.state == "present":
            raise PlaybookError("cron: a 'cron_file' needs 'user', who runs the job")
        if (args.insertafter or args.insertbefore) and not args.env:
            raise PlaybookError("cron: 'insertafter' and 'insertbefore' go with 'env'")
        if args.insertafter and args.insertbefore:
            raise PlaybookError("cron takes 'insertafter' or 'insertbefore', not both")
        for key in ("name", "job", "user", *_TIMES):
            if set(getattr(args, key) or "") & set("\r\n"):
                raise PlaybookError(f"cron: {key!r} cannot have a line break")
        return Call("cron", wire(args))


ACTION = Cron()
