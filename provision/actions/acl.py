"""The action `acl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Acl", "Args"]


@dataclass(frozen=True, slots=True)
class Args:
    path: str = arg("The file or directory.", aliases=("name",))
    state: Literal["present", "absent", "query"] = arg(
        "Whether the entry is there; `query` only reads.", default="query"
    )
    entity: str = arg("The user or group; empty for the owner.", default="")
    etype: Literal["user", "group", "mask", "other"] | None = arg(
        "Whose entry it is.", default=None
    )
    permissions: str | None = arg("What is allowed.", default=None, example="rwX")
    entry: str | None = arg("The same as setfacl writes it: `user:alice:rw`.", default=None)
    default: bool = arg("The entry that new files in a directory get.", default=False)
    recursive: bool = arg("Everything below as well.", default=False, aliases=("recurse",))
    follow: bool = arg("What a link leads to.", default=True)
    recalculate_mask: Literal["default", "mask", "no_mask"] = arg(
        "Whether the mask is calculated anew.", default="default"
    )
    use_nfsv4_acls: bool = arg("Not supported.", default=False)


_SHORT = {"u": "user", "g": "group", "m": "mask", "o": "other"}


class Acl(Action):
    name = "acl"
    summary = "Keep an entry of a file's access list."
    Args = Args
    check_mode = "asks setfacl itself (`--test`)"
    notes = "Needs the package `acl`. Returns `acl`, the list of entries."
    examples = (
        "- acl:\n    path: /srv/models\n    entity: alice\n    etype: user\n"
        "    permissions: rx\n    state: present\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.use_nfsv4_acls:
            raise PlaybookError("acl: use_nfsv4_acls is not supported")
        sent: dict[str, Any] = {
            "path": args.path, "state": args.state, "recursive": args.recursive,
            "follow": args.follow, "mask": args.recalculate_mask,
        }  # fmt: skip
        if args.state != "query":
            sent["entry"] = _entry(args)
        return Call("acl", sent)


def _entry(args: Any) -> str:
    """[default:]kind:who[:permissions]. Raises PlaybookError."""
    if args.entry is not None:
        if args.etype or args.entity or args.permissions:
            raise PlaybookError("acl: 'entry' excludes entity, etype and permissions")
        words = args.entry.split(":")
        default = args.default
        if words[0] in ("d", "default"):
            default, words = True, words[1:]
        if args.state == "absent" and len(words) == 3:
            raise PlaybookError("acl: 'entry' has no permissions with state=absent")
        if len(words) not in (2, 3) or (args.state == "present" and len(words) != 3):
            raise PlaybookError("acl: 'entry' is written etype:entity[:permissions]")
        kind, who, *rest = words
    else:
        if args.etype is None:
            raise PlaybookError("acl: 'etype' is needed")
        if args.state == "present" and args.permissions is None:
            raise PlaybookError("acl: 'permissions' is needed with state=present")
        kind, who, default = args.etype, args.entity, args.default
        rest = [args.permissions] if args.state == "present" else []
    kind = _SHORT.get(kind, kind)
    if kind not in _SHORT.values():
        raise PlaybookError(f"acl: {kind!r} is not user, group, mask or other")
    return ":".join(["default"] * default + [kind, who, *rest])


ACTION = Acl()
