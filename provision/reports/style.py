"""Symbols and colours: UTF-8 where the stream can carry it, ASCII elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from provision.reports.text import cells, wrapped

__all__ = ["ASCII", "SIGNS", "Line", "Palette", "Span", "Symbols", "symbols_for", "wrap_line"]


@dataclass(frozen=True, slots=True)
class Symbols:
    """What is drawn. `bar` is full, half, empty."""

    signs: Mapping[str, str]
    rail: str
    arrow: str
    play: str
    more: str
    dot: str
    bar: tuple[str, str, str]
    spinner: str

    @property
    def every(self) -> str:
        drawn = (self.rail, self.arrow, self.play, self.more, self.dot, self.spinner)
        return "".join((*self.signs.values(), *drawn, *self.bar))


SIGNS = Symbols(
    signs={
        "ok": "·",
        "changed": "~",
        "failed": "✗",
        "skipped": "-",
        "unreachable": "!",
        "unknown": "?",
    },
    rail="│",
    arrow="→",
    play="▸",
    more="…",
    dot="·",
    bar=("━", "╸", "─"),
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
)

ASCII = Symbols(
    signs={
        "ok": ".",
        "changed": "~",
        "failed": "x",
        "skipped": "-",
        "unreachable": "!",
        "unknown": "?",
    },
    rail="|",
    arrow="->",
    play=">",
    more="...",
    dot="-",
    bar=("#", "#", "."),
    spinner="|/-\\",
)


def symbols_for(stream: TextIO) -> Symbols:
    """The symbols that the stream's encoding can carry."""
    try:
        SIGNS.every.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return SIGNS


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    style: str = ""


#: One line of output, in pieces of one style each.
Line = tuple[Span, ...]

#: The sixteen colours that every terminal's theme sets for itself.
_CODES = {
    "ok": "32",
    "changed": "33",
    "failed": "31",
    "skipped": "36",
    "unreachable": "35",
    "unknown": "34",
    "warning": "33",
    "error": "31",
    "added": "32",
    "removed": "31",
    "bold": "1",
    "dim": "2",
}


def wrap_line(line: Line, width: int) -> list[Line]:
    """The line in pieces of at most `width` columns, each with its own styles."""
    text = "".join(span.text for span in line)
    if cells(text) <= width:
        return [line]
    lines: list[Line] = []
    rest = list(line)
    for piece in wrapped(text, width):
        taken: list[Span] = []
        room = len(piece)
        while room and rest:
            span = rest.pop(0)
            if len(span.text) > room:
                rest.insert(0, Span(span.text[room:], span.style))
                span = Span(span.text[:room], span.style)
            room -= len(span.text)
            taken.append(span)
        lines.append(tuple(taken))
    return lines


class Palette:
    """Puts lines into text, with colour or without."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def paint(self, line: Line) -> str:
        if not self.colour:
            return "".join(span.text for span in line).rstrip()
        return "".join(
            f"\x1b[{_CODES[span.style]}m{span.text}\x1b[0m" if span.style else span.text
            for span in line
        )
