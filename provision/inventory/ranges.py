"""Host names as inventories write them: ranges `gpu[01:16]`, `[a:f]`, steps, and ports."""

from __future__ import annotations

import ipaddress
import re
import string

from provision.errors import InventoryError, Mark

__all__ = ["expand_hosts", "split_port"]

_MOST = 1_000_000  # names from one pattern; more is a typing error, not a cluster
_BRACKETED = re.compile(r"^\[([^\[\]]+)\]:([0-9]+)$")
_PORT = re.compile(r"^((?:[^:\[\]]|\[[^\]]*\])+):([0-9]+)$")
_RANGE = re.compile(r"\[([^\]]*)\]")


def split_port(name: str) -> tuple[str, int | None]:
    """`host:2222` and `[2001:db8::1]:2222` in two; an IPv6 address alone has no port."""
    found = _BRACKETED.match(name) or _PORT.match(name)
    if not found:
        return name, None
    return found.group(1), int(found.group(2))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _values(text: str, pattern: str, mark: Mark | None) -> list[str]:
    """The values of one range, without its brackets."""

    def bad(what: str, hint: str = "") -> InventoryError:
        return InventoryError(f"{what} in {pattern!r}", mark=mark, hint=hint)

    bounds = text.split(":")
    if len(bounds) not in (2, 3):
        raise bad(f"[{text}] is not a range", "write [first:last] or [first:last:step]")
    first, last = bounds[0] or "0", bounds[1]
    if not last:
        raise bad(f"range [{text}] has no end")
    try:
        step = int(bounds[2]) if len(bounds) == 3 else 1
    except ValueError:
        raise bad(f"step {bounds[2]!r} is not a whole number") from None
    if step < 1:
        raise bad("the step of a range must be 1 or more")
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        start, stop = letters.index(first), letters.index(last)
        if start > stop:
            raise bad(f"range [{text}] ends before it starts")
        return list(letters[start : stop + 1 : step])
    if not (first.isdecimal() and last.isdecimal()):
        raise bad(f"range [{text}] is neither of numbers nor of letters")
    width = len(first) if first[0] == "0" and len(first) > 1 else 0
    if width and width != len(last):
        raise bad(
            f"range [{text}] has bounds of different lengths", f"write [{first}:{last:0>{width}}]"
        )
    if int(first) > int(last):
        raise bad(f"range [{text}] ends before it starts")
    if (int(last) - int(first)) // step >= _MOST:
        raise bad(f"range [{text}] has more than {_MOST} hosts")
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]


def expand_hosts(pattern: str, mark: Mark | None = None) -> tuple[list[str], int | None]:
    """Host names that `pattern` stands for, and the port it ends with, if any.

    Raises InventoryError for a range that cannot be read.
    """
    if ":" not in pattern and "[" not in pattern:
        return [pattern], None
    if _is_address(pattern):
        return [pattern], None
    base, port = split_port(pattern)
    if port is not None and port > 65535:
        raise InventoryError(f"port {port} in {pattern!r} is above 65535", mark=mark)
    if "[" not in base:
        return [base], port
    if base.count("[") != len(_RANGE.findall(base)) or base.count("]") != base.count("["):
        raise InventoryError(f"unbalanced brackets in host name {pattern!r}", mark=mark)
    if _is_address(base.strip("[]")):
        return [base.strip("[]")], port
    names = [""]
    end = 0
    for found in _RANGE.finditer(base):
        head = base[end : found.start()]
        values = _values(found.group(1), pattern, mark)
        if len(names) * len(values) > _MOST:
            raise InventoryError(f"{pattern!r} has more than {_MOST} hosts", mark=mark)
        names = [name + head + value for name in names for value in values]
        end = found.end()
    return [name + base[end:] for name in names], port
