"""Results of tasks for those who watch and for `register`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision import actions
from provision.engine.entries import Entry, Part, registered, showable
from provision.engine.events import ItemResult, Notice, TaskResult
from provision.engine.hostvars import HostState
from provision.errors import ProvisionError

if TYPE_CHECKING:
    from provision.engine.playrun import PlayRun

__all__ = ["Teller", "status_of"]

_HIDDEN = "the output has been hidden because of no_log"


def status_of(entry: Entry) -> str:
    """The task's status from those of its parts."""
    statuses = {part.outcome.status for part in entry.parts if part.outcome}
    for status in ("unreachable", "failed", "changed", "unknown", "ok"):
        if status in statuses:
            return status
    return "skipped"


class Teller:
    """One host's results in one play."""

    def __init__(self, play: PlayRun, state: HostState) -> None:
        self.play = play
        self.run = play.run
        self.state = state

    # -- for register -----------------------------------------------------------------

    def registered(self, entry: Entry) -> dict[str, Any]:
        """What `register` keeps of the whole task."""
        results = [self.part(entry, part) for part in entry.parts]
        if not entry.looped:
            return results[0]
        total: dict[str, Any] = {
            "results": results,
            "changed": any(r.get("changed") for r in results),
            "failed": any(r.get("failed") for r in results),
            "msg": "All items completed",
        }
        if not results:
            total.update(skipped=True, skipped_reason="No items in the list")
            del total["msg"]
        elif all(r.get("skipped") for r in results):
            total.update(skipped=True, msg="All items skipped")
        elif any(r.get("unreachable") for r in results):
            total["unreachable"] = True
        elif total["failed"]:
            total["msg"] = "One or more items failed"
        return total

    def part(self, entry: Entry, part: Part) -> dict[str, Any]:
        """What `register` keeps of one item, or of a task without a loop."""
        assert part.outcome is not None
        result = registered(part.outcome)
        result.pop("_where", None)
        result.pop("_hint", None)
        if part.outcome.diff and part.frame.show_diff:
            action = actions.action(entry.task.action)
            result["diff"] = action.registered_diff(part.outcome)
        if entry.looped:
            result.update(part.loop)
        return result

    # -- for those who watch ----------------------------------------------------------

    def count(self, status: str) -> None:
        self.state.counts[status] = self.state.counts.get(status, 0) + 1

    def tell(self, entry: Entry, status: str, ignored: bool) -> None:
        """Emits the task's result."""
        task = entry.task
        self.count("ok" if ignored else status)
        delegate = next((p.frame.delegate for p in entry.parts if p.frame.delegate), "")
        event = TaskResult(
            host=self.state.name,
            play=self.play.play.name,
            task=entry.title,
            action=task.action,
            status=status,
            duration_s=round(sum(p.outcome.duration_s for p in entry.parts if p.outcome), 4),
            ignored=ignored,
            handler=task.is_handler,
            delegated_to=delegate,
            where=str(task.mark),
            place=str(task.mark),
        )
        if entry.no_log:
            event.msg = _HIDDEN if status != "skipped" else ""
            if entry.looped and status != "skipped":
                event.items = [_hidden(part) for part in entry.parts]
            elif status != "skipped":
                event.data = {"censored": _HIDDEN}
            self.run.emit(event)
            return
        self._fill(event, entry, status)
        self.run.emit(event)
        for part in entry.parts:
            for text in part.outcome.warnings if part.outcome else ():
                self.run.emit(Notice("warning", text, self.state.name))

    def _fill(self, event: TaskResult, entry: Entry, status: str) -> None:
        if entry.looped:
            event.items = [_item(part) for part in entry.parts]
            first = next((p for p in entry.parts if p.outcome and p.outcome.status == status), None)
        else:
            first = entry.parts[0] if entry.parts else None
        if first is None or first.outcome is None:
            return
        outcome = first.outcome
        event.msg = outcome.msg or str(outcome.data.get("msg") or "")
        event.hint = str(outcome.data.pop("_hint", "") or "")
        event.where = str(outcome.data.pop("_where", "") or event.where)
        event.traceback = outcome.traceback
        event.attempts = first.attempts
        if not entry.looped:
            event.diff = showable(outcome) if first.frame.show_diff else []
            event.data = dict(outcome.data)

    def ending(self, status: str, exc: ProvisionError) -> None:
        """Emits that the host ends here, outside of a task's own result."""
        self.count(status)
        event = TaskResult(
            host=self.state.name,
            play=self.play.play.name,
            task="connect" if status == "unreachable" else "",
            action="",
            status=status,
            msg=f"{exc.what}: {exc.why}" if exc.why else exc.what,
            where=str(exc.mark or ""),
            hint=exc.hint,
        )
        self.run.emit(event)


def _item(part: Part) -> ItemResult:
    assert part.outcome is not None
    diff = showable(part.outcome) if part.frame.show_diff else []
    msg = part.outcome.msg or str(part.outcome.data.get("msg") or "")
    return ItemResult(part.label, part.outcome.status, msg, diff, part.outcome.data)


def _hidden(part: Part) -> ItemResult:
    assert part.outcome is not None
    return ItemResult("(hidden)", part.outcome.status, _HIDDEN, result={"censored": _HIDDEN})
