"""Text that is safe to print: no control characters, known width, numbers for people."""

from __future__ import annotations

import re
import unicodedata

__all__ = [
    "amount",
    "cells",
    "clean",
    "clock",
    "counted",
    "cut",
    "pad",
    "seconds",
    "wrapped",
]

# What a host sends must not move the cursor, ring, retitle a window or reorder a line.
_CONTROL = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[mK]")
_NAMED = {"\n": "\\n", "\r": "\\r"}
_TAB = 8


def clean(text: str) -> str:
    """One line without control characters: colours are dropped, the rest is shown escaped.
    Tabs become spaces."""
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if text.isascii() and text.isprintable():
        return text
    if "\t" in text:
        text = text.expandtabs(_TAB)
    return _CONTROL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    code = ord(char)
    return _NAMED.get(char) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _cell(char: str) -> int:
    if unicodedata.combining(char) or char in "\u200b\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cells(text: str) -> int:
    """Columns that cleaned text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def cut(text: str, width: int, mark: str = "…") -> str:
    """At most `width` columns; `mark` stands for what was left out."""
    if cells(text) <= width:
        return text
    room = width - cells(mark)
    if room <= 0:
        return mark[: max(width, 0)]
    return _head(text, room).rstrip() + mark


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    used = 0
    for index, char in enumerate(text):
        used += _cell(char)
        if used > width:
            return text[:index]
    return text


def wrapped(text: str, width: int) -> list[str]:
    """The text in pieces of at most `width` columns; a space goes to the end of a piece where
    one is near."""
    pieces = []
    while cells(text) > width:
        head = _head(text, width) or text[0]
        space = head.rfind(" ")
        if space > width * 2 // 3:
            head = head[: space + 1]
        pieces.append(head)
        text = text[len(head) :]
    pieces.append(text)
    return pieces


def pad(text: str, width: int) -> str:
    return text + " " * max(0, width - cells(text))


def counted(count: int, one: str, many: str = "") -> str:
    """`1 change`, `3 changes`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration: `0.4 s`, `12 s`, `3:07`, `1:02:10`."""
    if value < 9.95:
        return f"{value:.1f} s"
    if value < 99.5:
        return f"{value:.0f} s"
    return clock(value)


def clock(value: float) -> str:
    """`0:07`, `12:30`, `1:02:10`."""
    minutes, rest = divmod(int(value + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


_SCALE = ("B", "kB", "MB", "GB", "TB")


def amount(done: float, total: float, unit: str) -> str:
    """`62/110 packages`, `3.1/20.0 MB`, `40 %`; empty when there is nothing to count."""
    if unit == "bytes":
        return _bytes(done, total)
    if unit in ("%", "percent"):
        return f"{done:.0f} %"
    if not done and not total:
        return ""
    shown = f"{done:g}/{total:g}" if total else f"{done:g}"
    return f"{shown} {unit}".rstrip()


def _bytes(done: float, total: float) -> str:
    power = 0
    while max(done, total) / 1000**power >= 1000 and power < len(_SCALE) - 1:
        power += 1
    digits = 1 if power else 0
    shown = [f"{value / 1000**power:.{digits}f}" for value in ((done, total) if total else (done,))]
    return "/".join(shown) + f" {_SCALE[power]}"
