"""The action `ini_file`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call
from provision.actions.content.arguments import OwnerArgs, said
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "IniFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(OwnerArgs):
    path: str = arg("The file.", aliases=("dest",), example="/etc/app.ini")
    section: str | None = arg(
        "The section, made when it is missing; without one, the lines before the first.",
        default=None,
    )
    section_has_values: list[dict[str, Any]] | None = arg(
        "Of several sections of one name, the one that has these: `option` with `value` or "
        "`values`.",
        default=None,
    )
    option: str | None = arg(
        "The option; without one, `absent` removes the whole section.", default=None
    )
    value: str | None = arg("Its value.", default=None)
    values: list[str] | None = arg("Its values, a line each.", default=None)
    state: Literal["present", "absent"] = arg("Whether it is there.", default="present")
    exclusive: bool = arg(
        "All lines of the option are meant: other values go. Else values are added and removed.",
        default=True,
    )
    no_extra_spaces: bool = arg("Write `option=value` without spaces.", default=False)
    ignore_spaces: bool = arg("Leave a line alone that differs in spaces only.", default=False)
    allow_no_value: bool = arg("Allow options without `=` and value.", default=False)
    modify_inactive_option: bool = arg(
        "Bring a line to life that stands there as a comment.", default=True
    )
    create: bool = arg("Make a file that is missing.", default=True)
    follow: bool = arg("Accepted: links are followed.", default=True)
    backup: bool = arg("Keep a copy of the old content beside the file.", default=False)


class IniFile(Action):
    name = "ini_file"
    summary = "Keep one option of an INI file as it should be."
    Args = Args
    notes = "Everything else in the file, comments and order among it, stays as it is."
    examples = (
        "- ini_file:\n    path: /etc/app.ini\n    section: server\n    option: port\n"
        "    value: '8080'\n"
        "- ini_file:\n    path: /etc/app.ini\n    section: old\n    state: absent\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.value is not None and args.values is not None:
            raise PlaybookError("ini_file: value and values are mutually exclusive")
        valued = args.value is not None or args.values or args.allow_no_value
        if args.state == "present" and args.option is not None and not valued:
            raise PlaybookError(
                "ini_file: with state=present and an option, value or values is required",
                hint="allow_no_value: true writes the option alone",
            )
        sent = said(args)
        sent.pop("follow", None)
        sent.pop("value", None)
        values = [args.value] if args.value is not None else (args.values or [])
        sent["values"] = list(dict.fromkeys(str(v) for v in values))
        return Call("ini_file", sent)


ACTION = IniFile()
