"""The action `rpm_key`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "RpmKey"]


@dataclass(frozen=True, slots=True)
class Args:
    key: str = arg(
        "The key: an address, a file on the host, or with `absent` its id.",
        example="https://example.org/RPM-GPG-KEY",
    )
    state: Literal["present", "absent"] = arg("Whether rpm trusts it.", default="present")
    fingerprint: list[str] | None = arg(
        "Fingerprints; the key has to have one of them.", default=None
    )
    validate_certs: bool = arg("Refuse servers whose certificate is not valid.", default=True)


class RpmKey(Action):
    name = "rpm_key"
    summary = "Keep a key that rpm trusts."
    Args = Args
    notes = "Needs `rpm` on the host, no gpg."
    examples = "- rpm_key:\n    key: https://example.org/RPM-GPG-KEY\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.key.strip() or args.key.startswith("-"):
            raise PlaybookError(f"rpm_key: {args.key!r} is neither an address nor a file nor an id")
        return Call("rpm_key", wire(args))


ACTION = RpmKey()
