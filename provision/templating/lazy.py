"""Containers from files that render their items when a template asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, SupportsIndex

from provision.templating.values import SCALARS, realize
from provision.yamlsource import Map, Seq, Str

__all__ = ["LazyMap", "LazySeq", "Renderer"]

_FINAL = SCALARS - {Str}


class Renderer(Protocol):
    """Renders an item of a lazy container; `label` names it in errors ("a.b[0]")."""

    def lazily(self, value: object, label: str) -> object: ...


class LazyMap(dict[Any, Any]):
    """A mapping from a file whose templated items are rendered on first use."""

    __slots__ = ("_label", "_renderer", "_todo")

    def __init__(self, raw: Map, renderer: Renderer, label: str) -> None:
        super().__init__(raw)
        self._renderer = renderer
        self._label = label
        self._todo = {key for key, value in raw.items() if type(value) not in _FINAL}

    def _fill(self, key: object) -> Any:
        value = self._renderer.lazily(dict.__getitem__(self, key), f"{self._label}.{key}")
        dict.__setitem__(self, key, value)
        self._todo.discard(key)
        return value

    def filled(self) -> LazyMap:
        """Itself, with every item rendered; what is undefined stands there as Missing."""
        for key in tuple(self._todo):
            self._fill(key)
        return self

    def __getitem__(self, key: object) -> Any:
        if key in self._todo:
            return self._fill(key)
        return dict.__getitem__(self, key)

    def get(self, key: object, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401

    # Overridden so that dict(lazy) and {**lazy} go through keys() and __getitem__.
    def __iter__(self) -> Iterator[Any]:
        return dict.__iter__(self)

    def items(self) -> Any:
        return dict.items(self.filled())

    def values(self) -> Any:
        return dict.values(self.filled())

    def copy(self) -> dict[Any, Any]:
        return dict(self.items())

    def pop(self, *args: Any) -> Any:
        return dict.pop(self.filled(), *args)

    def popitem(self) -> tuple[Any, Any]:
        return dict.popitem(self.filled())

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return dict.setdefault(self.filled(), key, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        dict.update(self.filled(), *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        # dict compares with the other's stored items, past its methods.
        right = other.filled() if isinstance(other, LazyMap) else other
        return dict.__eq__(self.filled(), right)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __or__(self, other: Any) -> Any:
        return dict(self.items()) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self.items())

    def __repr__(self) -> str:
        return repr(realize(self))

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[type, tuple[object]]:
        return (dict, (dict(self.items()),))

    __hash__ = None


class LazySeq(list[Any]):
    """A sequence from a file whose templated items are rendered on first use."""

    __slots__ = ("_label", "_renderer", "_todo")

    def __init__(self, raw: Seq, renderer: Renderer, label: str) -> None:
        super().__init__(raw)
        self._renderer = renderer
        self._label = label
        self._todo = {index for index, value in enumerate(raw) if type(value) not in _FINAL}

    def _fill(self, index: int) -> Any:
        value = self._renderer.lazily(list.__getitem__(self, index), f"{self._label}[{index}]")
        list.__setitem__(self, index, value)
        self._todo.discard(index)
        return value

    def filled(self) -> LazySeq:
        """Itself, with every item rendered; what is undefined stands there as Missing."""
        for index in tuple(self._todo):
            self._fill(index)
        return self

    def __getitem__(self, index: Any) -> Any:
        if self._todo:
            if not isinstance(index, int):
                self.filled()
            else:
                place = index + len(self) if index < 0 else index
                if place in self._todo:
                    return self._fill(place)
        return list.__getitem__(self, index)

    def __iter__(self) -> Iterator[Any]:
        return list.__iter__(self.filled())

    def __radd__(self, other: list[Any]) -> list[Any]:
        return other + list(self)

    def __repr__(self) -> str:
        return repr(realize(self))

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[type, tuple[object]]:
        return (list, (list(self),))

    __hash__ = None


def _filled_first(name: str) -> Callable[..., Any]:
    method = getattr(list, name)

    def call(self: LazySeq, *args: Any, **kwargs: Any) -> Any:
        # Comparison and addition look into the other list as well, past its methods.
        others = tuple(item.filled() if isinstance(item, LazySeq) else item for item in args)
        return method(self.filled(), *others, **kwargs)

    call.__name__ = name
    return call


for _name in (
    *("__add__", "__mul__", "__rmul__", "__contains__", "__reversed__", "__delitem__"),
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__setitem__", "__iadd__"),
    *("copy", "count", "index", "insert", "pop", "remove", "reverse", "sort"),
):
    setattr(LazySeq, _name, _filled_first(_name))
