"""The action `replace`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import WriteArgs, said, words_of

__all__ = ["ACTION", "Args", "Replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WriteArgs):
    path: str = arg("The file.", aliases=("dest", "destfile", "name"), example="/etc/app.conf")
    regexp: str = arg(
        "Regular expression for what is replaced; `^` and `$` are the ends of lines.",
        example="^debug=.*$",
    )
    replace: str = arg(
        "What takes its place, with `\\1` for groups; nothing removes the matches.", default=""
    )
    after: str | None = arg("Only what comes after the first match of this.", default=None)
    before: str | None = arg("Only what comes before the first match of this.", default=None)
    encoding: str = arg("The file's encoding.", default="utf-8")


class Replace(Action):
    name = "replace"
    summary = "Replace every match of a regular expression in a text file."
    Args = Args
    examples = (
        "- replace:\n    path: /etc/app.conf\n    regexp: '^(workers=).*$'\n"
        "    replace: '\\g<1>8'\n"
    )
    notes = (
        "Idempotent only when what it writes does not match again, or is the same then. Links "
        "are followed."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        sent = said(args)
        sent.pop("validate", None)
        if words := words_of("replace", args.validate):
            sent["validate"] = words
        return Call("replace", sent)


ACTION = Replace()
