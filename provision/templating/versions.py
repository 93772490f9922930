"""Comparing versions, in the four ways people ask for."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import total_ordering
from typing import Any

__all__ = ["compare"]

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
}
_LOOSE = re.compile(r"(\d+ | [a-z]+ | \.)", re.VERBOSE)
_STRICT = re.compile(r"^(\d+) \. (\d+) (\. (\d+))? ([ab](\d+))?$", re.VERBOSE | re.ASCII)
_SEMVER = re.compile(
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)


def _loose(text: str) -> Any:
    """Numbers and words as they come: 1.10 is after 1.9, and 1.0rc1 has a word in it."""
    parts = [part for part in _LOOSE.split(text) if part and part != "."]
    return [int(part) if part.isdigit() else part for part in parts]


def _strict(text: str) -> Any:
    match = _STRICT.match(text)
    if match is None:
        raise ValueError(f"invalid version number {text!r}: strict ones are X.Y, X.Y.Z or X.Y.ZaN")
    major, minor, patch, pre, number = match.group(1, 2, 4, 5, 6)
    # A final release comes after its pre-releases.
    last = (1, "", 0) if pre is None else (0, pre[0], int(number))
    return (int(major), int(minor), int(patch or 0), last)


@total_ordering
class _Identifier:
    """A part of a semantic pre-release: numbers come before words."""

    def __init__(self, text: str) -> None:
        self.key = (0, int(text), "") if text.isdigit() else (1, 0, text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identifier) and self.key == other.key

    def __lt__(self, other: _Identifier) -> bool:
        return self.key < other.key

    __hash__ = None  # type: ignore[assignment]


def _semver(text: str) -> Any:
    match = _SEMVER.match(text)
    if match is None:
        raise ValueError(f"invalid semantic version {text!r}")
    core = tuple(int(part) for part in match.group(1, 2, 3))
    if match[4] is None:
        return (core, 1, [])
    return (core, 0, [_Identifier(part) for part in match[4].split(".")])


def _pep440(text: str) -> Any:
    try:
        from packaging.version import Version
    except ImportError as exc:
        raise ValueError("comparing as PEP 440 needs the Python package packaging") from exc
    return Version(text)


_KINDS: dict[str, Callable[[str], Any]] = {
    "loose": _loose,
    "strict": _strict,
    "semver": _semver,
    "semantic": _semver,
    "pep440": _pep440,
}


def compare(
    value: object,
    version: object,
    operator: str = "eq",
    strict: bool | None = None,
    version_type: str | None = None,
) -> bool:
    """Whether `value operator version` holds. Raises ValueError for what is no version."""
    if strict is not None and version_type is not None:
        raise ValueError("strict and version_type exclude each other")
    if value is None or not str(value):
        raise ValueError("Input version value cannot be empty")
    if version is None or not str(version):
        raise ValueError("Version to compare against cannot be empty")
    kind = version_type or ("strict" if strict else "loose")
    if kind not in _KINDS:
        raise ValueError(f"version_type is one of {', '.join(_KINDS)}, not {kind!r}")
    if operator not in _OPERATORS:
        raise ValueError(f"operator is one of {', '.join(_OPERATORS)}, not {operator!r}")
    parse = _KINDS[kind]
    try:
        return bool(_OPERATORS[operator](parse(str(value)), parse(str(version))))
    except TypeError as exc:
        raise ValueError(f"{value} and {version} cannot be compared: {exc}") from exc
