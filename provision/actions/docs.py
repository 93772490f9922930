"""Argument models told to people and to editors: words for types, JSON Schemas."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from typing import Any, Literal, Union, cast, get_args, get_origin

from provision.actions.args import ArgField, Mode, SecretText, arg_fields
from provision.actions.base import Action

__all__ = ["action_schema", "arguments_of", "choices_of", "type_words"]

_WORDS: Mapping[Any, str] = {
    bool: "yes or no",
    int: "whole number",
    float: "number",
    str: "text",
    dict: "mapping",
    list: "list",
    Mode: "permission bits",
    SecretText: "secret text",
    Any: "anything",
    object: "anything",
}

_TEMPLATE = {"type": "string", "pattern": r"\{[\{%]"}
_BOOLEAN = {"enum": [True, False, "yes", "no", "on", "off", "true", "false"]}


def arguments_of(action: Action) -> tuple[ArgField, ...]:
    """The arguments that a task may give, in the model's order."""
    fields = arg_fields(cast("Hashable", action.Args))
    return tuple(f for f in fields if not (action.any_args and f.name == "values"))


def _parts(kind: Any) -> list[Any]:
    """A union's members but None; else the type itself."""
    if get_origin(kind) in (Union, types.UnionType):
        return [part for part in get_args(kind) if part is not type(None)]
    return [kind]


def choices_of(kind: Any) -> tuple[Any, ...]:
    """The values that a Literal allows; empty for other types."""
    return tuple(c for part in _parts(kind) if get_origin(part) is Literal for c in get_args(part))


def type_words(kind: Any) -> str:
    """`text`, `list of text`, `one of the choices`, `text or list of text`."""
    return " or ".join(dict.fromkeys(_words(part) for part in _parts(kind)))


def _words(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return "a choice"
    if origin is list:
        return f"list of {type_words(get_args(kind)[0])}"
    if origin is not None:
        values = get_args(kind)[1]
        return "mapping" if values in (Any, object) else f"mapping to {type_words(values)}"
    return _WORDS.get(kind) or str(getattr(kind, "__name__", kind))


# -- JSON Schema ----------------------------------------------------------------------


def _value_schema(kind: Any) -> dict[str, Any]:
    """A type's schema, as strict as the reading of arguments is: `"8"` is a number there."""
    origin = get_origin(kind)
    if origin is Literal:
        return {"enum": list(get_args(kind))}
    if origin is list:
        inner = _union_schema(get_args(kind)[0])
        return {"anyOf": [{"type": "array", "items": inner}, {"type": ["string", "number"]}]}
    if origin is not None or kind is dict:
        return {"type": "object"}
    if kind is bool:
        return _BOOLEAN
    if kind in (int, float):
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[\d.eE+-]+$"}]}
    if kind in (Any, object):
        return {}
    return {"type": ["string", "number", "boolean"]}


def _union_schema(kind: Any) -> dict[str, Any]:
    known = [_value_schema(part) for part in _parts(kind)]
    return known[0] if len(known) == 1 else {"anyOf": known}


def _field_schema(field: ArgField) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": field.doc}
    known = _union_schema(field.kind)
    if known:
        schema["anyOf"] = [known, _TEMPLATE, *([] if field.required else [{"type": "null"}])]
    if not field.required and isinstance(field.default, str | int | float | bool):
        schema["default"] = field.default
    return schema


def action_schema(action: Action) -> dict[str, Any]:
    """What may stand after the action's name in a task."""
    properties: dict[str, Any] = {}
    for field in arguments_of(action):
        schema = _field_schema(field)
        for spelling in (field.name, *field.aliases):
            properties[spelling] = schema
    mapping = {
        "type": "object",
        "properties": properties,
        "additionalProperties": bool(action.any_args),
    }
    return {
        "description": action.summary,
        "anyOf": [mapping, {"type": ["string", "null"]}, *_free_schemas(action)],
    }


def _free_schemas(action: Action) -> list[dict[str, Any]]:
    """Values other than text that fill the free-form argument, as in `debug: [1, 2]`."""
    free = [f for f in arguments_of(action) if f.name == action.free_form]
    return [{"type": ["array", "number", "boolean"]}] if free else []
