"""Renders an error for a person: message, place, source line with a caret, hint.

Plain text only; whoever prints it may add colour. The layout is stable and tested:

    error: unknown action 'tempalte'
      --> site.yml:7:7
       |
     7 |       tempalte: {src: a.j2, dest: /etc/a}
       |       ^^^^^^^^
      why: ...
      hint: did you mean 'template'?
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from provision.errors import HostError, Mark, ProvisionError

__all__ = ["did_you_mean", "render_error", "source_excerpt"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def _source_line(mark: Mark) -> str | None:
    try:
        with Path(mark.file).open(encoding="utf-8", errors="replace") as stream:
            for number, line in enumerate(stream, 1):
                if number == mark.line:
                    return line.rstrip("\n")
    except OSError:
        return None
    return None


def _word_width(line: str, column: int) -> int:
    rest = line[column - 1 :]
    width = 0
    for char in rest:
        if char in " :,\t{}[]" and width:
            break
        width += 1
    return max(width, 1)


def source_excerpt(mark: Mark, note: str = "") -> list[str]:
    """The lines that show `mark` in its file; only the arrow line when it cannot be read."""
    lines = [f"  --> {mark}" + (f" ({note})" if note and not mark.line else "")]
    text = _source_line(mark) if mark.line else None
    if text is None:
        return lines
    number = str(mark.line)
    pad = " " * len(number)
    shown = text.replace("\t", " ")
    caret = " " * (mark.column - 1) + "^" * _word_width(shown, mark.column)
    lines += [
        f" {pad} |",
        f" {number} | {shown}",
        f" {pad} | {caret}" + (f" {note}" if note else ""),
    ]
    return lines


def _indented(label: str, text: str) -> list[str]:
    first, *rest = text.rstrip("\n").split("\n")
    return [f"  {label}: {first}", *(f"  {' ' * len(label)}  {line}" for line in rest)]


def render_error(error: ProvisionError) -> str:
    """The whole report of `error`, without a trailing newline."""
    host = f"{error.host}: " if isinstance(error, HostError) and error.host else ""
    lines = [f"error: {host}{error.what}"]
    if error.mark:
        lines += source_excerpt(error.mark)
    for mark, note in error.related:
        lines += source_excerpt(mark, note)
    if error.why:
        lines += _indented("why", error.why)
    if error.hint:
        lines += _indented("hint", error.hint)
    return "\n".join(lines)
