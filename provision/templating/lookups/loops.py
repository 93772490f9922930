"""Lookups that only reshape their terms: what `with_items` and its kin are made of."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from typing import Any

from provision.templating.filters.data import to_bool
from provision.templating.filters.mappings import subelements as subelements_filter
from provision.templating.lookups.call import Lookup, LookupCall
from provision.templating.undefined import type_name

__all__ = ["LOOKUPS"]


def _spread(terms: list[Any]) -> list[Any]:
    """One level of lists taken apart."""
    flat: list[Any] = []
    for term in terms:
        flat += term if isinstance(term, (list, tuple)) else [term]
    return flat


def items(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return _spread(terms)


def whole(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return terms


def indexed(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [[index, item] for index, item in enumerate(_spread(terms))]


def _deep(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        return [value]
    return [inner for item in value for inner in _deep(item)]


def flattened(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [item for item in _deep(terms) if item not in (None, "None", "null")]


def _as_lists(terms: list[Any]) -> list[list[Any]]:
    return [list(term) if isinstance(term, (list, tuple)) else [term] for term in terms]


def nested(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """Every combination of an item of each list; the first list turns slowest."""
    if not terms:
        raise ValueError("it needs at least one list")
    return [_deep_once(combined) for combined in itertools.product(*_as_lists(terms))]


def _deep_once(combined: tuple[Any, ...]) -> list[Any]:
    return _spread(list(combined))


def cartesian(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [list(combined) for combined in itertools.product(*_as_lists(terms))]


def together(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """The first items of all lists, the second ones, and so on; None where a list has ended."""
    if not terms:
        raise ValueError("it needs at least one list")
    return [_spread(list(row)) for row in itertools.zip_longest(*_as_lists(terms))]


def table_items(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    found = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise TypeError(f"the lookup plugin expects a dictionary, not a {type_name(term)}")
        found += [{"key": key, "value": value} for key, value in term.items()]
    return found


def random_choice(_call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [secrets.choice(terms)] if terms else terms


def subelements(_call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    if not 2 <= len(terms) <= 3:
        raise ValueError("it expects a list of two or three: elements, a path, flags")
    flags = terms[2] if len(terms) == 3 else options
    if not isinstance(flags, Mapping):
        raise TypeError("the optional third item must be a dict, such as {skip_missing: true}")
    elements, path = terms[0], terms[1]
    if not isinstance(elements, (list, Mapping)):
        raise TypeError(f"it expects first a dict or a list, not a {type_name(elements)}")
    if not isinstance(path, str):
        raise TypeError(f"it expects second a string, not a {type_name(path)}")
    if isinstance(elements, Mapping):
        elements = [] if elements.get("skipped") else list(elements.values())
    kept = [item for item in elements if not (isinstance(item, Mapping) and item.get("skipped"))]
    skip = to_bool(flags.get("skip_missing", False))
    # The element comes without the list that it was taken apart by.
    last = path.rsplit(".", 1)[-1]
    return [
        [{key: value for key, value in element.items() if key != last}, item]
        for element, item in subelements_filter(kept, path, skip)
    ]


LOOKUPS: Mapping[str, Lookup] = {
    "cartesian": cartesian,
    "dict": table_items,
    "flattened": flattened,
    "indexed_items": indexed,
    "items": items,
    "list": whole,
    "nested": nested,
    "random_choice": random_choice,
    "subelements": subelements,
    "together": together,
}
