"""From a result of a drift run to a verdict on one thing of one host.

A *thing* is what one task describes on one host; its *keys* are what differs of it.
"""

from __future__ import annotations

from enum import StrEnum

from provision.engine.events import TaskResult

__all__ = ["Verdict", "describes_state", "exit_code", "keys_of", "verdict_of"]


class Verdict(StrEnum):
    """`NONE` is for tasks that describe nothing on a host, and for those that do not apply."""

    NONE = ""
    IN_SYNC = "in sync"
    DRIFTED = "drifted"
    ACCEPTED = "accepted"
    FOLLOWS = "follows"  # a handler: it only runs because something else has drifted
    UNKNOWN = "unknown"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


#: Actions that look, compute or steer: when they end well, nothing is in sync because of it.
_STATELESS_WORDS = """
add_host assert async_status command debug fail fetch find gather_facts getent group_by
import_role import_tasks include_role include_tasks include_vars meta package_facts pause ping raw
reboot script service_facts set_fact set_stats setup shell slurp stat tempfile uri
validate_argument_spec wait_for wait_for_connection
"""
_STATELESS = frozenset(_STATELESS_WORDS.split())
_PLAIN = {
    "changed": Verdict.DRIFTED,
    "failed": Verdict.FAILED,
    "ok": Verdict.IN_SYNC,
    "skipped": Verdict.NONE,
    "unknown": Verdict.UNKNOWN,
    "unreachable": Verdict.UNREACHABLE,
}


def describes_state(action: str) -> bool:
    """Whether a task with this action says how something on a host has to be."""
    return action.rpartition(".")[2] not in _STATELESS


def verdict_of(result: TaskResult) -> Verdict:
    """The verdict without regard to what was accepted."""
    if result.ignored:
        return Verdict.UNKNOWN
    verdict = _PLAIN[result.status]
    if result.handler and verdict in (Verdict.DRIFTED, Verdict.UNKNOWN, Verdict.IN_SYNC):
        return Verdict.FOLLOWS
    if verdict is Verdict.IN_SYNC and not describes_state(result.action):
        return Verdict.NONE
    return verdict


def keys_of(result: TaskResult) -> tuple[str, ...]:
    """What differs of a thing: keys of its diff, behind the item's label in a loop."""
    if not result.items:
        return tuple(dict.fromkeys(str(entry.get("key", "")) for entry in result.diff))
    found: dict[str, None] = {}
    for item in result.items:
        if item.status != "changed":
            continue
        keys = [str(entry.get("key", "")) for entry in item.diff]
        found.update(dict.fromkeys([f"{item.label} {key}" for key in keys] or [item.label]))
    return tuple(found)


def exit_code(engine: int, drifted: int) -> int:
    """What a drift run ends with: the engine's own word for failures, unreachable hosts and
    interruptions, else 3 when anything has drifted that nobody has accepted."""
    if engine not in (0, 3):
        return engine
    return 3 if drifted else 0
