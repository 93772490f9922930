"""The action `conda_envs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "CondaEnvs"]

_TIMEOUT_S = 1800.0
_WHAT = Literal["list", "history", "read", "rollback", "gc"]
_LEVELS = Literal["records", "files", "hashes"]


@dataclass(frozen=True, slots=True)
class Args:
    what: _WHAT = arg(
        "`list` the host's environments, tell the `history` of one, `read` all that is known of "
        "one, lead its name back to an earlier generation, or remove those that nobody needs.",
        default="list",
    )
    name: str | None = arg(
        "The environment; `gc` takes all when it is not said, `read` a path or a generation, too.",
        default=None,
    )
    to: str | None = arg(
        "The generation to go back to; by default the one built before the current one.",
        default=None,
    )
    check_level: _LEVELS = arg(
        "How deep `read` looks: package records, the existence of each file, or its hash.",
        default="records",
    )
    whole: bool = arg(
        "`read` also tells each record, the history, the machine, and files nobody owns.",
        default=False,
    )
    keep: int = arg("Older generations that `gc` leaves.", default=2)
    conda: str | None = arg(
        "The conda prefix; by default every one that lies where they usually do.",
        default=None,
        aliases=("prefix",),
    )
    envs_dir: str | None = arg("The directory of the environments, instead.", default=None)


class CondaEnvs(Action):
    name = "conda_envs"
    summary = "List a host's conda environments, go back to earlier ones, remove old ones."
    Args = Args
    examples = (
        "- conda_envs:\n  register: found\n"
        "- conda_envs: {what: rollback, name: model-bert-v1}\n"
        "- conda_envs: {what: gc, keep: 1}\n"
    )
    notes = (
        "Reads files and starts no conda. `list` gives `envs`: name, path, prefix, kind "
        "(generation, conda, broken), generation, built, python, packages, owner. `rollback` "
        "moves the name and nothing else: a service whose unit names the newer generation, see "
        "`units` in the result, runs on until its own task changes it. What a process or a unit "
        "uses is never removed."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.what in ("history", "read", "rollback") and not args.name:
            raise PlaybookError(f"conda_envs: {args.what} needs 'name'")
        if args.keep < 0:
            raise PlaybookError("conda_envs: 'keep' cannot be negative")
        return Call("conda_envs", wire(args), timeout_s=_TIMEOUT_S)


ACTION = CondaEnvs()
