"""Permission bits as people write them."""

from __future__ import annotations

import stat

from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_PERM = {"r": 0o444, "w": 0o222, "x": 0o111}


def mode_text(mode: int) -> str:
    """`0644` and `01777`, as people write it."""
    return "0%03o" % stat.S_IMODE(mode)


def parse_mode(mode: Union[str, int], current: int, directory: bool) -> int:
    """The permission bits that `mode` asks for: octal digits or symbolic (`u=rwX,go-w`).

    `current` are the bits now. Raises Fail when it cannot be read.
    """
    if isinstance(mode, int):
        return mode & 0o7777
    text = mode.strip()
    if text and all(c in "01234567" for c in text):
        return int(text, 8) & 0o7777
    bits = current & 0o7777
    for clause in text.split(","):
        bits = _symbolic(clause, bits, directory, mode)
    return bits


def _symbolic(clause: str, bits: int, directory: bool, whole: str) -> int:
    at = 0
    while at < len(clause) and clause[at] in "ugoa":
        at += 1
    who = clause[:at].replace("a", "ugo") or "ugo"
    rest = clause[at:]
    if not rest or rest[0] not in "=+-" or ("a" in clause[:at] and at > 1):
        raise _bad_mode(whole)
    mask = 0
    for letter in who:
        mask |= _WHO[letter]
    while rest:
        operator, rest = rest[0], rest[1:]
        end = 0
        while end < len(rest) and rest[end] not in "=+-":
            end += 1
        value = 0
        for letter in rest[:end]:
            value |= _permission(letter, who, bits, directory, whole)
        rest = rest[end:]
        if operator == "=":
            keep = 0o6000 if directory else 0  # chmod keeps a directory's set-id bits
            bits = (bits & (~mask | keep)) | value
        elif operator == "+":
            bits |= value
        else:
            bits &= ~value
    return bits


def _permission(letter: str, who: str, bits: int, directory: bool, whole: str) -> int:
    mask = 0
    for name in who:
        mask |= _WHO[name] & 0o777
    if letter in _PERM:
        return _PERM[letter] & mask
    if letter == "X":
        return 0o111 & mask if directory or bits & 0o111 else 0
    if letter == "s":
        return (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    if letter == "t":
        return 0o1000
    if letter in "ugo":
        shift = {"u": 6, "g": 3, "o": 0}[letter]
        three = (bits >> shift) & 7
        return (three << 6 | three << 3 | three) & mask
    raise _bad_mode(whole)


def _bad_mode(whole: str) -> Fail:
    return Fail(
        "mode %r is neither octal nor symbolic" % whole,
        details="bad symbolic permission for mode: " + whole,
    )
