"""Finds the line and column of something in a template, in the file that the text came from."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType

from jinja2 import Template

from provision.errors import Mark

__all__ = ["in_file", "in_text", "template_line"]


def _pattern(needle: str) -> re.Pattern[str]:
    before = r"(?<![\w.])" if needle[:1].isidentifier() else ""
    after = r"(?!\w)" if needle[-1:].isidentifier() else ""
    return re.compile(before + re.escape(needle) + after)


def _search(needle: str, line: str, start: int = 0) -> int:
    """The index of `needle` as a word, then as the end of a dotted name; -1 when not there."""
    found = _pattern(needle).search(line, start)
    if found:
        return found.start()
    return line.find(needle, start)


def in_text(text: str, needle: str, line: int = 0) -> tuple[int, int] | None:
    """Line and column, from 1, of `needle` in `text`; only on `line` when that is given."""
    lines = text.split("\n")
    for number in [line] if 0 < line <= len(lines) else range(1, len(lines) + 1):
        column = _search(needle, lines[number - 1]) if needle else -1
        if column >= 0:
            return number, column + 1
    return None


def in_file(mark: Mark | None, source: str, needle: str, line: int = 0) -> Mark | None:
    """The place of `needle` in the YAML scalar `source` that begins at `mark`.

    `line` is where the needle stands in `source`, counted from 1, or 0. When the file cannot
    be read or does not show it, the answer is the scalar's own place.
    """
    if mark is None or not mark.line or not needle:
        return mark
    try:
        lines = Path(mark.file).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return mark
    first = mark.line - 1
    if first >= len(lines):
        return mark
    block = lines[first][mark.column - 1 : mark.column] in ("|", ">")
    expected = first + int(block) + max(line - 1, 0)
    # A folded or quoted scalar may take more lines in the file than in its value.
    last = min(len(lines), first + source.count("\n") + 2 + len(source) // 40)
    for number in sorted(range(first, last), key=lambda at: (abs(at - expected), at)):
        start = mark.column - 1 if number == first else 0
        column = _search(needle, lines[number], start)
        if column >= 0:
            return Mark(mark.file, number + 1, column + 1)
    return mark


def template_line(trace: TracebackType | None) -> tuple[Template, int] | None:
    """The innermost template and its line on the way to an exception."""
    found = None
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = template, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return found
