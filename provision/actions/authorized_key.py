"""The action `authorized_key`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "AuthorizedKey"]


@dataclass(frozen=True, slots=True)
class Args:
    user: str = arg("Whose logins the key opens.", example="alice")
    key: str = arg(
        "The public key, or several, one a line; an http(s) address is fetched by the host.",
        example="{{ lookup('file', 'alice.pub') }}",
    )
    path: str | None = arg(
        "The file, where it is not `~/.ssh/authorized_keys` of the user.", default=None
    )
    manage_dir: bool = arg(
        "Make the directory when something is written, the user's own with mode 0700. Not wanted "
        "for a directory that several users share.",
        default=True,
    )
    state: Literal["present", "absent"] = arg("Whether the key is there.", default="present")
    key_options: str | None = arg(
        "Options before the key; those in `key` itself when not said.",
        default=None,
        example='no-port-forwarding,from="10.0.0.0/8"',
    )
    exclusive: bool = arg(
        "Remove everything else from the file. All keys have to be in `key`: a loop would leave "
        "the last one.",
        default=False,
    )
    comment: str | None = arg("Comment of the key, instead of the one in `key`.", default=None)
    follow: bool = arg("Write where a link leads, instead of replacing the link.", default=False)
    validate_certs: bool = arg("Refuse servers whose certificate is not valid.", default=True)


class AuthorizedKey(Action):
    name = "authorized_key"
    summary = "Allow or forbid a public key to log in as a user."
    Args = Args
    notes = (
        "A key is known by its type and data: other options or another comment replace its line "
        "where it stands. The file gets mode 0600 and belongs to the user when it is written."
    )
    examples = (
        "- authorized_key:\n    user: alice\n    key: \"{{ lookup('file', 'alice.pub') }}\"\n"
        "- authorized_key:\n    user: deploy\n    exclusive: true\n"
        "    key: \"{{ deploy_keys | join('\\n') }}\"\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.key.strip() and not args.exclusive:
            raise PlaybookError("authorized_key: 'key' is empty")
        return Call("authorized_key", wire(args))


ACTION = AuthorizedKey()
