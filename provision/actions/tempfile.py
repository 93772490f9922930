"""The action `tempfile`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import said

__all__ = ["ACTION", "Args", "TempFile"]


@dataclass(frozen=True, slots=True)
class Args:
    state: Literal["file", "directory"] = arg("What to make.", default="file")
    path: str | None = arg(
        "Directory to make it in; else the host's own for such files.", default=None
    )
    prefix: str = arg("Start of its name.", default="ansible.")
    suffix: str = arg("End of its name.", default="")


class TempFile(Action):
    name = "tempfile"
    summary = "Make a temporary file or directory, for the login user alone."
    Args = Args
    check_mode = "a change, under a name that stands for the real one"
    examples = (
        "- tempfile:\n    state: directory\n    suffix: .build\n  register: build\n"
        "- file:\n    path: '{{ build.path }}'\n    state: absent\n"
    )
    notes = "Each run makes a new one and is a change. Nobody removes it but you."

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        return Call("tempfile", said(args))


ACTION = TempFile()
