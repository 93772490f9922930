"""Filters on regular expressions. `multiline` and `ignorecase` are flags of the expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FILTERS"]


def _flags(ignorecase: object, multiline: object) -> re.RegexFlag:
    flags = re.RegexFlag(0)
    if ignorecase:
        flags |= re.IGNORECASE
    if multiline:
        flags |= re.MULTILINE
    return flags


def regex_replace(
    value: object = "",
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    """The text with each match replaced. Raises ValueError for another number of matches."""
    flags = _flags(ignorecase, multiline)
    text, found = re.compile(str(pattern), flags).subn(str(replacement), str(value), count)
    if mandatory_count and found != mandatory_count:
        raise ValueError(
            f"{pattern!r} should match {mandatory_count} times, but matches {found} times"
        )
    return text


def regex_findall(
    value: object, regex: str, multiline: bool = False, ignorecase: bool = False
) -> list[Any]:
    """All matches: texts, or tuples of the groups."""
    return re.findall(str(regex), str(value), _flags(ignorecase, multiline))


def regex_search(
    value: object, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[str | Any] | None:
    r"""The first match, or the wanted groups of it ("\\1", "\\g<name>") as a list, or None."""
    match = re.search(str(regex), str(value), _flags(ignorecase, multiline))
    wanted: list[str | int] = []
    for group in groups:
        named = re.match(r"\\g<(\S+)>", group)
        numbered = re.match(r"\\(\d+)", group)
        if named:
            wanted.append(named[1])
        elif numbered:
            wanted.append(int(numbered[1]))
        else:
            raise ValueError(f"unknown argument {group!r}: write '\\\\1' or '\\\\g<name>'")
    if match is None:
        return None
    return [match.group(group) for group in wanted] if wanted else match.group()


def regex_escape(value: object, re_type: str = "python") -> str:
    """The text with every character escaped that an expression of that type would act on."""
    text = str(value)
    if re_type == "python":
        return re.escape(text)
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", text)
    if re_type == "posix_extended":
        raise ValueError("Regex type (posix_extended) not yet implemented")
    raise ValueError(f"Invalid regex type ({re_type}); there are python and posix_basic")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "regex_escape": regex_escape,
    "regex_findall": regex_findall,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
}
