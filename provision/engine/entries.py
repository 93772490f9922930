"""Tasks of one host on their way: rendered, waiting for the batch they travel in, answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provision.actions.base import Call, Outcome, RawCommand, Script
from provision.engine.connections import Identity
from provision.playbook.model import Task
from provision.templating import Scope

__all__ = [
    "BARE",
    "Entry",
    "Frame",
    "Part",
    "TaskFailed",
    "outcome_of",
    "registered",
    "showable",
]

_OCTAL = re.compile(r"[0-7]{3,4}")


class TaskFailed(Exception):
    """A task failed on a host and nobody ignored it. `result` is what was registered; `own` is
    False when it was another host's failure that ends this one, too."""

    def __init__(self, task: Task, result: Mapping[str, Any], *, own: bool = True) -> None:
        super().__init__(task.title)
        self.task = task
        self.result = result
        self.own = own


@dataclass(frozen=True, slots=True)
class Frame:
    """The keywords of a task as they are for one of its items."""

    identity: Identity = Identity()
    delegate: str = ""  # another host that does it
    delegate_facts: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    check: bool = False
    left: bool = False  # of a run that fixes others: only looked at
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    no_log: bool = False
    show_diff: bool = True
    throttle: int = 0
    async_s: float = 0  # how long it may take in the background; 0: it is waited for
    poll_s: float = 0  # how often to ask how it stands; 0: never


BARE = Frame()


@dataclass(slots=True)
class Part:
    """One item of a loop, or the whole of a task without one."""

    scope: Scope
    planned: Call | Outcome | Script | RawCommand
    frame: Frame = BARE
    item: Any = None
    label: str = ""
    outcome: Outcome | None = None
    attempts: int = 0
    decided: bool = False  # changed_when and failed_when have had their say
    applied: bool = False  # what it sets has been set
    loop: Mapping[str, Any] = field(default_factory=dict)  # the loop's own variables


@dataclass(slots=True)
class Entry:
    """A task with its parts; `looped` tells an empty loop from a single part.

    `todo` are the items of a loop that must be looked at one after the other.
    """

    task: Task
    title: str
    scope: Scope
    frame: Frame = BARE
    parts: list[Part] = field(default_factory=list)
    looped: bool = False
    position: int = 0  # among all that this host does in the play
    todo: Sequence[tuple[Mapping[str, Any], Any]] | None = None

    @property
    def ignore_errors(self) -> bool:
        return any(part.frame.ignore_errors for part in self.parts)

    @property
    def no_log(self) -> bool:
        return self.frame.no_log or any(part.frame.no_log for part in self.parts)


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
        warnings=[*(said.get("warnings") or ()), *((said.get("data") or {}).get("warnings") or ())],
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
        "failed": outcome.status == "failed",
        **outcome.data,
    }
    if outcome.status == "skipped":
        result["skipped"] = True
    elif outcome.status == "failed":
        result.setdefault("exception", outcome.traceback or "(traceback unavailable)")
    elif outcome.status == "unknown":
        result["skipped"] = True  # playbooks ask whether a check has left it out
    if outcome.status == "unreachable":
        result["unreachable"] = True
    if outcome.msg and "msg" not in result:
        result["msg"] = outcome.msg
    if outcome.facts:
        result["ansible_facts"] = outcome.facts
    if outcome.warnings:
        result["warnings"] = outcome.warnings
    return result
