"""Typed arguments: one frozen dataclass for each action, read from what a task says.

    @dataclass(frozen=True, slots=True)
    class Args:
        path: str = arg("Where it is.", aliases=("dest", "name"))
        state: Literal["file", "absent"] = arg("What should be there.", default="file")
        mode: Mode | None = arg("Permission bits.", default=None)

A field without a default is required. Values arrive rendered, but people write `yes`, `"8"`
and `0644`: each type takes what Ansible takes for it. The same model gives the documentation
page and the JSON Schema.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin

from provision.diagnostics import did_you_mean
from provision.errors import PlaybookError
from provision.yamlsource import Str, mark_of

__all__ = ["ArgField", "Mode", "SecretText", "arg", "arg_fields", "parse_args", "to_bool", "wire"]

T = TypeVar("T")

#: Permission bits: octal text ("0644") or symbolic ("u=rwX,go-w"); a bare YAML number is octal
#: when it was written as one (0644), as in Ansible.
Mode = NewType("Mode", str)
#: A value that is never shown.
SecretText = NewType("SecretText", str)

_TRUE = frozenset({"yes", "on", "true", "t", "y", "1"})
_FALSE = frozenset({"no", "off", "false", "f", "n", "0"})


def arg(
    doc: str,
    *,
    default: Any = MISSING,
    aliases: Iterable[str] = (),
    factory: Callable[[], Any] | None = None,
    example: object = None,
) -> Any:
    """A field of an argument model."""
    metadata = {"doc": doc, "aliases": tuple(aliases), "example": example}
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata=metadata)
    if default is MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class _Bad(Exception):
    """A value that does not fit; the message says what is wanted."""


def to_bool(value: object) -> bool:
    """Ansible's reading of truth: yes/on/true/1 and their opposites. Raises ValueError."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _bool(value: object) -> bool:
    try:
        return to_bool(value)
    except ValueError:
        raise _Bad("true or false") from None


def _int(value: object) -> int:
    if isinstance(value, bool):
        raise _Bad("a whole number")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return int(typing.cast(Any, value))
    except (TypeError, ValueError):
        raise _Bad("a whole number") from None


def _float(value: object) -> float:
    if isinstance(value, bool):
        raise _Bad("a number")
    try:
        return float(typing.cast(Any, value))
    except (TypeError, ValueError):
        raise _Bad("a number") from None


def _str(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int | float) or hasattr(value, "isoformat"):
        return str(value)
    raise _Bad("a string")


def _mode(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:04o}"
    if isinstance(value, str):
        return str(value)
    raise _Bad('permission bits such as "0644" or "u=rwX,go-w"')


def _list(inner: Callable[[object], Any]) -> Callable[[object], list[Any]]:
    def read(value: object) -> list[Any]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")] if value.strip() else []
        elif isinstance(value, tuple | set | frozenset):
            value = list(value)
        elif isinstance(value, int | float | bool):
            value = [value]
        if not isinstance(value, list):
            raise _Bad("a list")
        return [inner(item) for item in value]

    return read


def _dict(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str) and "=" in value:
        pairs = (part.partition("=") for part in value.replace(",", " ").split())
        return {key: text for key, _, text in pairs}
    raise _Bad("a mapping")


def _literal(choices: tuple[object, ...]) -> Callable[[object], object]:
    shown = ", ".join(str(choice) for choice in choices)

    def read(value: object) -> object:
        for choice in choices:
            if choice == value and type(choice) is type(value):
                return choice
        for choice in choices:
            if not isinstance(choice, bool) and str(choice) == str(value):
                return choice
        # `state: yes` and friends: YAML has turned a word into a boolean
        for choice in choices:
            if isinstance(value, bool) and str(choice).lower() in (_TRUE if value else _FALSE):
                return choice
        raise _Bad(f"one of {shown}")

    return read


def _converter(kind: Any) -> Callable[[object], Any]:
    if kind is Any or kind is object:
        return lambda value: value
    if kind is Mode:
        return _mode
    simple = {bool: _bool, int: _int, float: _float, str: _str, SecretText: _str, dict: _dict}
    if kind in simple:
        return typing.cast("Callable[[object], Any]", simple[kind])
    origin = get_origin(kind)
    if origin is Literal:
        return _literal(get_args(kind))
    if origin is list:
        return _list(_converter(get_args(kind)[0]))
    if origin in (dict, Mapping):
        return _dict
    if origin in (Union, types.UnionType):
        return _union([k for k in get_args(kind) if k is not type(None)])
    raise TypeError(f"no reading for argument type {kind!r}")


def _union(kinds: list[Any]) -> Callable[[object], Any]:
    readers = [_converter(kind) for kind in kinds]
    if len(readers) == 1:
        return readers[0]

    def read(value: object) -> Any:
        wanted = []
        for kind, reader in zip(kinds, readers, strict=True):
            plain = get_origin(kind) or kind
            if plain in (str, int, bool, dict, list) and not isinstance(value, plain):
                wanted.append(str(getattr(plain, "__name__", plain)))
                continue
            try:
                return reader(value)
            except _Bad as exc:
                wanted.append(str(exc))
        raise _Bad(" or ".join(wanted))

    return read


@dataclass(frozen=True, slots=True)
class ArgField:
    """One argument of a model, for validation and for the documentation."""

    name: str
    kind: Any
    doc: str
    aliases: tuple[str, ...]
    required: bool
    default: object
    convert: Callable[[object], Any]
    optional: bool
    example: object


@cache
def arg_fields(model: type) -> tuple[ArgField, ...]:
    """The arguments of a model in their order."""
    hints = typing.get_type_hints(model)
    fields = []
    for field in dataclasses.fields(model):
        kind = hints[field.name]
        factory = field.default_factory
        required = field.default is MISSING and factory is MISSING
        default = None
        if field.default is not MISSING:
            default = field.default
        elif factory is not MISSING:
            default = factory()
        fields.append(
            ArgField(
                name=field.name.rstrip("_"),
                kind=kind,
                doc=field.metadata.get("doc", ""),
                aliases=field.metadata.get("aliases", ()),
                required=required,
                default=default,
                convert=_converter(kind),
                optional=type(None) in get_args(kind),
                example=field.metadata.get("example"),
            )
        )
    return tuple(fields)


@cache
def _by_name(model: type) -> dict[str, tuple[str, ArgField]]:
    """Every accepted spelling, with the attribute it fills."""
    table: dict[str, tuple[str, ArgField]] = {}
    for attribute, field in zip(
        (f.name for f in dataclasses.fields(model)), arg_fields(model), strict=True
    ):
        for spelling in (field.name, *field.aliases):
            table[spelling] = (attribute, field)
    return table


def parse_args(
    model: type[T], raw: Mapping[str, Any], action: str, *, deferred: bool = False
) -> T | None:
    """An instance of `model` from a task's arguments.

    With `deferred`, values still hold templates: names are checked, and values without
    a template; the result is None. Raises PlaybookError with the place of the offender.
    """
    table = _by_name(typing.cast(Any, model))
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for key, value in raw.items():
        if key not in table:
            raise PlaybookError(
                f"{action} has no argument {str(key)!r}",
                mark=mark_of(key) or mark_of(raw),
                hint=did_you_mean(str(key), table) or f"it takes {', '.join(_names(model))}",
            )
        attribute, field = table[key]
        if attribute in said and said[attribute] != key:
            raise PlaybookError(
                f"{action}: {key!r} and {said[attribute]!r} are the same argument",
                mark=mark_of(key) or mark_of(raw),
            )
        said[attribute] = key
        if deferred and _has_template(value):
            continue
        if value is None:
            if field.required and not field.optional and not deferred:
                raise PlaybookError(f"{action}: {key!r} is empty", mark=mark_of(key))
            continue
        try:
            values[attribute] = field.convert(value)
        except _Bad as exc:
            shown = "that" if field.kind is SecretText else repr(value)
            raise PlaybookError(
                f"{action}: {key!r} takes {exc}, not {shown}",
                mark=mark_of(raw, key) or mark_of(value) or mark_of(raw),
                hint=_word_hint(field, value),
            ) from None
    missing = [
        field.name
        for attribute, field in {id(f): (a, f) for a, f in table.values()}.values()
        if field.required and attribute not in said
    ]
    if missing:
        raise PlaybookError(
            f"{action} needs {' and '.join(repr(name) for name in missing)}", mark=mark_of(raw)
        )
    return None if deferred else model(**values)


def _word_hint(field: ArgField, value: object) -> str:
    kinds = [field.kind, *get_args(field.kind)]
    choices = [str(c) for k in kinds if get_origin(k) is Literal for c in get_args(k)]
    return did_you_mean(str(value), choices)


def _has_template(value: object) -> bool:
    if isinstance(value, str):
        return ("{{" in value or "{%" in value) and not (isinstance(value, Str) and value.unsafe)
    if isinstance(value, Mapping):
        return any(_has_template(k) or _has_template(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return any(_has_template(item) for item in value)
    return False


def _names(model: type) -> list[str]:
    return [field.name for field in arg_fields(model)]


def wire(args: Any) -> dict[str, Any]:
    """An argument model as the mapping that travels: names as documented, None left out."""
    return {
        field.name: value
        for attribute, field in zip(
            (f.name for f in dataclasses.fields(args)),
            arg_fields(typing.cast(Any, type(args))),
            strict=True,
        )
        if (value := getattr(args, attribute)) is not None
    }
