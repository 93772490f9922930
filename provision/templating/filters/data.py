"""Filters between values and their text: JSON, YAML, types."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from jinja2 import Undefined

from provision.templating.conditions import BOOLEAN_WORDS
from provision.templating.guard import takes_missing
from provision.templating.undefined import Missing, type_name
from provision.templating.values import realize

__all__ = ["FILTERS"]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def to_bool(value: Any) -> Any:
    """True for true, yes, on and 1, in any case; False for all else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return BOOLEAN_WORDS.get(value.lower(), False)
    return bool(value == 1)


def _json_default(value: object) -> object:
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise TypeError(f"a {type_name(value)} cannot be written as JSON")


def to_json(value: object, *args: Any, **kwargs: Any) -> str:
    for name in ("vault_to_text", "preprocess_unsafe"):
        kwargs.pop(name, None)
    return json.dumps(realize(value), *args, default=_json_default, **kwargs)


def to_nice_json(value: object, indent: int = 4, sort_keys: bool = True, **kwargs: Any) -> str:
    return to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **kwargs)


def from_json(value: str | bytes, **kwargs: Any) -> Any:
    return json.loads(value, **kwargs)


class _Dumper(yaml.SafeDumper):
    """Knows the strings, mappings and lists that remember their places."""


_Dumper.add_multi_representer(str, lambda dumper, value: dumper.represent_str(str(value)))
_Dumper.add_multi_representer(dict, lambda dumper, value: dumper.represent_dict(dict(value)))
_Dumper.add_multi_representer(list, lambda dumper, value: dumper.represent_list(list(value)))
_Dumper.add_multi_representer(tuple, lambda dumper, value: dumper.represent_list(list(value)))


def to_yaml(value: object, default_flow_style: bool | None = None, **kwargs: Any) -> str:
    kwargs.pop("vault_behavior", None)
    text: str = yaml.dump(
        realize(value),
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=default_flow_style,
        **kwargs,
    )
    return text


def to_nice_yaml(
    value: object, indent: int = 4, *, default_flow_style: bool | None = False, **kwargs: Any
) -> str:
    return to_yaml(value, default_flow_style=default_flow_style, indent=indent, **kwargs)


def _text(value: str | bytes) -> str | bytes:
    # libyaml takes no subclasses of str.
    return str(value) if isinstance(value, str) else value


def from_yaml(value: Any) -> Any:
    if not isinstance(value, (str, bytes)):
        return value
    return yaml.load(_text(value), Loader=_Loader)  # noqa: S506


def from_yaml_all(value: Any) -> Any:
    if not isinstance(value, (str, bytes)):
        return [] if value is None else value
    return list(yaml.load_all(_text(value), Loader=_Loader))


@takes_missing
def type_debug(value: object) -> str:
    if isinstance(value, Undefined):
        return "Undefined"
    return type_name(value)


@takes_missing
def mandatory(value: Any, msg: str | None = None) -> Any:
    """The value. Raises ValueError, with `msg`, when there is none."""
    if isinstance(value, Missing):
        name = f" {value.name!r}" if value.name else ""
        raise ValueError(msg if msg is not None else f"Mandatory variable{name} not defined.")
    return value


FILTERS: Mapping[str, Callable[..., Any]] = {
    "bool": to_bool,
    "from_json": from_json,
    "from_yaml": from_yaml,
    "from_yaml_all": from_yaml_all,
    "mandatory": mandatory,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_nice_yaml": to_nice_yaml,
    "to_yaml": to_yaml,
    "type_debug": type_debug,
}
