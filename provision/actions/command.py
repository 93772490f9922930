"""The action `command`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Command"]


@dataclass(frozen=True, slots=True)
class Args:
    cmd: str | None = arg("The command, split into words as a shell would.", default=None)
    argv: list[str] | None = arg("The command as a list of words.", default=None)
    chdir: str | None = arg("Directory to run in.", default=None)
    creates: str | None = arg("Nothing to do when this path or glob exists.", default=None)
    removes: str | None = arg("Nothing to do when this path or glob is missing.", default=None)
    stdin: str | None = arg("Text for standard input.", default=None)
    stdin_add_newline: bool = arg("End `stdin` with a newline.", default=True)
    strip_empty_ends: bool = arg("Drop newlines at the end of the output.", default=True)
    expand_argument_vars: bool = arg("Expand $VARIABLES in words, on the host.", default=True)


class Command(Action):
    name = "command"
    summary = "Run a program without a shell."
    Args = Args
    free_form = "cmd"
    check_mode = "unknown without `creates` or `removes`, which decide it"
    examples = (
        "- command: nvidia-smi -pm 1\n"
        "- command:\n    argv: [make, install]\n    chdir: /opt/src\n"
        "    creates: /usr/local/bin/x\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if (args.cmd is None) == (args.argv is None):
            raise PlaybookError("command needs either 'cmd' or 'argv'")
        words = args.argv if args.argv is not None else shlex.split(args.cmd)
        if not words:
            raise PlaybookError("command: the command is empty")
        sent = wire(args)
        sent["argv"] = words
        sent.pop("cmd", None)
        if args.stdin is not None and args.stdin_add_newline:
            sent["stdin"] = args.stdin + "\n"
        return Call("command", sent)


ACTION = Command()
