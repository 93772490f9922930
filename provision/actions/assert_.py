"""The action `assert`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome
from provision.errors import PlaybookError
from provision.yamlsource import mark_of

__all__ = ["ACTION", "Args", "Assert"]


@dataclass(frozen=True, slots=True)
class Args:
    that: Any = arg("A condition, or a list of them, as in `when`.")
    fail_msg: str | list[str] = arg(
        "What to say when one does not hold.", default="Assertion failed", aliases=("msg",)
    )
    success_msg: str | list[str] = arg(
        "What to say when all hold.", default="All assertions passed"
    )
    quiet: bool = arg("Say less.", default=False)


class Assert(Action):
    name = "assert"
    summary = "Fail unless conditions hold."
    Args = Args
    unrendered = ("that",)
    needs_connection = False
    check_mode = "asserts as always"
    examples = (
        "- assert:\n    that:\n      - gpu.count >= 2\n      - ansible_memtotal_mb > 64000\n"
        '    fail_msg: "{{ inventory_hostname }} is too small"\n'
    )

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        for condition in self._conditions(args.that, ctx):
            if not ctx.condition(condition):
                return Outcome(
                    "failed",
                    self._text(args.fail_msg, str(condition)),
                    data={
                        "msg": args.fail_msg,
                        "assertion": condition,
                        "evaluated_to": False,
                    },
                )
        return Outcome("ok", self._text(args.success_msg), data={"msg": args.success_msg})

    @staticmethod
    def _conditions(that: Any, ctx: ActionContext) -> list[Any]:
        if isinstance(that, str) and that.startswith("{{") and that.rstrip().endswith("}}"):
            inner = that.strip()[2:-2]
            if "{{" not in inner:
                value = ctx.evaluate(inner.strip())
                return value if isinstance(value, list) else [that]
        if isinstance(that, list | tuple):
            return list(that)
        if not isinstance(that, str | bool):
            raise PlaybookError(
                "assert: 'that' takes a condition or a list of them", mark=mark_of(that)
            )
        return [that]

    @staticmethod
    def _text(message: str | list[str], condition: str = "") -> str:
        text = message if isinstance(message, str) else "\n".join(message)
        return f"{text}: {condition}" if condition and text == "Assertion failed" else text


ACTION = Assert()
