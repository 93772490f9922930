"""Filters on numbers and sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from provision.templating.guard import takes_missing
from provision.templating.undefined import Missing

__all__ = ["FILTERS", "human_readable", "human_to_bytes"]

_UNITS = {unit: 1 << (10 * power) for power, unit in enumerate("BKMGTPEZY")}


_PREFIXES = dict(
    zip("KMGTPEZY", ["kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta"], strict=True)
)


def _on_numbers(name: str, function: Callable[..., float]) -> Callable[..., float]:
    def call(*args: Any, **kwargs: Any) -> float:
        try:
            return function(*args, **kwargs)
        except TypeError as exc:
            raise TypeError(f"{name}() can only be used on numbers: {exc}") from exc

    return call


def logarithm(value: float, base: float = math.e) -> float:
    return math.log10(value) if base == 10 else math.log(value, base)


def power(value: float, exponent: float) -> float:
    return math.pow(value, exponent)


def inverse_power(value: float, base: float = 2) -> float:
    return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))


def human_readable(size: float, isbits: bool = False, unit: str | None = None) -> str:
    """1073741824 as "1.00 GB"."""
    try:
        number = float(size)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"human_readable() failed on bad input: {exc}") from exc
    base = "bits" if isbits else "Bytes"
    suffix = "B"
    for suffix, limit in sorted(_UNITS.items(), key=lambda item: -item[1]):
        if (unit is None and number >= limit) or (unit is not None and unit.upper()[0] == suffix):
            break
    if suffix == "B":
        return f"{number / _UNITS[suffix]:.2f} {base}"
    return f"{number / _UNITS[suffix]:.2f} {suffix}{'b' if isbits else 'B'}"


_SIZE = re.compile(r"^\s*(\d*\.?\d*)\s*([A-Za-z]+)?", re.ASCII)


def human_to_bytes(size: object, default_unit: str | None = None, isbits: bool = False) -> int:
    """ "1.5 MB" as 1572864. Raises ValueError for what is not a size."""
    match = _SIZE.match(str(size))
    if match is None or not match[1] or match[1] == ".":
        raise ValueError(f"cannot read {size!r} as a size")
    number = float(match[1])
    unit = match[2] or default_unit
    if not unit:
        return round(number)
    letter = unit[0].upper()
    if letter not in _UNITS:
        raise ValueError(f"unknown unit {unit!r} in {size!r}; there are {', '.join(_UNITS)}")
    expected, word = ("b", "bit") if isbits else ("B", "byte")
    short = {expected} if letter == "B" else {letter.lower(), letter, f"{unit[0]}{expected}"}
    long = _PREFIXES.get(letter, "") + word
    if unit not in short and unit.lower() not in (long, f"{long}s"):
        raise ValueError(f"expect {letter}{expected} or {letter}, not {unit!r}, in {size!r}")
    return round(number * _UNITS[letter])


@takes_missing
def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    if isinstance(value, Missing):
        return value
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(value) else false_val


FILTERS: Mapping[str, Callable[..., Any]] = {
    "human_readable": human_readable,
    "human_to_bytes": human_to_bytes,
    "log": _on_numbers("log", logarithm),
    "pow": _on_numbers("pow", power),
    "root": _on_numbers("root", inverse_power),
    "ternary": ternary,
}
