"""Filters on lists."""

from __future__ import annotations

import itertools
import random as random_
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.filters import do_unique

from provision.templating.environment import NativeEnvironment
from provision.templating.guard import with_environment
from provision.templating.undefined import type_name
from provision.templating.values import realize

__all__ = ["FILTERS"]

_NULLS = (None, "None", "null")


def flatten(items: Iterable[Any], levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    """Lists in the list as their items, through all levels or the given number of them."""
    flat: list[Any] = []
    for item in items:
        if skip_nulls and (item is None or (isinstance(item, str) and item in _NULLS)):
            continue
        if isinstance(item, (list, tuple)):
            if levels is None:
                flat += flatten(item, None, skip_nulls)
            elif levels >= 1:
                flat += flatten(item, int(levels) - 1, skip_nulls)
            else:
                flat.append(item)
        else:
            flat.append(item)
    return flat


def _distinct(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    seen: set[Any] = set()
    for item in items:
        try:
            if item in seen:
                continue
            seen.add(item)
        except TypeError:  # a mapping or a list
            if item in found:
                continue
        found.append(item)
    return found


class _Members:
    """Membership in a list, fast where its items allow."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = list(items)
        try:
            self.fast: set[Any] | None = set(self.items)
        except TypeError:
            self.fast = None

    def __contains__(self, item: object) -> bool:
        if self.fast is not None:
            try:
                return item in self.fast
            except TypeError:
                return False
        return item in self.items


@with_environment
def unique(
    environment: NativeEnvironment,
    items: Any,
    case_sensitive: bool | None = None,
    attribute: Any = None,
) -> list[Any]:
    """The list without repetitions, in its order."""
    try:
        return list(
            do_unique(environment, items, case_sensitive=bool(case_sensitive), attribute=attribute)
        )
    except TypeError as exc:
        if attribute is not None or case_sensitive is False:
            what = "'attribute' or 'case_sensitive'"
            raise TypeError(f"{exc}; with {what} it cannot fall back to comparing items") from exc
        return _distinct(realize(items))


def union(left: Any, right: Any) -> list[Any]:
    return _distinct([*realize(left), *realize(right)])


def intersect(left: Any, right: Any) -> list[Any]:
    members = _Members(realize(right))
    return _distinct(item for item in realize(left) if item in members)


def difference(left: Any, right: Any) -> list[Any]:
    members = _Members(realize(right))
    return _distinct(item for item in realize(left) if item not in members)


def symmetric_difference(left: Any, right: Any) -> list[Any]:
    return _distinct([*difference(left, right), *difference(right, left)])


def zip_lists(*lists: Any) -> list[Any]:
    return [list(item) for item in zip(*lists, strict=False)]


def zip_longest(*lists: Any, fillvalue: Any = None) -> list[Any]:
    return [list(item) for item in itertools.zip_longest(*lists, fillvalue=fillvalue)]


def product(*lists: Any, repeat: int = 1) -> list[Any]:
    return [list(item) for item in itertools.product(*lists, repeat=repeat)]


def permutations(items: Any, length: int | None = None) -> list[Any]:
    return [list(item) for item in itertools.permutations(items, length)]


def combinations(items: Any, length: int) -> list[Any]:
    return [list(item) for item in itertools.combinations(items, length)]


def _source(seed: Any) -> random_.Random:
    return random_.SystemRandom() if seed is None else random_.Random(seed)  # noqa: S311


def random(end: Any, start: int | None = None, step: int | None = None, seed: Any = None) -> Any:
    """A number below `end`, or an item of a list; the same one again for the same `seed`."""
    source = _source(seed)
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    if not hasattr(end, "__iter__"):
        raise TypeError(
            f"random can only be used on sequences and integers, not a {type_name(end)}"
        )
    if start or step:
        raise ValueError("start and step can only be used with integer values")
    return source.choice(end if isinstance(end, (list, str, tuple)) else list(end))


def shuffle(items: Any, seed: Any = None) -> Any:
    if not hasattr(items, "__iter__"):
        return items
    source = _source(seed)
    mixed = list(items)
    source.shuffle(mixed)
    return mixed


FILTERS: Mapping[str, Callable[..., Any]] = {
    "combinations": combinations,
    "difference": difference,
    "flatten": flatten,
    "intersect": intersect,
    "permutations": permutations,
    "product": product,
    "random": random,
    "shuffle": shuffle,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
    "zip": zip_lists,
    "zip_longest": zip_longest,
}
