"""Accepted deviations: a YAML list of who accepts what, where, why and for how long.

    - hosts: gpu07,build            # a host pattern
      task: "limits*"               # glob over the task's name; or `action:`, or both
      keys: [mode, content]         # globs over what differs; without it everything
      reason: vendor's test until the new firmware is there
      until: 2026-03-31             # the last day it holds
      by: alice

An entry past its day accepts nothing any more; who asks is told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from provision import yamlsource
from provision.diagnostics import did_you_mean
from provision.engine.events import TaskResult
from provision.errors import InputError, Mark, ProvisionError
from provision.yamlsource import Map, mark_of

__all__ = ["DEFAULT_FILE", "Accepted", "Deviation", "load_accepted"]

DEFAULT_FILE = "accepted-drift.yml"
_FIELDS = ("hosts", "task", "action", "keys", "reason", "until", "by")
_NEEDED = ("hosts", "reason", "until", "by")


@dataclass(frozen=True, slots=True)
class Deviation:
    """One entry. `hosts` is what its pattern stands for in the inventory."""

    hosts: frozenset[str]
    task: str
    action: str
    keys: tuple[str, ...]
    reason: str
    until: date
    by: str
    mark: Mark

    def concerns(self, result: TaskResult) -> bool:
        """Whether it speaks of this thing, whatever its day is."""
        if result.host not in self.hosts or not fnmatchcase(result.action, self.action):
            return False
        names = {result.task, result.task.rpartition(" : ")[2]}
        return any(fnmatchcase(name, self.task) for name in names)

    def covers(self, key: str, label: str = "") -> bool:
        """Whether it accepts that `key` differs, in a loop that of the item `label`."""
        words = {key, f"{label} {key}".strip(), label or key}
        return any(fnmatchcase(word, pattern) for word in words for pattern in self.keys)

    def to_json(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "by": self.by,
            "until": self.until.isoformat(),
            "where": str(self.mark),
        }


@dataclass(frozen=True, slots=True)
class Accepted:
    """All entries; `today` decides which of them still hold."""

    entries: Sequence[Deviation] = ()
    today: date = date.min

    def concerning(self, result: TaskResult) -> list[Deviation]:
        return [e for e in self.entries if e.until >= self.today and e.concerns(result)]

    def expired(self, result: TaskResult, keys: Iterable[tuple[str, str]]) -> list[Deviation]:
        """Entries that would have accepted one of these (key, label), had they not ended."""
        over = [e for e in self.entries if e.until < self.today and e.concerns(result)]
        known = list(keys)
        return [e for e in over if not known or any(e.covers(*key) for key in known)]


def load_accepted(
    path: Path, select: Callable[[str], Iterable[str]], *, today: date | None = None
) -> Accepted:
    """Reads a file of accepted deviations. `select` gives the hosts of a pattern.

    Raises InputError with the place of the mistake.
    """
    found = yamlsource.load_file(path)
    if found is None:
        found = []
    if not isinstance(found, list):
        raise InputError(
            "accepted deviations are a list", mark=mark_of(found) or Mark(str(path), 1, 1)
        )
    entries = [_entry(one, found, index, select) for index, one in enumerate(found)]
    return Accepted(tuple(entries), today or date.today())  # noqa: DTZ011 - the user's own day


def _entry(given: Any, owner: Any, index: int, select: Callable[[str], Iterable[str]]) -> Deviation:
    mark = mark_of(given) or mark_of(owner, index) or Mark("")
    if not isinstance(given, Map):
        raise InputError("an accepted deviation is a mapping", mark=mark)
    for key in given:
        if key not in _FIELDS:
            raise InputError(
                f"an accepted deviation has no {key!r}",
                mark=mark_of(key) or mark,
                hint=did_you_mean(str(key), _FIELDS),
            )
    for key in _NEEDED:
        if given.get(key) in (None, ""):
            raise InputError(f"an accepted deviation needs {key!r}", mark=mark)
    if not given.get("task") and not given.get("action"):
        raise InputError(
            "an accepted deviation names a task or an action",
            mark=mark,
            hint='task: "*" means all of them',
        )
    return Deviation(
        hosts=_hosts(given, mark, select),
        task=_text(given, "task", mark) or "*",
        action=_text(given, "action", mark) or "*",
        keys=_keys(given, mark),
        reason=_text(given, "reason", mark),
        until=_day(given, mark),
        by=_text(given, "by", mark),
        mark=mark,
    )


def _text(given: Mapping[str, Any], key: str, mark: Mark) -> str:
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{key!r} is a text", mark=mark_of(given, key) or mark)
    return str(value)


def _hosts(
    given: Mapping[str, Any], mark: Mark, select: Callable[[str], Iterable[str]]
) -> frozenset[str]:
    pattern = given["hosts"]
    if isinstance(pattern, list):
        pattern = ",".join(map(str, pattern))
    if not isinstance(pattern, str):
        raise InputError("'hosts' is a host pattern", mark=mark_of(given, "hosts") or mark)
    try:
        return frozenset(select(pattern))
    except ProvisionError as exc:
        place = mark_of(given["hosts"]) or mark
        raise InputError(exc.what, mark=place, why=exc.why, hint=exc.hint) from exc


def _keys(given: Mapping[str, Any], mark: Mark) -> tuple[str, ...]:
    value = given.get("keys")
    if value is None:
        return ("*",)
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(part, str) for part in listed):
        place = mark_of(given, "keys") or mark
        raise InputError("'keys' is a glob or a list of globs", mark=place)
    return tuple(map(str, listed))


def _day(given: Mapping[str, Any], mark: Mark) -> date:
    value = given["until"]
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InputError(
            f"'until' is a day, not {value!r}",
            mark=mark_of(given, "until") or mark,
            hint="write 2026-03-31",
        ) from None
