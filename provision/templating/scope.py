"""The variables a template sees, looked up and rendered only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2.utils import missing

from provision.errors import TemplateError
from provision.templating.lazy import LazyMap, LazySeq
from provision.templating.undefined import Missing
from provision.templating.values import SCALARS, is_template, realize, revealed
from provision.yamlsource import Map, Seq, Str

if TYPE_CHECKING:
    from provision.templating.templar import Templar

__all__ = ["Pending", "Scope"]

_PLAIN = SCALARS - {Str}


class Pending(Exception):
    """The variable `name` exists, but its value is not known yet.

    Raised by a layer's `__getitem__`, `__contains__` or `get`; it passes through templates
    untouched, so that the caller can wait and render again.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Scope(Mapping[str, Any]):
    """Variables in layers, from lowest to highest precedence.

    A value that was read from a file (`Str`, `Map`, `Seq`) is a template and is rendered on
    first use; any other value is data and is passed on as it is, whatever it contains. Each
    name is rendered once per Scope. Reading an item as a Mapping gives plain data, and raises
    KeyError for an unknown name, UndefinedVariable or TemplateError for one that does not
    render.
    """

    __slots__ = ("_cache", "_layers", "templar")

    def __init__(self, layers: Sequence[Mapping[str, object]], *, templar: Templar) -> None:
        self._layers: tuple[Mapping[str, object], ...] = tuple(reversed(layers))
        self._cache: dict[str, Any] = {}
        self.templar = templar

    def child(self, layer: Mapping[str, object]) -> Scope:
        """A scope with `layer` on top of this one's layers."""
        scope = Scope.__new__(Scope)
        scope._layers = (layer, *self._layers)
        scope._cache = {}
        scope.templar = self.templar
        return scope

    def under(self, layer: Mapping[str, object]) -> Scope:
        """A scope with `layer` below this one's layers."""
        scope = self.child(layer)
        scope._layers = (*self._layers, layer)
        return scope

    def raw(self, name: str) -> Any:
        """The value of `name` as its highest layer has it; `missing` when none has."""
        for layer in self._layers:
            if name in layer:
                return layer[name]
        return missing

    def resolve(self, name: str) -> Any:
        """The value of `name` for a template: lazy, a Missing, or `missing` for no such name."""
        cache = self._cache
        if name in cache:
            return cache[name]
        value = self.raw(name)
        if type(value) not in _PLAIN:
            value = self.lazily(value, name)
        cache[name] = value
        return value

    def lazily(self, value: Any, label: str) -> Any:
        """Template text rendered, a container of it wrapped; `label` names it in errors."""
        kind = type(value)
        if kind is Map or kind is Seq:
            if not self.templar.holds_template(value):
                return value
            return LazyMap(value, self, label) if kind is Map else LazySeq(value, self, label)
        if isinstance(value, Str):
            return self._render(value, label) if is_template(value) else value
        return revealed(value)

    def _render(self, source: Str, label: str) -> Any:
        step = (id(self), label)
        chain = self.templar.chain()
        if step in chain:
            names = [name for _, name in chain[chain.index(step) :]] + [label]
            raise TemplateError(
                f"{names[0]!r} is defined through itself",
                mark=source.mark,
                why=" → ".join(names),
            )
        chain.append(step)
        try:
            value = self.templar.render_text(source, self)
        finally:
            chain.pop()
        if isinstance(value, Missing):
            value.came_from(source, source.mark)
        return value

    def names(self) -> set[str]:
        """Every name that a layer has."""
        return {name for layer in self._layers for name in layer}

    def __getitem__(self, name: str) -> Any:
        value = self.resolve(name)
        if value is missing:
            raise KeyError(name)
        return self.templar.settle(value, name, self)

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if self.resolve(name) is not missing else default

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __repr__(self) -> str:
        return f"<Scope of {len(self._layers)} layers>"

    def plain(self) -> dict[str, Any]:
        """All variables, rendered. Raises what rendering any of them raises."""
        return {name: realize(self.resolve(name)) for name in self.names()}

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other
