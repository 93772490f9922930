"""Filters on mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from provision.templating.environment import NativeEnvironment
from provision.templating.guard import with_environment
from provision.templating.undefined import Missing, type_name

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
    for term in terms:
        if isinstance(term, (list, tuple)):
            yield from _tables(term)
        else:
            yield term


def combine(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """One mapping out of several; later ones win. `list_merge` says what becomes of lists."""
    if list_merge not in _LIST_MERGES:
        raise ValueError(f"list_merge is one of {', '.join(_LIST_MERGES)}, not {list_merge!r}")
    result: dict[Any, Any] = {}
    for table in _tables(terms):
        if isinstance(table, Missing):
            str(table)
        if not isinstance(table, Mapping):
            raise TypeError(f"it combines mappings, not a {type_name(table)}")
        result = _merged(result, table, recursive, _LIST_MERGES[list_merge])
    return result


def dict2items(
    table: Any, key_name: str = "key", value_name: str = "value"
) -> list[dict[str, Any]]:
    if not isinstance(table, Mapping):
        raise TypeError(f"it takes a mapping, not a {type_name(table)}")
    return [{key_name: key, value_name: value} for key, value in table.items()]


def items2dict(items: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not isinstance(items, (list, tuple)):
        raise TypeError(f"it takes a list, not a {type_name(items)}")
    try:
        return {item[key_name]: item[value_name] for item in items}
    except KeyError as exc:
        raise ValueError(
            f"each item needs {key_name!r} and {value_name!r}; one has no {exc.args[0]!r}"
        ) from exc
    except TypeError as exc:
        raise TypeError(f"it takes a list of mappings: {exc}") from exc


@with_environment
def extract(environment: NativeEnvironment, item: Any, container: Any, morekeys: Any = None) -> Any:
    """`container[item]`, and further inside by `morekeys`."""
    keys = [] if morekeys is None else morekeys if isinstance(morekeys, list) else [morekeys]
    value = container
    for key in (item, *keys):
        value = environment.getitem(value, key)
    return value


def _inside(element: Any, path: list[str]) -> Any:
    for part in path:
        element = element[part]
    return element


def subelements(obj: Any, subelement: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    """Each element with each item of the list that lies in it under `subelement`."""
    if isinstance(obj, Mapping):
        elements = list(obj.values())
    elif isinstance(obj, list):
        elements = obj
    else:
        raise TypeError(f"it takes a list or a mapping, not a {type_name(obj)}")
    path = subelement.split(".") if isinstance(subelement, str) else list(subelement)
    found = []
    for element in elements:
        try:
            inner = _inside(element, path)
        except KeyError as exc:
            if skip_missing:
                continue
            raise ValueError(
                f"could not find {exc.args[0]!r} key in iterated item {element!r}"
            ) from exc
        except TypeError as exc:
            raise TypeError("the path to the subelements must lead through mappings") from exc
        if not isinstance(inner, list):
            raise TypeError(f"the key {path[-1]!r} should point to a list, got {inner!r}")
        found += [(element, item) for item in inner]
    return found


def rekey_on_member(data: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """Mappings keyed by one of their own items."""
    if duplicates not in ("error", "overwrite"):
        raise ValueError(f"duplicates is error or overwrite, not {duplicates!r}")
    items = data.values() if isinstance(data, Mapping) else data
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise TypeError(f"it takes a list or a mapping, not a {type_name(data)}")
    result: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise TypeError(f"it takes a list of mappings, not of {type_name(item)}")
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
