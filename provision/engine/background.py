"""`async` and `poll`: tasks that run on in the background of a host."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable

from provision.actions.base import Call, Outcome
from provision.engine.entries import Frame
from provision.transport.link import Step

__all__ = ["run_in_background"]


def run_in_background(
    step: Step, frame: Frame, call: Callable[[Call], Outcome], wait: Callable[[float], bool]
) -> Outcome:
    """Starts `step` as a job; with `poll`, stays until it has ended or its time is up.

    `call` runs a host half, `wait` waits for some seconds and tells whether to give up.
    """
    jid = f"j{secrets.randbelow(10**12)}.{os.getpid()}"
    folder = frame.environment.get("ANSIBLE_ASYNC_DIR", "")
    args = {"jid": jid, "limit_s": frame.async_s, "dir": folder, "step": step.message()}
    started = call(Call("async_start", args, check=False, mods=(step.mod,)))
    if frame.poll_s <= 0 or started.status == "failed":
        return started
    end = time.monotonic() + frame.async_s
    asked = {"jid": jid, "dir": folder}
    while True:
        if wait(min(frame.poll_s, max(0.1, end - time.monotonic()))):
            return started
        done = call(Call("async_status", asked, check=False))
        if done.data.get("finished"):
            call(Call("async_status", {**asked, "mode": "cleanup"}, check=False))
            done.data.pop("results_file", None)
            return done
        if time.monotonic() >= end:
            text = f"async task did not complete within the requested time - {frame.async_s:.0f}s"
            return Outcome("failed", text, data={**done.data, "msg": text})
