"""Differences as lines: `key: old → new` where that is short, else a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from provision.reports.style import Line, Span, Symbols
from provision.reports.text import clean

__all__ = ["difference_lines", "plain_value", "unified"]

_LONG = 72  # a value longer than this, or of several lines, becomes a unified diff
_CONTEXT = 3
_HARD = 4000  # changed lines beyond which the comparison itself would take seconds
_NO_NEWLINE = " (no newline at the end)"

_Opcode = tuple[str, int, int, int, int]


def plain_value(value: Any) -> str:
    """A value in one text, as people write it."""
    if value is None:
        return "(absent)"
    if value == "":
        return '""'
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain_value, value)) or "[]"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={plain_value(part)}" for key, part in value.items()) or "{}"
    return str(value)


def difference_lines(diff: Iterable[Mapping[str, Any]], symbols: Symbols) -> Iterator[Line]:
    """All lines that show a diff."""
    for entry in diff:
        key = clean(str(entry.get("key", "")))
        before, after = entry.get("before"), entry.get("after")
        if before == after:  # a secret: that it differs is all that may be known
            yield (Span(f"{key}: {clean(plain_value(after))}"),)
            continue
        old, new = plain_value(before), plain_value(after)
        if _is_short(old, new, before, after):
            yield (
                Span(f"{key}: "),
                Span(clean(old.removesuffix("\n")), "removed"),
                Span(f" {symbols.arrow} "),
                Span(clean(new.removesuffix("\n")), "added"),
            )
            continue
        yield (Span(f"{key}:"),)
        for text in unified(_lines(before, after), _lines(after, before)):
            yield (Span(clean(text), _STYLES.get(text[:1], "")),)


_STYLES = {"+": "added", "-": "removed", "@": "dim"}


def _is_short(old: str, new: str, before: Any, after: Any) -> bool:
    if old.endswith("\n") != new.endswith("\n") and None not in (before, after):
        return False  # that the newline is gone must be seen
    texts = [old.removesuffix("\n"), new.removesuffix("\n")]
    return all("\n" not in text and len(text) <= _LONG for text in texts)


def _lines(value: Any, other: Any) -> list[str]:
    """What a unified diff compares: lines of a text, items of a list, pairs of a mapping."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [plain_value(part) for part in value]
    if isinstance(value, Mapping):
        return [f"{key}: {plain_value(part)}" for key, part in value.items()]
    text = str(value)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    elif isinstance(other, str) and other.endswith("\n"):
        lines[-1] += _NO_NEWLINE
    return lines


def unified(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """A unified diff without the two lines of file names."""
    if not old or not new:  # made or removed: nothing to compare
        sign, lines = ("+", new) if new else ("-", old)
        yield from (sign + line for line in lines)
        return
    matcher = difflib.SequenceMatcher(None, "", "")
    matcher.opcodes = _opcodes(old, new)  # type: ignore[attr-defined]
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from (" " + line for line in old[old_from:old_to])
                continue
            for sign, lines in (("-", old[old_from:old_to]), ("+", new[new_from:new_to])):
                yield from (sign + line for line in lines)


def _opcodes(old: Sequence[str], new: Sequence[str]) -> list[_Opcode]:
    """What difflib would say; the same ends are cut off first, which makes long files cheap."""
    shortest = min(len(old), len(new))
    head = 0
    while head < shortest and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shortest - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_end, new_end = len(old) - tail, len(new) - tail
    codes: list[_Opcode] = [("equal", 0, head, 0, head)] if head else []
    if old_end - head + new_end - head > _HARD:
        codes.append(("replace", head, old_end, head, new_end))
    else:
        middle = difflib.SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=False)
        codes += [
            (tag, a + head, b + head, c + head, d + head)
            for tag, a, b, c, d in middle.get_opcodes()
        ]
    if tail:
        codes.append(("equal", old_end, len(old), new_end, len(new)))
    return codes


def _span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
