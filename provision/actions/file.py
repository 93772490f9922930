"""The action `file`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import OwnerArgs, said
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "File"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(OwnerArgs):
    path: str = arg("What is managed.", aliases=("dest", "name"), example="/etc/foo.conf")
    state: Literal["absent", "directory", "file", "hard", "link", "touch"] | None = arg(
        "What should be there. `file`: a file that exists already; `directory`: a directory, "
        "made with those above it; `link` and `hard`: a link to `src`; `touch`: a file, made "
        "when missing, with new times; `absent`: nothing. Not said: what is there, else `file` "
        "(`directory` with `recurse`).",
        default=None,
    )
    src: str | None = arg(
        "What a link leads to: a path on the host, for `link` relative to its directory.",
        default=None,
    )
    force: bool = arg(
        "Make a link although what it leads to is missing, or in place of a file or an empty "
        "directory.",
        default=False,
    )
    follow: bool = arg(
        "Where the path is a link, manage what it leads to rather than the link.", default=True
    )
    recurse: bool = arg(
        "Give everything below a directory the same mode, owner and group.", default=False
    )
    modification_time: str | None = arg(
        "`preserve`, `now`, or a time as in `modification_time_format`. Not said: `now` for "
        "`touch`, otherwise `preserve`.",
        default=None,
    )
    modification_time_format: str = arg("How it is written, for strptime.", default="%Y%m%d%H%M.%S")
    access_time: str | None = arg("The same for the time of the last access.", default=None)
    access_time_format: str = arg("How it is written, for strptime.", default="%Y%m%d%H%M.%S")
    diff_peek: bool = arg("Accepted, without effect.", default=False, aliases=("_diff_peek",))


class File(Action):
    name = "file"
    summary = "Manage files, directories and links: existence, permissions, times."
    Args = Args
    examples = (
        "- file:\n    path: /srv/models\n    state: directory\n    owner: models\n"
        '    mode: "0755"\n'
        "- file:\n    src: /opt/app/releases/7\n    dest: /opt/app/current\n    state: link\n"
        "- file:\n    path: /srv/data\n    state: directory\n    recurse: true\n"
        "    mode: u=rwX,g=rX,o=\n"
        "- file:\n    path: /tmp/scratch\n    state: absent\n"
    )
    notes = (
        "`touch` is a change each time unless both times are `preserve`. Removing a directory "
        "removes all below it; links in it are removed, not followed."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if args.src is not None and args.state not in (None, "link", "hard"):
            raise PlaybookError(
                f"file: 'src' is for state link or hard, not {args.state}",
                hint="to copy a file to the host use `copy`",
            )
        if args.recurse and args.state not in (None, "directory"):
            raise PlaybookError("file: 'recurse' needs state: directory")
        sent = said(args)
        sent.pop("diff_peek", None)
        return Call("file", sent)

    def registered_diff(self, outcome: Outcome) -> Any:
        sides: dict[str, dict[str, Any]] = {}
        for side in ("before", "after"):
            sides[side] = {"path": outcome.data.get("path")}
            for entry in outcome.diff:
                if entry["key"] != "path_content" or side == "before":
                    sides[side][entry["key"]] = entry[side]
        return sides


ACTION = File()
