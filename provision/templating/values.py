"""Values: which of them are templates, and how they become plain data again.

Only text that was read from the user's files is a template: `Str` (not `unsafe`) inside `Map`
and `Seq`. Plain str, dict and list (results of tasks, facts, loop items, rendered values)
are data and are passed on as they are, whatever they contain. `trusted` turns plain values
into template text where the program knows that a user wrote them.
"""

from __future__ import annotations

import operator
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from provision.errors import Mark, TemplateError
from provision.templating.undefined import Missing, MissingError, type_name
from provision.yamlsource import Map, Seq, Str

__all__ = [
    "OMIT",
    "SCALARS",
    "has_template",
    "is_template",
    "own_copy",
    "realize",
    "revealed",
    "trusted",
    "unrolled",
    "with_newlines",
]


class _Omit:
    def __repr__(self) -> str:
        return "<<Omit>>"

    def __copy__(self) -> _Omit:
        return self

    def __deepcopy__(self, _memo: object) -> _Omit:
        return self

    def __reduce__(self) -> str:
        return "OMIT"


OMIT: object = _Omit()
"""The value of `omit`: whoever finds it leaves the argument out."""

SCALARS = frozenset({str, Str, int, float, bool, type(None), bytes})
_FINAL = SCALARS - {Str}
_LISTED = (KeysView, ValuesView, ItemsView, Iterator)
_DATA = (tuple, range, set, frozenset, *_LISTED)


def revealed(value: Any) -> Any:
    """The text of a value that is encrypted until it is asked for; any other value itself."""
    return value.reveal() if hasattr(value, "reveal") else value


def is_template(value: object) -> bool:
    """Whether `value` is a string that holds an expression, a statement or a comment."""
    return (
        isinstance(value, str)
        and "{" in value
        and ("{{" in value or "{%" in value or "{#" in value)
        and not getattr(value, "unsafe", False)
    )


def has_template(value: object) -> bool:
    """Whether template text, or a secret, stands anywhere in a value read from a file."""
    if type(value) in _FINAL:
        return False
    if isinstance(value, Str):
        return is_template(value)
    if type(value) is Map:
        return any(map(has_template, value.values()))
    if type(value) is Seq:
        return any(map(has_template, value))
    return hasattr(value, "reveal")


def trusted(value: Any, mark: Mark | None = None) -> Any:
    """A copy of `value` whose strings are template text: for what a user typed elsewhere.

    Strings that already carry a place keep it; `mark` is given to the others.
    """
    if isinstance(value, Str):
        return value
    if isinstance(value, str):
        return Str(value, mark)
    if isinstance(value, Mapping):
        table = Map(getattr(value, "mark", None) or mark)
        table.update((trusted(key, mark), trusted(item, mark)) for key, item in value.items())
        return table
    if isinstance(value, (list, tuple)):
        items = Seq(getattr(value, "mark", None) or mark)
        items.extend(trusted(item, mark) for item in value)
        return items
    return value


def with_newlines(value: Any, source: str, newline: str = "\n") -> Any:
    """Text with at least as many newlines at its end as `source` has; Jinja2 takes one off."""
    if not isinstance(value, str):
        return value
    wanted = len(source) - len(source.rstrip("\n"))
    missing_ = wanted - (len(value) - len(value.rstrip(newline))) // len(newline)
    return value + newline * max(missing_, 0)


def unrolled(value: Any) -> Any:
    """Generators, iterators and views of dictionaries as lists; anything else as it is."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, _LISTED) and not isinstance(value, Missing):
        return list(value)
    return value


def own_copy(value: Any) -> Any:
    """A copy of the containers in `value`, for a template that changes them in place."""
    if isinstance(value, dict):
        return {key: own_copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [own_copy(item) for item in value]
    return value


def _realized_items(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    return {realize(key): realize(item) for key, item in pairs if item is not OMIT}


def realize(value: Any) -> Any:
    """Plain data: lazy containers rendered, iterators as lists, omitted items left out.

    What needs no change is returned itself, not copied. Raises MissingError for anything
    undefined inside, TemplateError for what cannot be a value.
    """
    kind = type(value)
    if kind in SCALARS or kind is Map or kind is Seq:
        return value
    if isinstance(value, dict):
        done = _realized_items(value.items())
        same = kind is dict and len(done) == len(value)
        return value if same and all(done[key] is value[key] for key in value) else done
    if isinstance(value, list):
        items = [realize(item) for item in value if item is not OMIT]
        same = kind is list and len(items) == len(value)
        return value if same and all(map(operator.is_, items, value)) else items
    if isinstance(value, Undefined):
        absent = value if isinstance(value, Missing) else Missing(value._undefined_message)
        raise MissingError(absent, absent.message)
    if isinstance(value, Markup):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, _DATA):
        return [realize(item) for item in value if item is not OMIT]
    if isinstance(value, Mapping):
        return _realized_items((key, value[key]) for key in value)
    if type(value).__module__.startswith("jinja2."):
        raise TemplateError(f"a {type_name(value)} is not a value")
    if callable(value):
        raise TemplateError(
            f"a {type_name(value)} is not a value", hint="call it: add parentheses and arguments"
        )
    return value
