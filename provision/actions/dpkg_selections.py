"""The action `dpkg_selections`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "DpkgSelections"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The package.", example="nvidia-driver-550-server")
    selection: Literal["install", "hold", "deinstall", "purge"] = arg(
        "What dpkg is to do with it; `hold` keeps the version that is installed."
    )


class DpkgSelections(Action):
    name = "dpkg_selections"
    summary = "Hold a Debian package at its version, or let go of it."
    Args = Args
    notes = "Nothing is installed or removed; later upgrades mind the selection."
    examples = "- dpkg_selections:\n    name: linux-image-generic\n    selection: hold\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name or set(args.name) & set(" \t\n*?") or args.name.startswith("-"):
            raise PlaybookError(f"dpkg_selections: {args.name!r} cannot be the name of a package")
        return Call("dpkg_selections", wire(args))


ACTION = DpkgSelections()
