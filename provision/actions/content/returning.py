"""Waiting for a host to answer again over a new connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

from provision.actions.base import ActionContext, Call, Outcome

__all__ = ["answers", "wait"]


def wait(seconds: float, ctx: ActionContext, phase: str) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ctx.progress(phase, seconds - left, seconds, "s")
        time.sleep(min(left, 1.0))


def answers(
    ctx: ActionContext,
    mod: str,
    args: Mapping[str, Any],
    *,
    phase: str,
    timeout_s: float,
    sleep_s: float,
    good: Callable[[Outcome], bool],
) -> Generator[Call, Outcome, Outcome]:
    """Calls `mod` over new connections until `good` says of its outcome that it will do;
    `unreachable` with the last reason when it never does in time."""
    start = time.monotonic()
    while True:
        told = yield Call(mod, args, check=False, fresh=True, lost_ok=True)
        if told.status != "unreachable" and good(told):
            return told
        spent = time.monotonic() - start
        if spent >= timeout_s:
            return Outcome("unreachable", told.msg or "the host is as it was")
        ctx.progress(phase, spent, timeout_s, "s")
        time.sleep(max(0.1, min(sleep_s, timeout_s - spent)))
