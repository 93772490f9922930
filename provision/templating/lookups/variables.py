"""Lookups of variables, hosts and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from provision.templating.lookups.call import Lookup, LookupCall
from provision.templating.undefined import Missing, type_name

__all__ = ["LOOKUPS"]


def variables(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    found = []
    for name in terms:
        if not isinstance(name, str):
            raise TypeError(f"Variable name must be 'str' not {type_name(name)!r}")
        if name in call.scope:
            found.append(call.scope.resolve(name))
        elif "default" in options:
            found.append(options["default"])
        else:
            found.append(Missing(f"No variable named {name!r} was found.", name=name))
    return found


def names(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """The names of the variables that any of the regular expressions finds."""
    expressions = [_expression(term) for term in terms]
    known = sorted(call.scope.names())
    return [name for expression in expressions for name in known if expression.search(name)]


def _expression(term: Any) -> re.Pattern[str]:
    if not isinstance(term, str):
        raise TypeError(f"Invalid setting identifier, {term!r} is not a string")
    try:
        return re.compile(term)
    except re.error as exc:
        raise ValueError(f"Unable to use {term!r} as a search parameter: {exc}") from exc


def hostnames(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    pattern = ":".join(str(term) for term in terms)
    return list(call.context.select_hosts(pattern))


def config(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    found = []
    for name in terms:
        if name in call.context.config:
            found.append(call.context.config[name])
        elif options.get("on_missing", "error") == "error":
            raise ValueError(f"no setting {name!r}")
    return found


LOOKUPS: Mapping[str, Lookup] = {
    "config": config,
    "inventory_hostnames": hostnames,
    "varnames": names,
    "vars": variables,
}
