"""The action `expect`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Expect"]


@dataclass(frozen=True, slots=True)
class Args:
    command: str = arg("The command; no shell sees it.", example="passwd alice")
    responses: dict[str, Any] = arg(
        "Regular expressions for questions, with the answer to each, or a list of answers for "
        "one that is asked several times.",
        example={"(?i)password:": "{{ new_password }}"},
    )
    timeout: int | None = arg("Seconds without a question or an end.", default=30)
    creates: str | None = arg("Nothing is run when this path exists.", default=None)
    removes: str | None = arg("Nothing is run when this path does not exist.", default=None)
    chdir: str | None = arg("Where it runs.", default=None)
    echo: bool = arg("Keep the answers in the output, as a terminal shows them.", default=False)


class Expect(Action):
    name = "expect"
    summary = "Run a command that asks questions, and answer them."
    Args = Args
    check_mode = "unknown, unless `creates` or `removes` tells"
    notes = "Needs no pexpect on the host. Returns `rc` and `stdout`, which holds all output."
    examples = (
        "- expect:\n    command: passwd alice\n    responses:\n"
        '      (?i)password: "{{ new_password }}"\n'
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.command.strip():
            raise PlaybookError("expect: no command given")
        sent = wire(args)
        sent["responses"] = [
            [str(question), [str(a) for a in answer] if isinstance(answer, list) else str(answer)]
            for question, answer in args.responses.items()
        ]
        return Call("expect", sent)


ACTION = Expect()
