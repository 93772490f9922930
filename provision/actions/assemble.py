"""The action `assemble`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import WriteArgs, said, words_of
from provision.actions.content.sending import content_call, content_of, file_content
from provision.agent.fragments import join
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Assemble"]

_LOCAL = ("src", "remote_src", "validate", "delimiter", "regexp", "ignore_hidden", "decrypt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WriteArgs):
    src: str = arg("Directory of fragments, taken in the order of their names.")
    dest: str = arg("The file that they make.", example="/etc/app.conf")
    delimiter: str | None = arg(
        "Text between two fragments; `\\n` and the like are taken.", default=None
    )
    regexp: str | None = arg("Only fragments whose names this matches.", default=None)
    ignore_hidden: bool = arg("Not those whose names start with a dot.", default=False)
    remote_src: bool = arg(
        "The directory is on the host; else in `files/` or beside the playbook.", default=True
    )
    decrypt: bool = arg("Decrypt fragments that are vault files.", default=True)


class Assemble(Action):
    name = "assemble"
    summary = "Make a file of the fragments in a directory."
    Args = Args
    mod = "assemble"
    examples = (
        "- assemble:\n    src: /etc/app.d\n    dest: /etc/app.conf\n    delimiter: '# ---'\n"
        "    validate: app --check %s\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        try:
            chosen = re.compile(args.regexp or "")
        except re.error as exc:
            raise PlaybookError(
                f"assemble: {args.regexp!r} is not a regular expression", why=str(exc)
            ) from None
        sent = {key: value for key, value in said(args).items() if key not in _LOCAL}
        if words := words_of("assemble", args.validate):
            sent["validate"] = words
        if args.remote_src:
            for key in ("src", "delimiter", "regexp", "ignore_hidden"):
                if value := getattr(args, key):
                    sent[key] = value
            return Call("assemble", sent)
        path = ctx.find("files", args.src.rstrip("/") or "/")
        fragments = [
            file_content(ctx, each, args.decrypt).data()
            for each in _chosen(path, chosen, args.ignore_hidden)
        ]
        if args.mode is not None:
            sent["mode"] = args.mode
        content = content_of(join(fragments, args.delimiter))
        return content_call("content", sent, content, {"src": str(path)})

    def registered_diff(self, outcome: Outcome) -> Any:
        texts = super().registered_diff(outcome)
        return texts[0] if texts else {}


def _chosen(folder: Path, name: re.Pattern[str], ignore_hidden: bool) -> list[Path]:
    if not folder.is_dir():
        raise PlaybookError(f"assemble: {folder} is not a directory")
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and name.search(path.name)
        and not (ignore_hidden and path.name.startswith("."))
    ]


ACTION = Assemble()
