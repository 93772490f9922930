"""What several controller halves share."""

from __future__ import annotations

import keyword
from collections.abc import Iterable

from provision.errors import PlaybookError
from provision.yamlsource import mark_of

__all__ = ["check_variable_names", "is_variable_name"]


def is_variable_name(name: object) -> bool:
    """Whether templates can name it."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and not keyword.iskeyword(name)
    )


def check_variable_names(names: Iterable[object], action: str) -> None:
    """Raises PlaybookError for the first that templates could not name."""
    for name in names:
        if not is_variable_name(name):
            raise PlaybookError(
                f"{action}: {name!r} cannot be the name of a variable",
                mark=mark_of(name),
                hint="letters, digits and underscores, not starting with a digit",
            )
