"""Text for people: one line a host and task that says something, diffs under it, totals."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from provision.engine.events import (
    Event,
    Notice,
    PlayStarted,
    RunStarted,
    Summary,
    TaskResult,
)

__all__ = ["Console", "diff_lines"]

_SIGN = {
    "ok": "·",
    "changed": "~",
    "failed": "✗",
    "skipped": "-",
    "unreachable": "!",
    "unknown": "?",
}
_COLOUR = {
    "ok": "32",
    "changed": "33",
    "failed": "31",
    "skipped": "36",
    "unreachable": "35",
    "unknown": "34",
}
_QUIET = frozenset({"ok", "skipped"})
_LONG = 72  # a value longer than this, or of several lines, becomes a unified diff
_CONTEXT = 3


def _text(value: Any) -> str:
    if value is None:
        return "(absent)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_text(part)}" for key, part in value.items())
    return str(value)


def diff_lines(diff: list[dict[str, Any]]) -> Iterator[str]:
    """The lines that show a diff: `key: old → new`, or a unified diff when that is long."""
    for entry in diff:
        key = str(entry.get("key", ""))
        before, after = entry.get("before"), entry.get("after")
        old, new = _text(before), _text(after)
        long = any("\n" in text or len(text) > _LONG for text in (old, new))
        if not long:
            yield f"{key}: {old} → {new}"
            continue
        yield f"{key}:"
        left = [] if before is None else old.splitlines()
        right = [] if after is None else new.splitlines()
        changes = difflib.unified_diff(left, right, "before", "after", n=_CONTEXT, lineterm="")
        yield from list(changes)[2:]


class Console:
    """Renders events to a stream.

    verbosity 0 shows what changed, failed or is unknown; 1 also what is in sync.
    """

    def __init__(
        self, stream: TextIO, *, colour: bool = False, verbosity: int = 0, diff: bool = True
    ) -> None:
        self.stream = stream
        self.colour = colour
        self.verbosity = verbosity
        self.diff = diff
        self.mode = "apply"
        self._width = 8

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def _line(self, text: str = "") -> None:
        self.stream.write(text + "\n")

    def __call__(self, event: Event) -> None:
        if isinstance(event, TaskResult):
            self._task(event)
        elif isinstance(event, PlayStarted):
            title = event.play or "play"
            self._line(self._paint(f"▸ {title}", "1") + f"  ({len(event.hosts)} hosts)")
        elif isinstance(event, RunStarted):
            self.mode = event.mode
            self._width = max([8, *(len(host) for host in event.hosts)])
        elif isinstance(event, Notice):
            where = f"{event.host}: " if event.host else ""
            self._line(f"{self._paint(event.level, '33')}: {where}{event.msg}")
        elif isinstance(event, Summary):
            self._summary(event)
        self.stream.flush()

    def _shown(self, event: TaskResult) -> bool:
        if event.action == "debug" and event.status == "ok":
            return True
        return event.status not in _QUIET or self.verbosity > 0

    def _task(self, event: TaskResult) -> None:
        if not self._shown(event):
            return
        code = _COLOUR[event.status]
        rail = self._paint("│", code)
        sign = self._paint(_SIGN[event.status], code)
        host = event.host.ljust(self._width)
        word = self._word(event)
        line = f"{rail} {sign} {host}  {event.task or event.action}"
        self._line(f"{line}  {self._paint(word, code)}" if word else line)
        for text in self._below(event):
            self._line(f"{rail}     {text}")

    def _word(self, event: TaskResult) -> str:
        words = {"changed": "changed" if self.mode == "apply" else "would change"}
        if self.mode == "drift":
            words["changed"] = "drifted"
        word = words.get(event.status, event.status)
        if event.ignored:
            word += " (ignored)"
        return "" if event.action == "debug" and event.status == "ok" else word

    def _below(self, event: TaskResult) -> Iterator[str]:
        if event.msg and (event.status != "ok" or event.action == "debug" or self.verbosity):
            yield from event.msg.rstrip("\n").split("\n")
        if event.status in ("failed", "unreachable"):
            for name in ("stderr", "stdout"):
                text = str(event.data.get(name) or "").strip()
                for line in text.split("\n")[-12:] if text else ():
                    yield f"{name}: {line}"
            if event.where:
                yield self._paint(f"--> {event.where}", "2")
            if event.hint:
                yield f"hint: {event.hint}"
            if event.traceback:
                yield from event.traceback.split("\n")
        if self.diff and event.status not in _QUIET:
            yield from self._diffs(event)

    def _diffs(self, event: TaskResult) -> Iterator[str]:
        for line in diff_lines(event.diff):
            yield self._diff_colour(line)
        for item in event.items:
            if item.status in _QUIET:
                continue
            note = f": {item.msg}" if item.msg else ""
            yield f"[{item.label}] {item.status}{note}"
            for line in diff_lines(item.diff):
                yield "  " + self._diff_colour(line)

    def _diff_colour(self, line: str) -> str:
        if line.startswith("+"):
            return self._paint(line, "32")
        if line.startswith("-"):
            return self._paint(line, "31")
        return line

    def _summary(self, event: Summary) -> None:
        self._line()
        words = ("ok", "changed", "unknown", "skipped", "failed", "unreachable")
        shown = [w for w in words if any(c.get(w) for c in event.hosts.values())] or ["ok"]
        for host, counts in sorted(event.hosts.items()):
            cells = []
            for word in shown:
                count = counts.get(word, 0)
                cell = f"{word} {count}"
                cells.append(self._paint(cell, _COLOUR[word]) if count else cell)
            self._line(f"{host.ljust(self._width)}  " + "  ".join(cells))
        total = {w: sum(c.get(w, 0) for c in event.hosts.values()) for w in words}
        parts = ", ".join(f"{count} {word}" for word, count in total.items() if count)
        self._line(
            f"{len(event.hosts)} hosts in {event.duration_s:.1f} s: {parts or 'nothing to do'}"
        )
