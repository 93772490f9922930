"""Building HTML so that text cannot become markup: every `str` is escaped, `Html` is not.

Templates belong to users here and are made for configuration files: Jinja2's environment of
this project escapes nothing and fails on undefined names. A report needs neither loops nor
filters in text files; it needs sixty thousand cells fast and none of them unescaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from provision.reports.text import clean

__all__ = ["Html", "join", "tag", "text"]

_EMPTY = frozenset({"meta", "input", "br"})


class Html(str):
    """Text that is markup already. Made here and from constants only."""

    __slots__ = ()


def text(value: str) -> Html:
    """Any text as one line: control characters are shown, markup is not markup."""
    return Html(escape(clean(value)))


def join(parts: Iterable[str], between: str = "") -> Html:
    return Html(
        text(between).join(part if isinstance(part, Html) else text(part) for part in parts)
    )


def tag(name: str, *inside: str, **attributes: str | int | bool) -> Html:
    """An element. `class_` is class, `aria_label` is aria-label; False leaves one out, True
    gives it no value."""
    said = [name]
    for key, value in attributes.items():
        word = key.rstrip("_").replace("_", "-")
        if value is True:
            said.append(word)
        elif value is not False and value != "":
            said.append(f'{word}="{value if isinstance(value, int) else text(value)}"')
    opening = f"<{' '.join(said)}>"
    if name in _EMPTY:
        return Html(opening)
    return Html(f"{opening}{join(inside)}</{name}>")
