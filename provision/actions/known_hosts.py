"""The action `known_hosts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "KnownHosts"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg(
        "The host as ssh names it: a name, an address, `[name]:port` for another port than 22.",
        aliases=("host",),
        example="git.example.org",
    )
    key: str | None = arg(
        "Its key as a line of the file, `HOST TYPE DATA`, or several lines; with `absent`, only "
        "that key is removed.",
        default=None,
        example="{{ lookup('file', 'git.example.org.pub') }}",
    )
    path: str = arg("The file.", default="~/.ssh/known_hosts")
    hash_host: bool = arg("Hide the name behind a hash.", default=False)
    state: Literal["present", "absent"] = arg("Whether it is there.", default="present")


class KnownHosts(Action):
    name = "known_hosts"
    summary = "Keep a host's key in the list that ssh trusts."
    Args = Args
    notes = (
        "A host has one key of each type: a new one replaces the old one where it stands. Hashed "
        "names are recognised. A line without a host name in `key` gets `name`."
    )
    examples = (
        "- known_hosts:\n    path: /etc/ssh/ssh_known_hosts\n    name: git.example.org\n"
        "    key: \"{{ lookup('file', 'git.example.org.pub') }}\"\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.state == "present" and not (args.key or "").strip():
            raise PlaybookError("known_hosts: no key specified when adding a host")
        if set(args.name) & set(" \t\n,"):
            raise PlaybookError(f"known_hosts: {args.name!r} cannot be the name of one host")
        return Call("known_hosts", wire(args))


ACTION = KnownHosts()
