"""Filters and tests under the names that Ansible's own test playbooks call."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from provision.templating.guard import takes_missing
from provision.templating.values import realize, trusted
from provision.yamlsource import Str

__all__ = ["FILTERS", "TESTS"]

_SPACE = "ansible._protomatter."


def origin(value: object) -> str | None:
    """The place that the text came from."""
    mark = getattr(value, "mark", None)
    return None if mark is None else str(mark)


def literal(value: str, ignore_errors: bool = False) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        if ignore_errors:
            return value
        raise


@takes_missing
def true_type(value: object) -> str:
    return type(value).__name__


def tagged_with(value: object, tag: str) -> bool:
    """Of the tags only the one that says whether text is a template is known."""
    return tag == "TrustedAsTemplate" and isinstance(value, Str) and not value.unsafe


FILTERS: Mapping[str, Callable[..., Any]] = {
    f"{_SPACE}apply_trust": lambda value: trusted(value) if isinstance(value, str) else value,
    f"{_SPACE}finalize": realize,
    f"{_SPACE}origin": origin,
    f"{_SPACE}python_literal_eval": literal,
    f"{_SPACE}true_type": true_type,
}
TESTS: Mapping[str, Callable[..., Any]] = {f"{_SPACE}tagged_with": tagged_with}
