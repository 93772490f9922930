"""Lookups of variables, hosts and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from provision.templating.lookups.call import Lookup, LookupCall
from provision.templating.undefined import Missing

__all__ = ["LOOKUPS"]


def variables(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    found = []
    for name in terms:
        if not isinstance(name, str):
            raise TypeError(f"a variable's name is text, not {name!r}")
        if name in call.scope:
            found.append(call.scope.resolve(name))
        elif "default" in options:
            found.append(options["default"])
        else:
            found.append(Missing(f"No variable named {name!r} was found.", name=name))
    return found


def names(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """The names of the variables that any of the regular expressions finds."""
    expressions = [re.compile(str(term)) for term in terms]
    known = sorted(call.scope.names())
    return [name for expression in expressions for name in known if expression.search(name)]


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
