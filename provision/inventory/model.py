"""Hosts, groups and the layers their variables come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provision.errors import Mark
from provision.yamlsource import Str, mark_of

__all__ = ["Group", "Host", "Layer"]

Names = dict[str, None]  # a set that keeps its order


@dataclass(frozen=True, slots=True)
class Layer:
    """Variables set at one place.

    level   which step of the precedence it is, e.g. "host_vars beside the playbook"
    source  what set it: a file, an inventory program, or the run itself
    mark    where in that file, if it is one
    """

    level: str
    source: str
    mark: Mark | None
    values: Mapping[str, object]

    def mark_of(self, name: str) -> Mark | None:
        """Where the variable `name` is set: its own place, else the layer's."""
        if name not in self.values:
            return self.mark
        for key in self.values:
            if key == name and isinstance(key, Str) and key.mark:
                return key.mark
        return mark_of(self.values, name) or mark_of(self.values[name]) or self.mark


def _merged(layers: list[Layer]) -> Mapping[str, object]:
    if not layers:
        return {}
    if len(layers) == 1:
        return layers[0].values
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update(layer.values)
    return merged


@dataclass(slots=True)
class Host:
    """A host of the inventory. `groups` are its direct groups, `layers` its inline variables.

    `source` is the file, program or host list that named it first; None for one added while
    running. An `implicit` host is the controller itself, named by a pattern only.
    """

    name: str
    source: str | None = None
    groups: Names = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    implicit: bool = False

    @property
    def vars(self) -> Mapping[str, object]:
        """Inline variables, later definitions over earlier ones. Not to be changed."""
        return _merged(self.layers)


@dataclass(slots=True)
class Group:
    """A group; `hosts`, `children` and `parents` are direct and keep the inventory's order.

    `priority` is ansible_group_priority: among groups of the same depth the higher one wins.
    """

    name: str
    hosts: Names = field(default_factory=dict)
    children: Names = field(default_factory=dict)
    parents: Names = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    priority: int = 1

    @property
    def vars(self) -> Mapping[str, object]:
        """Inline variables, later definitions over earlier ones. Not to be changed."""
        return _merged(self.layers)
