"""Tasks of one host on their way: rendered, waiting for the batch they travel in, answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.actions.base import Call, Outcome, RawCommand, Script
from provision.engine.connections import Identity
from provision.playbook.model import Task
from provision.templating import Scope

__all__ = ["Entry", "Part", "TaskFailed", "outcome_of", "registered", "showable"]

_OCTAL = re.compile(r"[0-7]{3,4}")


class TaskFailed(Exception):
    """A task failed on a host and nobody ignored it. `result` is what was registered."""

    def __init__(self, task: Task, result: Mapping[str, Any]) -> None:
        super().__init__(task.title)
        self.task = task
        self.result = result


@dataclass(slots=True)
class Part:
    """One item of a loop, or the whole of a task without one."""

    scope: Scope
    planned: Call | Outcome | Script | RawCommand
    check: bool
    item: Any = None
    label: str = ""
    outcome: Outcome | None = None
    attempts: int = 0


@dataclass(slots=True)
class Entry:
    """A task with its parts; `looped` tells an empty loop from a single part."""

    task: Task
    title: str
    scope: Scope
    identity: Identity
    parts: list[Part] = field(default_factory=list)
    looped: bool = False
    ignore_errors: bool = False
    no_log: bool = False
    show_diff: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    delegate: str = ""
    skipped_why: str = ""
    skip_condition: str = ""


def outcome_of(said: Mapping[str, Any]) -> Outcome:
    """What a host half said, as an Outcome."""
    return Outcome(
        status=said["status"],
        msg=said.get("msg", ""),
        diff=said.get("diff") or [],
        data=said.get("data") or {},
        facts=said.get("facts") or {},
        duration_s=said.get("t", 0.0),
        traceback=said.get("traceback", ""),
        warnings=list(said.get("warnings") or ()),
    )


def showable(outcome: Outcome) -> list[dict[str, Any]]:
    """The diff without the content of files that only their owner may read: what a host keeps
    from its other users does not belong in logs either."""
    mode = str(outcome.data.get("mode") or "")
    if not _OCTAL.fullmatch(mode) or int(mode, 8) & 0o077:
        return outcome.diff
    hidden = f"(not shown: mode {mode})"
    return [
        {**entry, "before": entry.get("before") and hidden, "after": entry.get("after") and hidden}
        if entry.get("key") == "content"
        else entry
        for entry in outcome.diff
    ]


def registered(outcome: Outcome) -> dict[str, Any]:
    """An outcome as `register` keeps it, with Ansible's keys."""
    result = {
        "changed": outcome.status == "changed",
        "failed": outcome.status in ("failed", "unreachable"),
        **outcome.data,
    }
    if outcome.status == "skipped":
        result["skipped"] = True
    if outcome.status == "unreachable":
        result["unreachable"] = True
    if outcome.msg and "msg" not in result:
        result["msg"] = outcome.msg
    if outcome.facts:
        result["ansible_facts"] = outcome.facts
    if outcome.warnings:
        result["warnings"] = outcome.warnings
    return result
