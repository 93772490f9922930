"""The action `find`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import Mode, arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import said
from provision.actions.stat import Algorithm

__all__ = ["ACTION", "Args", "Find"]


@dataclass(frozen=True, slots=True)
class Args:
    paths: list[str] = arg("Directories to search.", aliases=("path", "name"))
    patterns: list[str] | None = arg(
        "Shell patterns for names; one of them must match.", default=None, aliases=("pattern",)
    )
    excludes: list[str] | None = arg(
        "Patterns for names that are left out.", default=None, aliases=("exclude",)
    )
    use_regex: bool = arg(
        "Patterns are regular expressions, matched from the start of the name.", default=False
    )
    file_type: Literal["any", "directory", "file", "link"] = arg("What to find.", default="file")
    recurse: bool = arg("Look into directories below.", default=False)
    depth: int | None = arg("How many levels down to look.", default=None)
    hidden: bool = arg("Also names that start with a dot.", default=False)
    follow: bool = arg("Go into directories that links lead to.", default=False)
    contains: str | None = arg(
        "Regular expression that a line of the file matches from its start.", default=None
    )
    read_whole_file: bool = arg(
        "Search `contains` anywhere in the whole content instead.", default=False
    )
    encoding: str | None = arg("Encoding of the files for `contains`.", default=None)
    age: str | None = arg(
        "At least this old: seconds, or a number with s, m, h, d or w. Negative: at most.",
        default=None,
    )
    age_stamp: Literal["atime", "ctime", "mtime"] = arg("The time that counts.", default="mtime")
    size: str | None = arg(
        "At least this big: bytes, or a number with k, m, g or t. Negative: at most.", default=None
    )
    mode: Mode | None = arg("Permission bits it has.", default=None)
    exact_mode: bool = arg("These bits and no others; else any of them.", default=True)
    get_checksum: bool = arg("Give each file's `checksum`.", default=False)
    checksum_algorithm: Algorithm = arg(
        "How.", default="sha1", aliases=("checksum", "checksum_algo")
    )
    limit: int | None = arg("Stop after so many.", default=None)


class Find(Action):
    name = "find"
    summary = "Find files on a host by name, age, size, mode or content."
    Args = Args
    check_mode = "runs as usual: it changes nothing"
    examples = (
        "- find:\n    paths: /var/log\n    patterns: '*.gz'\n    age: 30d\n    recurse: true\n"
        "  register: old\n"
        "- file:\n    path: '{{ item.path }}'\n    state: absent\n  loop: '{{ old.files }}'\n"
    )
    notes = (
        "Registers `files` (each as `stat` tells of it), `matched`, `examined` and "
        "`skipped_paths`. What cannot be read is skipped with a warning."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        return Call("find", said(args))


ACTION = Find()
