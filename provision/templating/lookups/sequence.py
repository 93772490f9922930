"""Numbered items: `start=1 end=5 format=host%02d`, or `5`, `1-5`, `1-10/2:host%02d`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provision.templating.lookups.call import Lookup, LookupCall

__all__ = ["LOOKUPS"]

_NUMBER = r"(?:0x[0-9a-f]+|[0-9]+)"
_SHORT = re.compile(
    rf"^(?:(?P<start>{_NUMBER})-)?(?P<end>{_NUMBER})(?:/(?P<stride>{_NUMBER}))?(?::(?P<format>.+))?$",
    re.IGNORECASE,
)
_KEYS = ("start", "end", "count", "stride", "format")


@dataclass(frozen=True, slots=True)
class _Sequence:
    start: int
    end: int
    stride: int
    format: str

    def items(self) -> list[str]:
        last = self.end + (1 if self.stride >= 0 else -1)
        try:
            return [self.format % number for number in range(self.start, last, self.stride)]
        except (TypeError, ValueError) as exc:
            raise ValueError(f"cannot format numbers with {self.format!r}: {exc}") from exc


def _number(name: str, value: Any) -> int:
    try:
        return int(str(value), 0)
    except ValueError as exc:
        raise ValueError(f"{name} is a number, not {value!r}") from exc


def _sequence(values: Mapping[str, Any]) -> _Sequence | None:
    unknown = [key for key in values if key not in _KEYS]
    if unknown:
        raise ValueError(f"unknown argument {unknown[0]!r}; there are {', '.join(_KEYS)}")
    numbers = {key: _number(key, value) for key, value in values.items() if key != "format"}
    start, stride = numbers.get("start", 1), numbers.get("stride", 1)
    form = str(values.get("format", "%d"))
    if ("count" in numbers) == ("end" in numbers):
        raise ValueError("it takes one of end and count")
    end = numbers.get("end")
    if end is None:
        count = numbers["count"]
        if count == 0:
            return None
        # With a negative stride this is two more than asked for: Ansible's own reckoning.
        end = start + count * stride - 1
    if stride == 0:
        return None
    if stride > 0 and end < start:
        raise ValueError("to count backwards make stride negative")
    if stride < 0 and end > start:
        raise ValueError("to count forward make stride positive")
    return _Sequence(start, end, stride, form)


def _values(term: str) -> dict[str, Any]:
    short = _SHORT.match(term)
    if short:
        return {key: value for key, value in short.groupdict().items() if value is not None}
    pairs = [word.partition("=") for word in shlex.split(term)]
    wrong = [key for key, equals, _ in pairs if not equals]
    if wrong:
        raise ValueError(f"cannot read {wrong[0]!r} in {term!r}")
    return {key: value for key, _, value in pairs}


def sequence(_call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """See the module's own words."""
    wanted = [{**options, **_values(str(term))} for term in terms]
    if not terms and options:
        wanted = [options]
    found: list[Any] = []
    for values in wanted:
        numbers = _sequence(values)
        found += numbers.items() if numbers else []
    return found


LOOKUPS: Mapping[str, Lookup] = {"sequence": sequence}
