"""The action `ping`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.actions.args import arg
from provision.actions.base import Action

__all__ = ["ACTION", "Args", "Ping"]


@dataclass(frozen=True, slots=True)
class Args:
    data: str = arg("What to answer; `crash` raises an exception on the host.", default="pong")


class Ping(Action):
    name = "ping"
    summary = "Check that a host can be reached and runs the agent."
    Args = Args
    examples = "- ping:\n"


ACTION = Ping()
