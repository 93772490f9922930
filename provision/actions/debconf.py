"""The action `debconf`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Debconf"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The package.", aliases=("pkg",), example="tzdata")
    question: str | None = arg(
        "The question; without one, nothing is set.",
        default=None,
        aliases=("selection", "setting"),
    )
    vtype: (
        Literal[
            "boolean", "error", "multiselect", "note", "password", "seen", "select", "string",
            "text", "title",
        ]
        | None
    ) = arg("Kind of the question.", default=None)  # fmt: skip
    value: bool | int | float | str | list[Any] | None = arg(
        "The answer.", default=None, aliases=("answer",)
    )
    unseen: bool = arg("Do not mark it as answered.", default=False)


class Debconf(Action):
    name = "debconf"
    summary = "Answer what a Debian package asks when it is installed."
    Args = Args
    check_mode = "predicts; a password that is set already cannot be read and is set again"
    notes = (
        "Returns `current` and `previous`, mappings of question to answer. Answers of the kind "
        "`password` are not shown."
    )
    examples = (
        "- debconf:\n    name: tzdata\n    question: tzdata/Areas\n    vtype: select\n"
        "    value: Etc\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.question is not None and (args.vtype is None or args.value is None):
            raise PlaybookError(
                "debconf: when supplying a question you must supply vtype and value"
            )
        if not args.name.strip() or set(args.name) & set(" \t\n"):
            raise PlaybookError(f"debconf: {args.name!r} cannot be the name of a package")
        if args.question is not None and set(args.question) & set(" \t\n"):
            raise PlaybookError(f"debconf: {args.question!r} cannot be the name of a question")
        sent = wire(args)
        if args.question is not None:
            sent["value"] = _answer(args)
            if "\n" in sent["value"]:
                raise PlaybookError("debconf: an answer is one line")
            if args.vtype == "password":
                ctx.secret(sent["value"])
        return Call("debconf", sent)


def _answer(args: Any) -> str:
    value = args.value
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool) or args.vtype == "boolean":
        return str(value).lower()
    return str(value)


ACTION = Debconf()
