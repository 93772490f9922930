"""The action `stat`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import said

__all__ = ["ACTION", "Algorithm", "Args", "Stat"]

Algorithm = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]


@dataclass(frozen=True, slots=True)
class Args:
    path: str = arg("What to look at.", aliases=("dest", "name"), example="/etc/foo.conf")
    follow: bool = arg("Look at what a link leads to.", default=False)
    get_checksum: bool = arg("Give `checksum` of a file; it is read for that.", default=True)
    checksum_algorithm: Algorithm = arg(
        "How.", default="sha1", aliases=("checksum", "checksum_algo")
    )
    get_mime: bool = arg(
        "Give `mimetype` and `charset`.", default=True, aliases=("mime", "mime_type", "mime-type")
    )
    get_attributes: bool = arg(
        "Give `attributes`, `attr_flags` and `version`.",
        default=True,
        aliases=("attributes", "attr"),
    )
    get_selinux_context: bool = arg("Give `selinux_context`.", default=False)


class Stat(Action):
    name = "stat"
    summary = "Tell what lies at a path."
    Args = Args
    check_mode = "runs as usual: it changes nothing"
    examples = (
        "- stat:\n    path: /opt/miniconda3/bin/conda\n    get_checksum: false\n  register: conda\n"
        "- debug:\n    msg: not there yet\n  when: not conda.stat.exists\n"
    )
    notes = (
        "Registers `stat` with `exists`, and where something is there `path`, `mode`, `isdir`, "
        "`isreg`, `islnk` (then `lnk_source`, `lnk_target`), `isblk`, `ischr`, `isfifo`, "
        "`issock`, `uid`, `gid`, `pw_name`, `gr_name`, `size`, `inode`, `dev`, `nlink`, `atime`, "
        "`mtime`, `ctime`, `rusr` to `xoth`, `isuid`, `isgid`, `readable`, `writeable`, "
        "`executable`, `blocks`, `block_size`, `device_type`."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        return Call("stat", said(args))


ACTION = Stat()
