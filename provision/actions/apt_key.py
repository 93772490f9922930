"""The action `apt_key`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "AptKey", "Args"]


@dataclass(frozen=True, slots=True)
class Args:
    id: str | None = arg("The key: 8, 16 or 40 hexadecimal digits.", default=None)
    url: str | None = arg("Where the host fetches it.", default=None)
    data: str | None = arg("The key itself.", default=None)
    file: str | None = arg("The key in a file on the host.", default=None)
    keyserver: str | None = arg("A keyserver that has `id`.", default=None)
    keyring: str | None = arg(
        "The file it goes to; else one of its own in /etc/apt/trusted.gpg.d.", default=None
    )
    state: Literal["present", "absent"] = arg("Whether apt trusts it.", default="present")
    validate_certs: bool = arg("Refuse servers whose certificate is not valid.", default=True)


class AptKey(Action):
    name = "apt_key"
    summary = "Keep a key that apt trusts for every source."
    Args = Args
    notes = (
        "Needs neither apt-key nor gpg. Keys are found wherever apt trusts them. Better is a key "
        "for one source: `deb822_repository` with `signed_by`. With an `id` of a key that is "
        "trusted nothing is fetched."
    )
    examples = "- apt_key:\n    url: https://example.org/apt/key.asc\n    id: 0123456789ABCDEF\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        sources = [n for n in ("url", "data", "file", "keyserver") if getattr(args, n) is not None]
        if len(sources) > 1:
            raise PlaybookError(f"apt_key: {' and '.join(sources)} are mutually exclusive")
        if args.state == "present" and not sources:
            raise PlaybookError("apt_key: one of url, data, file, keyserver is needed")
        if args.id is None and (args.keyserver or not sources):
            raise PlaybookError("apt_key: 'id' is needed")
        return Call("apt_key", wire(args))


ACTION = AptKey()
