"""The action `blockinfile`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import WriteArgs, said, words_of
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "BlockInFile"]

_LOCAL = ("validate", "marker", "marker_begin", "marker_end", "encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WriteArgs):
    path: str = arg("The file.", aliases=("dest", "destfile", "name"), example="/etc/hosts")
    block: str = arg(
        "The lines between the markers; none removes the block.", default="", aliases=("content",)
    )
    state: Literal["present", "absent"] = arg("Whether it should be there.", default="present")
    marker: str = arg(
        "The marker lines; `{mark}` becomes `marker_begin` and `marker_end`. Two blocks in one "
        "file need two markers.",
        default="# {mark} ANSIBLE MANAGED BLOCK",
    )
    marker_begin: str = arg("What `{mark}` is at the block's start.", default="BEGIN")
    marker_end: str = arg("What `{mark}` is at the block's end.", default="END")
    insertafter: str | None = arg(
        "Where a new block goes: after the last line that this regular expression matches, or "
        "`EOF`. One with `(?m)` may span lines.",
        default=None,
    )
    insertbefore: str | None = arg(
        "Where a new block goes: before the last line that this matches, or `BOF`.", default=None
    )
    append_newline: bool = arg("Keep a blank line after the block.", default=False)
    prepend_newline: bool = arg("Keep a blank line before the block.", default=False)
    create: bool = arg("Make a file that is missing.", default=False)
    encoding: str = arg("Accepted; lines are compared as bytes.", default="utf-8")


class BlockInFile(Action):
    name = "blockinfile"
    summary = "Keep a marked block of lines in a text file."
    Args = Args
    examples = (
        "- blockinfile:\n    path: /etc/hosts\n    marker: '# {mark} cluster'\n    block: |\n"
        "      10.0.0.1 gpu01\n      10.0.0.2 gpu02\n"
        "- blockinfile:\n    path: /etc/hosts\n    marker: '# {mark} cluster'\n    state: absent\n"
    )
    notes = "Links are followed. A change of the marker leaves the block under the old one."

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if args.insertbefore is not None and args.insertafter is not None:
            raise PlaybookError("blockinfile: insertbefore and insertafter are mutually exclusive")
        sent = {key: value for key, value in said(args).items() if key not in _LOCAL}
        sent["begin"] = args.marker.replace("{mark}", args.marker_begin)
        sent["end"] = args.marker.replace("{mark}", args.marker_end)
        if words := words_of("blockinfile", args.validate):
            sent["validate"] = words
        return Call("blockinfile", sent)


ACTION = BlockInFile()
