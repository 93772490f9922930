"""The action `pause`."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg
from provision.actions.base import ASKING, Action, ActionContext, Outcome
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Pause"]


@dataclass(frozen=True, slots=True)
class Args:
    seconds: float | None = arg("How long.", default=None)
    minutes: float | None = arg("How long.", default=None)
    prompt: str | None = arg("Ask this and wait for an answer.", default=None)
    echo: bool = arg("Show what is typed.", default=True)


class Pause(Action):
    name = "pause"
    summary = "Wait for a time, or for a person."
    Args = Args
    needs_connection = False
    check_mode = "does not wait"
    notes = (
        "One pause serves all hosts that come to it. Without a terminal nobody is asked: the "
        "run goes on, with a warning."
    )
    examples = '- pause:\n    seconds: 10\n- pause:\n    prompt: "Ready?"\n'

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        if args.seconds is not None and args.minutes is not None:
            raise PlaybookError("pause takes 'seconds' or 'minutes', not both")
        wait_s = args.seconds if args.minutes is None else args.minutes * 60
        if wait_s is not None and wait_s < 0:
            raise PlaybookError("pause cannot wait for less than nothing")
        if ctx.check:
            return Outcome("ok", "not waited for in a check", data=self._data(args, 0.0, ""))
        start = time.time()
        # Hosts that come to this task together wait together, those of the next batch anew.
        batch = tuple(ctx.vars.get("ansible_play_batch") or [ctx.host])
        key = ("pause", str(ctx.place), batch, repr(ctx.vars.get("item")))
        if wait_s is not None and args.prompt is None:
            ctx.shared(key, lambda: self._wait(wait_s, ctx))
            return Outcome("ok", data=self._data(args, start, ""))
        answer = ctx.shared(key, lambda: self._ask(args, ctx))
        outcome = Outcome("ok", data=self._data(args, start, answer or ""))
        if answer is None:
            outcome.warnings.append("nobody was asked: standard input is not a terminal")
        return outcome

    @staticmethod
    def _wait(wait_s: float, ctx: ActionContext) -> None:
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            ctx.progress("pause", wait_s - left, wait_s, "s")
            time.sleep(min(left, 1.0))

    @staticmethod
    def _ask(args: Any, ctx: ActionContext) -> str | None:
        """The answer; None where there is nobody to ask."""
        if not sys.stdin.isatty():
            return None
        ctx.progress(ASKING)  # the console leaves the terminal to the question
        question = args.prompt or "Press Enter to go on"
        if args.echo:
            return input(f"{question} ")
        import getpass

        return getpass.getpass(f"{question} ")

    @staticmethod
    def _data(args: Any, start: float, answer: str) -> dict[str, Any]:
        end = time.time()
        stamp = "%Y-%m-%d %H:%M:%S"
        spent = end - start if start else 0.0
        return {
            "user_input": answer,
            "delta": int(spent),
            "echo": args.echo,
            "rc": 0,
            "start": time.strftime(stamp, time.localtime(start or end)),
            "stop": time.strftime(stamp, time.localtime(end)),
            "stderr": "",
            "stdout": f"Paused for {spent:.2f} seconds",
        }


ACTION = Pause()
