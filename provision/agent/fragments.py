"""One content of several."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List, Optional

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def unescaped(text: str) -> str:
    """With `\\n`, `\\t`, `\\r` and a doubled backslash as what they mean."""
    parts: List[str] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and text[at + 1 : at + 2] in _ESCAPES:
            at += 1
            letter = _ESCAPES[text[at]]
        parts.append(letter)
        at += 1
    return "".join(parts)


def join(fragments: Iterable[bytes], delimiter: Optional[str]) -> bytes:
    """The fragments, each from the start of a line, with the delimiter in lines of its own."""
    between = b"" if delimiter is None else unescaped(delimiter).encode("utf-8", "surrogateescape")
    parts: List[bytes] = []
    for number, fragment in enumerate(fragments):
        if number and not parts[-1].endswith(b"\n"):
            parts.append(b"\n")
        if number and between:
            parts.append(between if between.endswith(b"\n") else between + b"\n")
        parts.append(fragment)
    return b"".join(parts)
