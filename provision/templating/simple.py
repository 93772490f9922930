"""Templates that are only text and names: `{{ base }}/{{ app.name }}.conf`.

Most strings of a playbook are of this kind. They need no compiler, which takes half a
millisecond for each, and they mean exactly what Jinja2 makes of them.
"""

from __future__ import annotations

import re
from typing import Any

from jinja2.utils import missing

from provision.templating.codegen import concat
from provision.templating.environment import NativeEnvironment
from provision.templating.scope import Scope

__all__ = ["Simple", "simple_expression", "simple_text"]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_PRINTED = re.compile(rf"\{{\{{[ \t]*({_NAME}(?:\.{_NAME})*)[ \t]*\}}\}}")
# Words of Jinja2's own, and names that it gives a meaning.
_RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "if", "else", "elif", "import", "include", "filter", "set"}
    | {"true", "false", "none", "True", "False", "None", "loop", "self", "super", "caller"}
    | {"varargs", "kwargs", "recursive", "vars"}
)


class Simple:
    """`parts`: text, and dotted names as tuples."""

    __slots__ = ("_environment", "names", "parts")
    includes = False

    def __init__(
        self, parts: tuple[str | tuple[str, ...], ...], environment: NativeEnvironment
    ) -> None:
        self.parts = parts
        self._environment = environment
        self.names = frozenset(part[0] for part in parts if isinstance(part, tuple))

    def run(self, scope: Scope) -> Any:
        """As `Compiled.run`."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return part if isinstance(part, str) else self._value(part, scope)
        return concat(
            part if isinstance(part, str) else self._value(part, scope) for part in self.parts
        )

    def _value(self, path: tuple[str, ...], scope: Scope) -> Any:
        name = path[0]
        environment = self._environment
        value = scope.resolve(name)
        if value is missing:
            value = environment.globals.get(name, missing)
            if value is missing:
                value = environment.undefined(name=name)
        for attribute in path[1:]:
            value = environment.getattr(value, attribute)
        return value


def _path(dotted: str) -> tuple[str, ...] | None:
    path = tuple(dotted.split("."))
    return None if path[0] in _RESERVED else path


def simple_text(source: str, environment: NativeEnvironment) -> Simple | None:
    """The template, or None when it needs Jinja2."""
    if "\r" in source or "{%" in source or "{#" in source:
        return None
    parts: list[str | tuple[str, ...]] = []
    # Jinja2 takes one newline off the end.
    pieces = _PRINTED.split(source[:-1] if source[-1:] == "\n" else source)
    for index, piece in enumerate(pieces):
        if index % 2:
            path = _path(piece)
            if path is None:
                return None
            parts.append(path)
        elif "{{" in piece or "}}" in piece or piece[-1:] == "{":
            return None
        elif piece:
            parts.append(piece)
    return Simple(tuple(parts), environment)


def simple_expression(source: str, environment: NativeEnvironment) -> Simple | None:
    """The expression when it is only a name, or None."""
    text = source.strip()
    path = _path(text) if _DOTTED.fullmatch(text) else None
    return None if path is None else Simple((path,), environment)
