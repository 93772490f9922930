"""The action `mount`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Mount"]


@dataclass(frozen=True, slots=True)
class Args:
    path: str = arg("The mount point; `none` for swap.", aliases=("name",), example="/srv/models")
    state: Literal[
        "mounted", "present", "unmounted", "absent", "absent_from_fstab", "remounted", "ephemeral"
    ] = arg(
        "`mounted`: in fstab and mounted; `present`: in fstab; `unmounted`: not mounted, fstab as "
        "it is; `absent`: neither, and without the directory; `absent_from_fstab`; `remounted`: "
        "once more, always; `ephemeral`: mounted without fstab."
    )
    src: str | None = arg("Device, UUID=…, LABEL=…, server:/path, directory.", default=None)
    fstype: str | None = arg("Kind of file system.", default=None)
    opts: str | None = arg("Options, `defaults` when not said.", default=None)
    opts_no_log: bool = arg("Do not show the options.", default=False)
    dump: str | None = arg("fstab's fifth field.", default=None)
    passno: str | None = arg("fstab's sixth field: order of checks at boot.", default=None)
    fstab: str | None = arg("Another file than /etc/fstab.", default=None)
    boot: bool = arg("Mount it at boot; else it gets `noauto`.", default=True)
    backup: bool = arg("Keep a copy of the old fstab.", default=False)


_NEED = ("mounted", "present", "ephemeral")


class Mount(Action):
    name = "mount"
    summary = "Keep a file system mounted and in fstab."
    Args = Args
    notes = (
        "Other lines of fstab stay as they are. A changed line remounts what is mounted; another "
        "source or kind unmounts it first. The directory is made when it is missing."
    )
    examples = (
        "- mount:\n    path: /srv/models\n    src: nfs01:/models\n    fstype: nfs\n"
        "    opts: ro,noatime\n    state: mounted\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.state in _NEED and (args.src is None or args.fstype is None):
            raise PlaybookError(f"mount: state={args.state} needs src and fstype")
        sent = wire(args)
        if args.opts is not None:
            sent["opts"] = args.opts.replace(" ", "") if "," in args.opts else args.opts
        if args.opts_no_log and args.opts:
            ctx.secret(args.opts)
        return Call("mount", sent)


ACTION = Mount()
