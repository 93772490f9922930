"""The action `pam_limits`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "PamLimits"]


@dataclass(frozen=True, slots=True)
class Args:
    domain: str = arg("User, `@group`, `*`, or a range of numbers.", example="modelsvc")
    limit_type: Literal["hard", "soft", "-"] = arg("Which limit; `-` is both.")
    limit_item: Literal[
        "core", "data", "fsize", "memlock", "nofile", "rss", "stack", "cpu", "nproc", "as",
        "maxlogins", "maxsyslogins", "priority", "locks", "sigpending", "msgqueue", "nice",
        "rtprio", "chroot",
    ] = arg("What is limited.")  # fmt: skip
    value: str = arg("The limit: a number, `unlimited`, `infinity` or `-1`.", example="unlimited")
    use_max: bool = arg("Leave a limit alone that is higher.", default=False)
    use_min: bool = arg("Leave a limit alone that is lower.", default=False)
    dest: str = arg("The file.", default="/etc/security/limits.conf")
    comment: str = arg("Comment behind the line.", default="")
    backup: bool = arg("Keep a copy of the old content beside the file.", default=False)


_UNLIMITED = ("unlimited", "infinity", "-1")


class PamLimits(Action):
    name = "pam_limits"
    summary = "Keep a limit of users' logins."
    Args = Args
    notes = "A limit holds for logins that come after it; services have `LimitNOFILE=` and such."
    examples = (
        "- pam_limits:\n    domain: '@research'\n    limit_type: '-'\n    limit_item: memlock\n"
        "    value: unlimited\n    dest: /etc/security/limits.d/50-gpu.conf\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.use_max and args.use_min:
            raise PlaybookError("pam_limits: cannot use use_min and use_max at the same time")
        whole = args.value.isdigit() or (args.limit_item in ("nice", "priority", "rtprio"))
        if not whole and args.value not in _UNLIMITED and args.limit_item != "chroot":
            raise PlaybookError(
                "pam_limits: 'value' takes 'unlimited', 'infinity', '-1' or a number, not "
                f"{args.value!r}"
            )
        if not args.domain or set(args.domain) & set(" \t\n#"):
            raise PlaybookError(f"pam_limits: {args.domain!r} cannot be a domain")
        return Call("pam_limits", wire(args))


ACTION = PamLimits()
