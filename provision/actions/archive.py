"""The action `archive`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call
from provision.actions.content.arguments import OwnerArgs, said
from provision.errors import PlaybookError

__all__ = ["ACTION", "Archive", "Args"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(OwnerArgs):
    path: list[str] = arg("Files and directories on the host; globs too.")
    dest: str | None = arg(
        "The archive; needed for several paths, else made from the path.", default=None
    )
    format: Literal["bz2", "gz", "tar", "xz", "zip"] = arg("Its format.", default="gz")
    exclude_path: list[str] = arg("Paths to leave out; globs too.", factory=list)
    exclusion_patterns: list[str] | None = arg("Names to leave out, as globs.", default=None)
    force_archive: bool = arg("An archive also for a single file.", default=False)
    remove: bool = arg("Remove what has been packed.", default=False)


class Archive(Action):
    name = "archive"
    summary = "Pack files of a host into an archive on it."
    Args = Args
    notes = (
        "A single file is only compressed, unless `force_archive`. An archive whose members are "
        "the same, by name, mode and content, is left alone. Returns `archived`, `arcroot`, "
        "`dest`, `dest_state`, `missing`, `expanded_paths`, `expanded_exclude_paths`."
    )
    examples = "- archive:\n    path: /srv/models/bert\n    dest: /backup/bert.tgz\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.path:
            raise PlaybookError("archive: 'path' is empty")
        many = len(args.path) > 1 or any(set(path) & set("*?[") for path in args.path)
        if args.dest is None and many:
            raise PlaybookError("archive: 'dest' is needed for several paths")
        sent = said(args)
        sent["format"] = args.format
        return Call("archive", sent)


ACTION = Archive()
