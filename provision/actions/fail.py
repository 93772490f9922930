"""The action `fail`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome

__all__ = ["ACTION", "Args", "Fail"]


@dataclass(frozen=True, slots=True)
class Args:
    msg: Any = arg("Why.", default="Failed as requested from task")


class Fail(Action):
    name = "fail"
    summary = "Fail with a message."
    Args = Args
    needs_connection = False
    check_mode = "fails as always"
    examples = '- fail:\n    msg: "no GPU"\n  when: not gpu.count\n'

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        return Outcome("failed", str(args.msg), data={"msg": args.msg})


ACTION = Fail()
