"""What a template gets for a name, attribute or item that is not there.

A `Missing` travels through attributes, items, calls, filters and tests until `default`,
`is defined` or `mandatory` look at it, or until somebody needs its value: then it raises
`MissingError`, which carries it on to where the error is reported.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import UndefinedError
from jinja2.utils import missing

from provision.errors import Mark
from provision.yamlsource import Map, Seq, Str

__all__ = ["Missing", "MissingError", "type_name"]

_PLAIN_NAMES: dict[type, str] = {Map: "dict", Seq: "list", Str: "str"}


def type_name(value: object) -> str:
    """The type as a playbook's author knows it: our own kinds of dict, list and str by those."""
    kind = type(value)
    if kind in _PLAIN_NAMES:
        return _PLAIN_NAMES[kind]
    for base in (dict, list, str):
        if isinstance(value, base):
            return base.__name__
    return kind.__name__


class MissingError(UndefinedError):
    def __init__(self, absent: Missing, message: str | None = None) -> None:
        super().__init__(message)
        self.absent = absent


class Missing(StrictUndefined):
    """Undefined, with the string it came from: `source` and its place `mark`, once known."""

    __slots__ = ("mark", "source")
    mark: Mark | None
    source: str | None

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: object = None,
    ) -> None:
        self._undefined_hint = hint
        self._undefined_obj = obj
        self._undefined_name = name
        self._undefined_exception = partial(MissingError, self)  # type: ignore[assignment]
        self.mark = None
        self.source = None

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"{self._undefined_name!r} is undefined"
        kind = type_name(self._undefined_obj)
        return f"object of type {kind!r} has no attribute {self._undefined_name!r}"

    @property
    def message(self) -> str:
        return self._undefined_message

    @property
    def name(self) -> str:
        return "" if self._undefined_name is None else str(self._undefined_name)

    @property
    def owner(self) -> object:
        """What lacks the attribute `name`; None when `name` is a variable."""
        return None if self._undefined_obj is missing else self._undefined_obj

    def came_from(self, source: str, mark: Mark | None) -> None:
        """Remember the innermost string that asked for it."""
        if self.source is None:
            self.source = source
            self.mark = mark

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, _key: object) -> Any:
        return self

    def __call__(self, *_args: object, **_kwargs: object) -> Any:
        return self
