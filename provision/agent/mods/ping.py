"""Answers."""

from __future__ import annotations

from provision.agent import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    data = args.get("data", "pong")
    if data == "crash":
        raise RuntimeError("boom")
    return core.ok(ping=data)
