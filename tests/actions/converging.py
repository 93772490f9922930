"""What every action that sets a state owes."""

from __future__ import annotations

from typing import Any

from tests.actions.harness import ActionHost

__all__ = ["converges"]


def converges(host: ActionHost, action: str, **args: Any) -> dict[str, Any]:
    """Predicts, changes, and has nothing left to do; returns the diff."""
    predicted = host.run(action, check=True, **args)
    done = host.run(action, **args)
    again = host.run(action, **args)
    assert [predicted.status, done.status, again.status] == ["changed", "changed", "ok"], (
        predicted.msg,
        done.msg,
        again.diff,
    )
    assert predicted.diff == done.diff
    return {entry["key"]: (entry["before"], entry["after"]) for entry in done.diff}
