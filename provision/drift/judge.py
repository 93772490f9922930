"""Stands between a drift run and its reports: adds verdicts, takes out what was accepted.

What reports see is what they would see had nobody accepted anything, less that: an accepted
thing is `skipped` with the reason as its message, and counts and exit code agree with it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from provision.drift.accepted import Accepted, Deviation
from provision.drift.classify import Verdict, exit_code, verdict_of
from provision.engine.events import (
    Event,
    HostDone,
    ItemResult,
    Notice,
    Sink,
    Summary,
    TaskResult,
)

__all__ = ["Judge"]

Diff = list[dict[str, Any]]


class Judge:
    """A sink that passes on to `sinks`. `drifted` are the results that nobody has accepted,
    `exit_code` what the run ends with."""

    internal = True

    def __init__(self, sinks: Sequence[Sink], accepted: Accepted | None = None) -> None:
        self.sinks = list(sinks)
        self.accepted = accepted or Accepted()
        self.drifted: list[TaskResult] = []
        self.exit_code = 0
        self._moved: dict[str, int] = {}  # by host: counted as changed, now as skipped

    def __call__(self, event: Event) -> None:
        if isinstance(event, TaskResult):
            for told in self._judged(event):
                self._pass(told)
            return
        if isinstance(event, HostDone):
            counts = self._recounted(event.host, event.counts)
            event = dataclasses.replace(event, counts=counts)
        elif isinstance(event, Summary):
            hosts = {host: self._recounted(host, told) for host, told in event.hosts.items()}
            self.exit_code = exit_code(event.exit_code, len(self.drifted))
            event = dataclasses.replace(event, hosts=hosts, exit_code=self.exit_code)
        self._pass(event)

    def _pass(self, event: Event) -> None:
        for sink in self.sinks:
            if not event.internal or getattr(sink, "internal", False):
                sink(event)

    def close(self) -> None:
        """Closes every sink, then raises the first of their errors."""
        errors: list[Exception] = []
        for sink in self.sinks:
            close = getattr(sink, "close", None)
            if close is not None:
                try:
                    close()
                except Exception as exc:
                    errors.append(exc)
        if errors:
            raise errors[0]

    # -- verdicts ---------------------------------------------------------------------

    def _judged(self, result: TaskResult) -> list[Event]:
        verdict = verdict_of(result)
        if verdict is Verdict.DRIFTED:
            return self._drifted(result)
        if verdict is Verdict.FOLLOWS and result.status == "changed":
            self._move(result.host)
            text = "would run because of what has drifted"
            return [self._quiet(result, verdict, text)]
        return [dataclasses.replace(result, verdict=str(verdict))]

    def _move(self, host: str) -> None:
        self._moved[host] = self._moved.get(host, 0) + 1

    def _recounted(self, host: str, counts: dict[str, int]) -> dict[str, int]:
        moved = self._moved.get(host, 0)
        if not moved:
            return counts
        told = Counter(counts)
        told["changed"] -= moved
        told["skipped"] += moved
        return dict(told)

    def _quiet(self, result: TaskResult, verdict: Verdict, msg: str, **more: Any) -> TaskResult:
        return dataclasses.replace(
            result, verdict=str(verdict), status="skipped", msg=msg, diff=[], items=[], **more
        )

    def _drifted(self, result: TaskResult) -> list[Event]:
        told: list[Event] = []
        keys = list(_keys(result))
        for entry in self.accepted.expired(result, keys):
            told.append(self._note(entry, result))
            result = dataclasses.replace(result, hint=_was_accepted(entry))
        entries = self.accepted.concerning(result)
        if entries and not keys:  # nothing is known of it but that it differs
            entries = [entry for entry in entries if entry.covers("")]
            taken = {id(entry): list[dict[str, Any]]() for entry in entries[:1]}
            rest = None if entries else result
        else:
            taken, rest = _divide(result, entries)
        accepted = [
            {**entry.to_json(), "keys": [e["key"] for e in taken[id(entry)]],
             "diff": taken[id(entry)]}
            for entry in entries if id(entry) in taken
        ]  # fmt: skip
        if rest is None:
            self._move(result.host)
            first = next(entry for entry in entries if id(entry) in taken)
            msg = f"accepted until {first.until} by {first.by}: {first.reason}"
            return [*told, self._quiet(result, Verdict.ACCEPTED, msg, accepted=accepted)]
        rest = dataclasses.replace(rest, verdict=str(Verdict.DRIFTED), accepted=accepted)
        self.drifted.append(rest)
        return [*told, rest]

    def _note(self, entry: Deviation, result: TaskResult) -> Notice:
        text = f"{result.task}: {_was_accepted(entry)}"
        return Notice("warning", text, result.host)


def _was_accepted(entry: Deviation) -> str:
    return (
        f"was accepted until {entry.until} by {entry.by} ({entry.reason}); that is over: "
        f"renew it in {entry.mark}, or put it right"
    )


def _keys(result: TaskResult) -> list[tuple[str, str]]:
    """(key, label of the item) of everything that differs."""
    if not result.items:
        return [(str(entry.get("key", "")), "") for entry in result.diff]
    return [
        (str(entry.get("key", "")), item.label)
        for item in result.items
        if item.status == "changed"
        for entry in (item.diff or [{"key": ""}])
    ]


def _divide(
    result: TaskResult, entries: Sequence[Deviation]
) -> tuple[dict[int, Diff], TaskResult | None]:
    """What each entry takes of a result's diff, and what is left of it; None for nothing."""
    taken: dict[int, Diff] = {}

    def left(diff: Diff, label: str = "") -> Diff:
        kept = []
        for one in diff:
            key = str(one.get("key", ""))
            owner = next((entry for entry in entries if entry.covers(key, label)), None)
            if owner is None:
                kept.append(one)
            else:
                named = {**one, "key": f"{label} {key}".strip()} if label else one
                taken.setdefault(id(owner), []).append(named)
        return kept

    if not entries:
        return {}, result
    if not result.items:
        diff = left(result.diff)
        return taken, dataclasses.replace(result, diff=diff) if diff else None
    items: list[ItemResult] = []
    for item in result.items:
        if item.status != "changed":
            items.append(item)
            continue
        diff = left(item.diff or [{"key": ""}], item.label)
        status = "changed" if diff else "skipped"
        items.append(dataclasses.replace(item, diff=diff if item.diff else [], status=status))
    if not any(item.status == "changed" for item in items):
        return taken, None
    return taken, dataclasses.replace(result, items=items)
