"""The action `locale_gen`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "LocaleGen"]


@dataclass(frozen=True, slots=True)
class Args:
    name: list[str] = arg("The locales.", example="de_DE.UTF-8")
    state: Literal["present", "absent"] = arg("Whether they can be used.", default="present")


class LocaleGen(Action):
    name = "locale_gen"
    summary = "Make locales available on Debian and its relatives."
    Args = Args
    notes = "Needs the package `locales`. Keeps /etc/locale.gen and runs `locale-gen`."
    examples = "- locale_gen:\n    name: en_US.UTF-8\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        for name in args.name:
            if not name or set(name) & set(" \t\n#/"):
                raise PlaybookError(f"locale_gen: {name!r} cannot be a locale")
        return Call("locale_gen", wire(args))


ACTION = LocaleGen()
