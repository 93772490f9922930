"""The action `raw`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome, RawCommand
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Raw"]


@dataclass(frozen=True, slots=True)
class Args:
    cmd: str = arg("The command line, as it is.", aliases=("free_form",))
    executable: str | None = arg(
        "The shell that reads it, with its absolute path; else the login shell.", default=None
    )


class Raw(Action):
    name = "raw"
    summary = "Run a command line on a host that may have no Python."
    Args = Args
    free_form = "cmd"
    needs_agent = False
    check_mode = "unknown: what it does is not known beforehand"
    examples = "- raw: apt-get install -y python3\n"

    def plan(self, args: Any, ctx: ActionContext) -> Outcome | RawCommand:
        if not args.cmd.strip():
            raise PlaybookError("raw: the command is empty")
        if ctx.check:
            return Outcome(
                "unknown", "a command's effect is not known beforehand", data={"cmd": args.cmd}
            )
        line = args.cmd
        if args.executable:
            line = f"{shlex.quote(args.executable)} -c {shlex.quote(line)}"
        if ctx.environment:
            pairs = [shlex.quote(f"{name}={value}") for name, value in ctx.environment.items()]
            line = f"env {' '.join(pairs)} {line}" if args.executable else _exported(pairs, line)
        return RawCommand(line, _finish)


def _exported(pairs: list[str], line: str) -> str:
    """For a line that may have several commands."""
    return f"export {' '.join(pairs)}; {line}"


def _finish(rc: int, out: str, err: str) -> Outcome:
    data = {
        "rc": rc,
        "stdout": out,
        "stderr": err,
        "stdout_lines": out.splitlines(),
        "stderr_lines": err.splitlines(),
    }
    if rc != 0:
        return Outcome("failed", "non-zero return code", data={**data, "changed": True})
    return Outcome("changed", data=data)


ACTION = Raw()
