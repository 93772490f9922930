"""The action `shell`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Shell"]


@dataclass(frozen=True, slots=True)
class Args:
    cmd: str = arg("The command line.")
    executable: str = arg("The shell that reads it.", default="/bin/sh")
    chdir: str | None = arg("Directory to run in.", default=None)
    creates: str | None = arg("Nothing to do when this path or glob exists.", default=None)
    removes: str | None = arg("Nothing to do when this path or glob is missing.", default=None)
    stdin: str | None = arg("Text for standard input.", default=None)
    stdin_add_newline: bool = arg("End `stdin` with a newline.", default=True)


class Shell(Action):
    name = "shell"
    mod = "command"
    summary = "Run a command line in a shell."
    Args = Args
    free_form = "cmd"
    check_mode = "unknown without `creates` or `removes`, which decide it"
    notes = "Quote values: `{{ path | quote }}`. Use `command` where no shell is needed."
    examples = (
        "- shell: nvidia-smi -L | wc -l\n"
        "- shell:\n    cmd: make && make install\n    chdir: /opt/src\n"
        "    creates: /usr/local/bin/x\n    executable: /bin/bash\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.cmd.strip():
            raise PlaybookError("shell: the command is empty")
        sent = wire(args)
        sent.pop("executable")
        sent["argv"] = [args.executable, "-c", args.cmd]
        if args.stdin is not None and args.stdin_add_newline:
            sent["stdin"] = args.stdin + "\n"
        return Call("command", sent)


ACTION = Shell()
