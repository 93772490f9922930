"""One task's result as lines: a head, and what stands under its rail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.engine.events import TaskResult
from provision.reports.diffs import difference_lines, plain_value
from provision.reports.style import Line, Span, Symbols
from provision.reports.text import clean, counted, pad, seconds
from provision.reports.things import differing, impersonal

__all__ = ["QUIET", "ResultView"]

QUIET = frozenset({"ok", "skipped"})
_BAD = frozenset({"failed", "unreachable"})
_TAIL = 12  # lines of a failed program's output
_INLINE = 100  # a message longer than this goes under the head
_NAMED = 4  # drifted things named in the head
_SLOW_S = 1.0  # a task's duration is worth a word from here on
_DERIVED = frozenset({"stdout_lines", "stderr_lines", "start", "end", "delta"})


@dataclass(frozen=True, slots=True)
class ResultView:
    """How results are told. `mode` is apply, plan or drift; `check`: nothing is touched."""

    symbols: Symbols
    mode: str = "apply"
    check: bool = False
    verbosity: int = 0
    diff: bool = True

    def shown(self, result: TaskResult) -> bool:
        """Whether the result is worth a line at all."""
        if result.status not in QUIET or self.verbosity > 0:
            return True
        return result.action == "debug" and result.status == "ok"

    def identity(self, result: TaskResult) -> object:
        """Two results with the same one are told as one. Durations may differ."""
        msg, hint = result.msg, result.hint
        if result.status == "unreachable":
            msg, hint = impersonal(msg, result.host), ""
        said: list[object] = [result.task, result.status, msg, hint, result.ignored]
        said += [result.delegated_to, result.attempts, result.traceback]
        if self.diff or self.mode == "drift":
            said += [result.diff, result.items]
        if result.status in _BAD:
            said += [result.where, *(result.data.get(key) for key in ("rc", "stderr", "stdout"))]
        if self.verbosity > 1:
            said.append({k: v for k, v in result.data.items() if k not in _DERIVED})
        return hash(repr(said))

    # -- head -------------------------------------------------------------------------

    def head(self, hosts: str, width: int, result: TaskResult, duration_s: float) -> Line:
        """`~ gpu[01-03]  limits file  changed in 4.0 s`. `duration_s` is the longest one."""
        style = result.status
        title = clean(result.task or result.action or result.play)
        spans = [
            Span(self.symbols.signs[result.status], style),
            Span(f" {pad(hosts, width)}  {title}"),
        ]
        if result.action and title.rpartition(".")[2] == result.action:
            spans.append(Span(f" {clean(_short_place(result.place))}".rstrip(), "dim"))
        if result.delegated_to:
            spans.append(Span(f" {self.symbols.arrow} {clean(result.delegated_to)}"))
        if result.handler:
            spans.append(Span(" (handler)", "dim"))
        word = self._word(result, duration_s)
        if word:
            spans.append(Span(f"  {word}", style))
        inline = self._inline(result)
        if inline:
            spans += [Span("  " if not word else ": ", style), Span(inline)]
        return tuple(spans)

    def _word(self, result: TaskResult, duration_s: float) -> str:
        word = self._status_word(result)
        if not word:
            return ""
        if result.items and result.status not in QUIET and self.mode != "drift":
            hit = sum(item.status == result.status for item in result.items)
            word += f", {hit} of {counted(len(result.items), 'item')}"
        if result.attempts > 1:
            word += f" after {result.attempts} attempts"
        if duration_s >= _SLOW_S or self.verbosity > 2:
            word += f" in {seconds(duration_s)}" if duration_s >= 0.05 else " at once"
        return word

    def _status_word(self, result: TaskResult) -> str:
        if result.action == "debug" and result.status == "ok":
            return ""
        if result.status == "changed":
            if self.mode == "drift":
                names = [clean(name) for name in differing(result)]
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                return "drifted: " + ", ".join(names[:_NAMED]) + more
            return "would change" if self.check or self.mode == "plan" else "changed"
        return result.status + (", ignored" if result.ignored else "")

    def _inline(self, result: TaskResult) -> str:
        """A message that fits behind the word."""
        if not self._says(result) or result.status in _BAD or "\n" in result.msg.rstrip("\n"):
            return ""
        text = clean(result.msg.rstrip("\n"))
        return text if len(text) <= _INLINE else ""

    def _says(self, result: TaskResult) -> bool:
        if self.mode == "drift" and result.status == "changed":
            return False  # the message has been said, or the things have
        if not result.msg:
            return False
        return result.status != "ok" or result.action == "debug" or self.verbosity > 0

    # -- what stands under it ---------------------------------------------------------

    def body(self, result: TaskResult) -> list[Line]:
        """Lines under the rail."""
        lines: list[Line] = []
        if result.status in _BAD:
            lines += self._failure(result)
        elif self._says(result) and not self._inline(result):
            lines += _texts(result.msg)
        if result.hint and result.status == "changed":
            lines += _labelled("hint", result.hint.split("\n"))
        if result.status not in QUIET:
            lines += self._items(result)
            if self.diff:
                lines += difference_lines(result.diff, self.symbols)
        elif result.items and self.verbosity > 1:
            lines += [(Span(f"[{clean(i.label)}] {i.status}"),) for i in result.items]
        if self.verbosity > 1:
            returned = list(_data(result.data, result.status in _BAD))
            if lines and returned:
                lines.append((Span("returned:", "dim"),))
                returned = [(Span("  "), *line) for line in returned]
            lines += returned
        return lines

    def _failure(self, result: TaskResult) -> Iterator[Line]:
        msg = result.msg.rstrip("\n")
        rc = result.data.get("rc")
        if isinstance(rc, int) and rc and str(rc) not in msg:
            msg += f" (rc {rc})"
        yield from _texts(msg)
        for name in ("stderr", "stdout"):
            yield from self._output(name, str(result.data.get(name) or ""))
        if result.where:
            yield (Span(f"--> {clean(result.where)}", "dim"),)
        if result.hint:
            yield from _labelled("hint", result.hint.split("\n"))
        yield from _texts(result.traceback)

    def _output(self, name: str, text: str) -> Iterator[Line]:
        every = text.strip("\n").split("\n") if text.strip() else []
        last = every if self.verbosity > 0 else every[-_TAIL:]
        if len(last) < len(every):
            yield (Span(f"{name}, the last {len(last)} of {len(every)} lines:", "dim"),)
            yield from ((Span(f"  {clean(line)}"),) for line in last)
        elif last:
            yield from _labelled(name, last)

    def _items(self, result: TaskResult) -> Iterator[Line]:
        for item in result.items:
            if item.status in QUIET and self.verbosity < 2:
                continue
            head = f"[{clean(item.label)}]"
            below = list(difference_lines(item.diff, self.symbols)) if self.diff else []
            if item.status not in ("changed", *QUIET) or (not below and not item.msg):
                head += f" {item.status}"
            first, *rest = clean_lines(item.msg) or [""]
            if first:
                head += f": {first}" if not head.endswith("]") else f" {first}"
            if len(below) == 1 and not item.msg:
                yield (Span(f"{head} "), *below[0])
                continue
            yield (Span(head),)
            yield from ((Span(f"  {line}"),) for line in rest)
            yield from ((Span("  "), *line) for line in below)


def _short_place(place: str) -> str:
    """`site.yml:12` of `playbooks/site.yml:12:7`: where a task without a name stands."""
    file, _, rest = place.rpartition("/")[2].partition(":")
    return f"{file}:{rest.partition(':')[0]}" if rest else file


def clean_lines(text: str) -> list[str]:
    return [clean(line) for line in text.rstrip("\n").split("\n")] if text.strip() else []


def _texts(text: str) -> Iterator[Line]:
    return ((Span(line),) for line in clean_lines(text))


def _labelled(label: str, lines: list[str]) -> Iterator[Line]:
    indent = " " * (len(label) + 2)
    for index, line in enumerate(lines):
        lead = Span(f"{label}: ", "dim") if index == 0 else Span(indent)
        yield (lead, Span(clean(line)))


def _data(data: Mapping[str, Any], failed: bool) -> Iterator[Line]:
    """What `register` keeps, one value a line."""
    told = {"rc", "stdout", "stderr", "msg"} if failed else {"msg"}
    for key, value in data.items():
        if key in _DERIVED or key in told:
            continue
        if isinstance(value, Mapping | list | tuple) and value:
            text = json.dumps(value, ensure_ascii=False, default=str)
        else:
            text = plain_value(value)
        yield from _labelled(clean(str(key)), text.rstrip("\n").split("\n"))
