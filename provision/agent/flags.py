"""The flags that `chattr` sets and `lsattr` shows, without starting either."""

from __future__ import annotations

import errno
import fcntl
import os
import sys

from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional

#: letter, bit, Ansible's word; in lsattr's order
_FLAGS = (
    ("s", 0x1, "zero"),
    ("u", 0x2, "undelete"),
    ("S", 0x8, "synchronous"),
    ("D", 0x10000, "dirsync"),
    ("i", 0x10, "immutable"),
    ("a", 0x20, "append"),
    ("d", 0x40, "nodump"),
    ("A", 0x80, "noatime"),
    ("c", 0x4, "compressed"),
    ("E", 0x800, "encrypted"),
    ("j", 0x4000, "journalled"),
    ("I", 0x1000, "indexed"),
    ("t", 0x8000, "notail"),
    ("T", 0x20000, "blockroot"),
    ("e", 0x80000, "extents"),
    ("C", 0x800000, "nocow"),
    ("N", 0x10000000, "inline"),
)
_FIXED = "EINe"  # the file system's own; nobody sets or clears them


def _request(direction: int, number: int) -> int:
    """The ioctl's number: PowerPC, MIPS and SPARC put the direction elsewhere."""
    size = 8 if sys.maxsize > 2**32 else 4
    if os.uname().machine.startswith(("ppc", "mips", "sparc", "alpha")):
        return ({2: 2, 1: 4}[direction] << 29) | (size << 16) | (0x66 << 8) | number
    return (direction << 30) | (size << 16) | (0x66 << 8) | number


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)


def _asked(path: str, request: int) -> Optional[int]:
    """What an ioctl that reads one number answers; None where it cannot."""
    try:
        fd = _open(path)
    except OSError:
        return None
    try:
        data = bytearray(8)
        fcntl.ioctl(fd, request, data)
        return int.from_bytes(data[:4], sys.byteorder)
    except OSError:
        return None
    finally:
        os.close(fd)


def _bits(path: str) -> Optional[int]:
    return _asked(path, _request(2, 1))


def read(path: str) -> Optional[str]:
    """The letters of a file's flags; None where the file system has none."""
    bits = _bits(path)
    if bits is None:
        return None
    return "".join(letter for letter, bit, _ in _FLAGS if bits & bit)


def version(path: str) -> Optional[str]:
    """The file's version (generation) number as lsattr shows it."""
    number = _asked(path, _request(2, 1) + ((ord("v") - ord("f")) << 8))
    return None if number is None else str(number)


def words(letters: str) -> List[str]:
    """`["immutable", "noatime"]` for `"iA"`."""
    table: Dict[str, str] = {letter: word for letter, _, word in _FLAGS}
    return [table[letter] for letter in letters if letter in table]


def wanted(said: str, now: str) -> str:
    """The letters that `+i`, `-i` or `=i` (also `i`) make of `now`. Raises Fail."""
    sign, letters = ("=", said) if said[:1] not in ("+", "-", "=") else (said[0], said[1:])
    known = {letter for letter, _, _ in _FLAGS}
    for letter in letters:
        if letter not in known:
            raise Fail("attributes: there is no flag %r" % letter)
    if sign == "+":
        chosen = set(now) | set(letters)
    elif sign == "-":
        chosen = set(now) - set(letters)
    else:
        chosen = set(letters)
    fixed = set(_FIXED)
    chosen = (chosen - fixed) | (set(now) & fixed)
    return "".join(letter for letter, _, _ in _FLAGS if letter in chosen)


def write(path: str, letters: str) -> None:
    """Raises OSError."""
    now = _bits(path)
    if now is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)
    bits = now
    for letter, bit, _ in _FLAGS:
        if letter not in _FIXED:
            bits = bits | bit if letter in letters else bits & ~bit
    fd = _open(path)
    try:
        fcntl.ioctl(fd, _request(1, 2), bits.to_bytes(4, sys.byteorder) + bytes(4))
    finally:
        os.close(fd)
