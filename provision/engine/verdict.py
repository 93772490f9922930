"""What a task's own conditions make of its result: changed_when, failed_when, until."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.engine.entries import Part, registered
from provision.errors import InputError, PlaybookError
from provision.playbook.model import Task
from provision.templating import Pending, Scope, Templar
from provision.yamlsource import mark_of

__all__ = ["decide", "holds", "is_done", "leave", "patience", "seen_scope"]


def holds(conditions: Any, scope: Scope, task: Task, templar: Templar) -> bool:
    listed = conditions if isinstance(conditions, list | tuple) else [conditions]
    return all(
        templar.condition(condition, scope, mark=mark_of(condition) or task.mark)
        for condition in listed
    )


def seen_scope(task: Task, part: Part, result: Mapping[str, Any]) -> Scope:
    """What a task's own conditions see: its result under its name, and facts it has found."""
    layer: dict[str, Any] = {}
    assert part.outcome is not None
    if part.outcome.host_vars:
        layer.update(part.outcome.host_vars)
    if task.register:
        layer[task.register] = result
    return part.scope.child(layer) if layer else part.scope


def decide(task: Task, part: Part, templar: Templar) -> None:
    """changed_when and failed_when, once for each attempt. Raises Pending."""
    outcome = part.outcome
    if part.decided or outcome is None:
        return
    if outcome.status in ("skipped", "unreachable", "unknown"):
        part.decided = True
        return
    if task.changed_when is None and task.failed_when is None:
        part.decided = True
        return
    result = registered(outcome)
    scope = seen_scope(task, part, result)
    asked = "changed"
    try:
        if task.changed_when is not None and task.changed_when != []:
            changed = holds(task.changed_when, scope, task, templar)
            result["changed"] = changed
            if outcome.status == "failed" or "changed" in outcome.data:
                outcome.data["changed"] = changed
            if outcome.status != "failed":
                outcome.status = "changed" if changed else "ok"
        asked = "failed"
        if task.failed_when is not None and task.failed_when != []:
            failed = holds(task.failed_when, scope, task, templar)
            _failed(part, result, failed)
    except Pending:
        raise
    except InputError as exc:
        outcome.data[f"{asked}_when_result"] = exc.what
        if outcome.status != "failed":
            outcome.data.setdefault("changed", outcome.status == "changed")
        outcome.status = "failed"
        outcome.msg = exc.what
        outcome.data["_where"] = str(exc.mark or task.mark)
    part.decided = True


def leave(part: Part) -> None:
    """What would change and is not to be fixed has not been touched, and says so."""
    outcome = part.outcome
    if part.frame.left and part.frame.check and outcome and outcome.status == "changed":
        outcome.status, outcome.msg, outcome.diff = "skipped", "not to be fixed", []


def _failed(part: Part, result: Mapping[str, Any], failed: bool) -> None:
    outcome = part.outcome
    assert outcome is not None
    outcome.data["failed_when_result"] = failed
    if failed:
        if outcome.status != "failed":
            outcome.data.setdefault("changed", outcome.status == "changed")
        outcome.status = "failed"
    elif outcome.status == "failed":
        outcome.data["failed_when_suppressed_exception"] = result["exception"]
        outcome.status = "changed" if result.get("changed") else "ok"


def patience(task: Task, scope: Scope, templar: Templar) -> tuple[int, float]:
    """How often a task is tried again, and the seconds between. Raises PlaybookError."""

    def number(value: Any, word: str) -> float:
        rendered = templar.render(value, scope, mark=task.mark)
        try:
            return float(rendered)
        except (TypeError, ValueError):
            raise PlaybookError(
                f"{word!r} takes a number, not {rendered!r}", mark=mark_of(value) or task.mark
            ) from None

    retries = 3 if task.retries is None else int(number(task.retries, "retries"))
    delay = number(task.delay, "delay")
    return max(0, retries), 1.0 if delay < 0 else delay


def is_done(task: Task, part: Part, templar: Templar) -> bool:
    """Whether `until` holds; without one, whether the attempt went well."""
    assert part.outcome is not None
    result = registered(part.outcome)
    if task.until is None or task.until == []:
        return not result["failed"]
    return holds(task.until, seen_scope(task, part, result), task, templar)
