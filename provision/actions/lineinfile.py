"""The action `lineinfile`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import WriteArgs, said, words_of
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "LineInFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WriteArgs):
    path: str = arg(
        "The file.", aliases=("dest", "destfile", "name"), example="/etc/ssh/sshd_config"
    )
    line: str | None = arg("The line that should be there.", default=None, aliases=("value",))
    state: Literal["present", "absent"] = arg("Whether it should be there.", default="present")
    regexp: str | None = arg(
        "Regular expression for the line to replace: the last one that matches. With `absent`, "
        "each line that matches is removed. It should match the new line, too.",
        default=None,
        aliases=("regex",),
    )
    search_string: str | None = arg("The same with plain text.", default=None)
    backrefs: bool = arg(
        "Fill groups of `regexp` into the line, and leave the file alone when nothing matches.",
        default=False,
    )
    insertafter: str | None = arg(
        "Where a new line goes: after the last line that this expression matches; `EOF`, the "
        "end, is also taken when nothing matches.",
        default=None,
    )
    insertbefore: str | None = arg(
        "Where a new line goes: before the last line that this matches, or `BOF`.", default=None
    )
    firstmatch: bool = arg("Use the first line that matches instead of the last.", default=False)
    create: bool = arg("Make a file that is missing.", default=False)


class LineInFile(Action):
    name = "lineinfile"
    summary = "Keep one line of a text file as it should be."
    Args = Args
    examples = (
        "- lineinfile:\n    path: /etc/ssh/sshd_config\n    regexp: ^#?PermitRootLogin\n"
        "    line: PermitRootLogin no\n    validate: sshd -t -f %s\n"
        "- lineinfile:\n    path: /etc/hosts\n    regexp: ^127\\.0\\.1\\.1\n    state: absent\n"
    )
    notes = "Links are followed. For several lines use `blockinfile`, for whole files `template`."

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        _check(args)
        sent = said(args)
        sent.pop("validate", None)
        if words := words_of("lineinfile", args.validate):
            sent["validate"] = words
        return Call("lineinfile", sent)


def _check(args: Any) -> None:
    for one, other in (
        ("insertbefore", "insertafter"),
        ("regexp", "search_string"),
        ("backrefs", "search_string"),
    ):
        if getattr(args, one) not in (None, False) and getattr(args, other) is not None:
            raise PlaybookError(f"lineinfile: {one} and {other} are mutually exclusive")
    if args.state == "absent":
        if args.line is None and args.regexp is None and args.search_string is None:
            raise PlaybookError(
                "lineinfile: one of line, search_string, or regexp is required with state=absent"
            )
        return
    if args.backrefs and args.regexp is None:
        raise PlaybookError("lineinfile: regexp is required with backrefs=true")
    if args.line is None:
        raise PlaybookError("lineinfile: line is required with state=present")


ACTION = LineInFile()
