"""The action `setup`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call

__all__ = ["ACTION", "Args", "Setup"]


@dataclass(frozen=True, slots=True)
class Args:
    gather_subset: list[str] = arg(
        "Which groups of facts: `all`, `min`, `hardware`, `network`, `virtual` or the name of one "
        "group; with `!` before it, all but these.",
        factory=lambda: ["all"],
    )
    filter: list[str] | None = arg("Only facts whose names match one of these.", default=None)
    fact_path: str = arg(
        "Where the host's own facts lie: `*.fact`, JSON, INI or programs.",
        default="/etc/ansible/facts.d",
    )
    gather_timeout: int = arg("Seconds before it is given up.", default=60)


class Setup(Action):
    name = "setup"
    names = ("gather_facts",)
    summary = "Gather facts of the host."
    Args = Args
    sets_facts = True
    check_mode = "gathers as always"
    notes = (
        "Names are Ansible's. Beyond those: `gpu` (count, driver, library, cuda, mismatch, "
        "on_bus, error, devices) and `ansible_glibc_version`. Programs are run only for "
        "executable fact files and, where there is one, nvidia-smi."
    )
    examples = "- setup:\n    gather_subset: [min, network]\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        sent = wire(args)
        limit = float(sent.pop("gather_timeout"))
        return Call("setup", sent, timeout_s=limit, check=False)


ACTION = Setup()
