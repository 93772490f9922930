"""The action `debug`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome
from provision.errors import PlaybookError, UndefinedVariable

__all__ = ["ACTION", "Args", "Debug"]


@dataclass(frozen=True, slots=True)
class Args:
    msg: Any = arg("What to print.", default="Hello world!")
    var: Any = arg("An expression whose value to print, without braces.", default=None)
    verbosity: int = arg("Print only with this many `-v`.", default=0)


class Debug(Action):
    name = "debug"
    summary = "Print a message or a variable."
    Args = Args
    needs_connection = False
    check_mode = "prints as always"
    examples = '- debug:\n    msg: "{{ inventory_hostname }} has {{ gpu.count }} GPUs"\n'

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        if args.var is not None and args.msg != "Hello world!":
            raise PlaybookError("debug takes 'msg' or 'var', not both")
        if args.verbosity > int(ctx.vars.get("ansible_verbosity", 0)):
            return Outcome("skipped", "printed with more -v", data={"skipped": True})
        if args.var is None:
            return Outcome("ok", _text(args.msg), data={"msg": args.msg})
        name, value = str(args.var), args.var
        if isinstance(args.var, str):
            try:
                value = ctx.evaluate(args.var)
            except UndefinedVariable as exc:
                value = f"VARIABLE IS NOT DEFINED! ({exc.what})"
        return Outcome("ok", f"{name}: {_text(value)}", data={name: value})


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=4, ensure_ascii=False, default=str)


ACTION = Debug()
