"""The action `script`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call, blob_of
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "ScriptAction"]


@dataclass(frozen=True, slots=True)
class Args:
    cmd: str = arg("A script of the project, and its arguments.", aliases=("free_form",))
    chdir: str | None = arg("Directory on the host to run in.", default=None)
    creates: str | None = arg("Nothing to do when this path or glob exists.", default=None)
    removes: str | None = arg("Nothing to do when this path or glob is missing.", default=None)
    executable: str | None = arg("What runs the script, with options.", default=None)
    decrypt: bool = arg("Decrypt a script that is a vault file.", default=True)


class ScriptAction(Action):
    name = "script"
    summary = "Run a script of the project on the host; nothing of it stays there."
    Args = Args
    free_form = "cmd"
    check_mode = "unknown without `creates` or `removes`, which decide it"
    examples = (
        "- script: scripts/burn-in.sh --minutes 5\n"
        "- script:\n    cmd: report.py --json\n    executable: python3\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        try:
            words = shlex.split(args.cmd)
        except ValueError as exc:
            raise PlaybookError(f"script: {args.cmd!r} cannot be split into words: {exc}") from None
        if not words:
            raise PlaybookError("script: which one?")
        path = ctx.find("files", words[0])
        data = path.read_bytes()
        if args.decrypt and data.startswith(b"$ANSIBLE_VAULT"):
            data = ctx.decrypted(path, data)
        blob = blob_of(data)
        sent = wire(args)
        sent.pop("decrypt")
        if args.executable:
            sent["executable"] = shlex.split(args.executable)
        sent.update(blob=blob.sha256, name=path.name, arguments=words[1:])
        return Call("script", sent, blobs=[blob])


ACTION = ScriptAction()
