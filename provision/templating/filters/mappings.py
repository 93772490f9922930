"""Filters on mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from provision.templating.environment import NativeEnvironment
from provision.templating.guard import with_environment
from provision.templating.undefined import Missing, MissingError, type_name

__all__ = ["FILTERS"]

_ListMerge = Callable[[list[Any], list[Any]], list[Any]]


def _without(left: list[Any], right: list[Any]) -> list[Any]:
    return [item for item in left if item not in right]


_LIST_MERGES: dict[str, _ListMerge] = {
    "replace": lambda _old, new: new,
    "keep": lambda old, _new: old,
    "append": lambda old, new: old + new,
    "prepend": lambda old, new: new + old,
    "append_rp": lambda old, new: _without(old, new) + new,
    "prepend_rp": lambda old, new: new + _without(old, new),
}


def _merged(
    old: Mapping[Any, Any], new: Mapping[Any, Any], recursive: bool, merge: _ListMerge
) -> dict[Any, Any]:
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        if recursive and isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _merged(before, value, recursive, merge)
        elif isinstance(before, list) and isinstance(value, list):
            value = merge(before, value)
        result[key] = value
    return result


def _tables(terms: Iterable[Any]) -> Iterable[Any]:
    """Each term, and what a list among them holds."""
    for term in terms:
        if isinstance(term, (list, tuple)):
            yield from term
        else:
            yield term


def combine(
    *terms: Any, recursive: bool = False, list_merge: str = "replace", **unknown: Any
) -> dict[Any, Any]:
    """One mapping out of several; later ones win. `list_merge` says what becomes of lists."""
    if unknown:
        raise TypeError("'recursive' and 'list_merge' are the only valid keyword arguments")
    if list_merge not in _LIST_MERGES:
        raise ValueError(f"list_merge is one of {', '.join(_LIST_MERGES)}, not {list_merge!r}")
    result: dict[Any, Any] = {}
    for table in _tables(terms):
        if isinstance(table, Missing):
            raise MissingError(table, table.message)
        if table is None:
            continue
        if not isinstance(table, Mapping):
            kind = type_name(table)
            raise TypeError(f"failed to combine variables, expected dicts but got a {kind!r}")
        result = _merged(result, table, recursive, _LIST_MERGES[list_merge])
    return result


def dict2items(
    table: Any, key_name: str = "key", value_name: str = "value"
) -> list[dict[str, Any]]:
    if not isinstance(table, Mapping):
        raise TypeError(f"dict2items requires a dictionary, not a {type_name(table)}")
    return [{key_name: key, value_name: value} for key, value in table.items()]


def items2dict(items: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not isinstance(items, (list, tuple)):
        raise TypeError(f"items2dict requires a list, not a {type_name(items)}")
    try:
        return {item[key_name]: item[value_name] for item in items}
    except KeyError as exc:
        raise ValueError(
            "items2dict requires each dictionary in the list to contain the keys "
            f"{key_name!r} and {value_name!r}; one has no {exc.args[0]!r}"
        ) from exc
    except TypeError as exc:
        raise TypeError(f"items2dict requires a list of dictionaries: {exc}") from exc


@with_environment
def extract(environment: NativeEnvironment, item: Any, container: Any, morekeys: Any = None) -> Any:
    """`container[item]`, and further inside by `morekeys`."""
    keys = [] if morekeys is None else morekeys if isinstance(morekeys, list) else [morekeys]
    value = container
    for key in (item, *keys):
        value = environment.getitem(value, key)
    return value


def subelements(obj: Any, subelement: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    """Each element with each item of the list that lies in it under `subelement`."""
    if isinstance(obj, Mapping):
        elements = list(obj.values())
    elif isinstance(obj, list):
        elements = obj
    else:
        raise TypeError(f"obj must be a list of dicts or a nested dict, not a {type_name(obj)}")
    if not isinstance(subelement, (str, list)):
        raise TypeError(f"subelements must be a list or a string, not a {type_name(subelement)}")
    path = subelement.split(".") if isinstance(subelement, str) else list(subelement)
    found = []
    for element in elements:
        inner = _inner_list(element, path, skip_missing)
        found += [(element, item) for item in inner]
    return found


def _inner_list(element: Any, path: list[str], skip_missing: bool) -> list[Any]:
    value = element
    for depth, part in enumerate(path):
        if not isinstance(value, Mapping):
            if skip_missing:
                return []
            name = path[depth - 1] if depth else "item"
            raise TypeError(f"the key {name!r} should point to a dictionary, got {value!r}")
        if part not in value:
            if skip_missing:
                return []
            raise ValueError(f"could not find {part!r} key in iterated item {element!r}")
        value = value[part]
    if not isinstance(value, list):
        if skip_missing and value is None:
            return []
        raise TypeError(f"the key {path[-1]!r} should point to a list, got {value!r}")
    return value


def rekey_on_member(data: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """Mappings keyed by one of their own items."""
    if duplicates not in ("error", "overwrite"):
        raise ValueError(
            f"duplicates parameter to rekey_on_member has unknown value {duplicates!r}; "
            "it is error or overwrite"
        )
    items = data.values() if isinstance(data, Mapping) else data
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise TypeError(f"Type is not a valid list, set, or dict: {type_name(data)}")
    result: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise TypeError(f"List item is not a valid dict: {type_name(item)}")
        if key not in item:
            raise ValueError(f"Key {key} was not found")
        if item[key] in result and duplicates == "error":
            raise ValueError(f"Key {item[key]} is not unique, cannot convert to dict")
        result[item[key]] = item
    return result


FILTERS: Mapping[str, Callable[..., Any]] = {
    "combine": combine,
    "dict2items": dict2items,
    "extract": extract,
    "items2dict": items2dict,
    "rekey_on_member": rekey_on_member,
    "subelements": subelements,
}
