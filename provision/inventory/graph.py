"""Hosts and groups with their edges, as the inventory formats build them.

Everything derived (members, ancestors, depths) is computed on demand and forgotten whenever
the graph changes, so add_host and group_by at run time need nothing special.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from provision.errors import InventoryError, Mark
from provision.inventory.model import Group, Host, Layer
from provision.yamlsource import Map

__all__ = ["LOCALHOST", "Graph"]

LOCALHOST = ("127.0.0.1", "localhost", "::1")
_PRIORITY = "ansible_group_priority"


def _without(values: Mapping[str, object], key: str) -> Mapping[str, object]:
    """A copy that still knows its places: one mapping may stand in several groups."""
    rest = Map(getattr(values, "mark", None))
    rest.update((name, value) for name, value in values.items() if name != key)
    if isinstance(values, Map):
        rest.value_marks = values.value_marks
    return rest


class Graph:
    """All hosts and groups; `all` and `ungrouped` are always there."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.groups: dict[str, Group] = {}
        self.warnings: list[str] = []
        self._edges: dict[tuple[str, str], Mark | None] = {}
        self._members: dict[str, list[str]] = {}
        self._lineage: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._depths: dict[str, int] = {}
        self.group("all")
        self.group("ungrouped")
        self.child("all", "ungrouped")

    def changed(self) -> None:
        """Forget what was derived."""
        self._members.clear()
        self._lineage.clear()
        self._depths.clear()

    def group(self, name: str) -> Group:
        """The group, made when it is new."""
        group = self.groups.get(name)
        if group is None:
            group = self.groups[str(name)] = Group(str(name))
            self.changed()
        return group

    def child(self, parent: str, child: str, mark: Mark | None = None) -> None:
        """Put the group `child` below `parent`. Raises InventoryError for a cycle."""
        if child == "all":
            raise InventoryError(
                f"group 'all' holds every group and cannot be a child of {parent!r}", mark=mark
            )
        if child == parent or parent in self._below(child):
            path = " > ".join([*self._path(child, parent), child])
            related = [
                (place, "the other way round here")
                for place in (self._edges.get(edge) for edge in self._steps(child, parent))
                if place
            ]
            raise InventoryError(
                f"group {child!r} cannot be a child of {parent!r}: it would contain itself",
                mark=mark,
                why=path,
                related=related,
            )
        self.groups[parent].children[child] = None
        self.groups[child].parents[parent] = None
        self._edges.setdefault((parent, child), mark)
        self.changed()

    def host(self, name: str, group: str, *, source: str | None, port: int | None = None) -> Host:
        """The host as a direct member of `group`, made when it is new.

        `port` only counts for a new host, as in Ansible.
        """
        host = self.hosts.get(name)
        if host is None:
            name = str(name)
            host = self.hosts[name] = Host(name, source)
            if port is not None:
                values = {"ansible_port": port}
                host.layers.append(Layer("host, in the inventory", source or "", None, values))
        host.groups[group] = None
        self.groups[group].hosts[host.name] = None
        return host

    def set_host_vars(
        self, host: Host, values: Mapping[str, object], source: str, mark: Mark | None
    ) -> None:
        if values:
            host.layers.append(Layer("host, in the inventory", source, mark, values))

    def set_group_vars(
        self, group: Group, values: Mapping[str, object], source: str, mark: Mark | None
    ) -> None:
        """Add inline variables; takes ansible_group_priority out of them."""
        if _PRIORITY in values:
            priority = values[_PRIORITY]
            values = _without(values, _PRIORITY)
            try:
                group.priority = int(str(priority))
            except ValueError:
                raise InventoryError(
                    f"{_PRIORITY} of group {group.name!r} is not a whole number: {priority!r}",
                    mark=getattr(priority, "mark", None) or mark,
                ) from None
            self.changed()
        if values:
            level = f"group {group.name}, in the inventory"
            group.layers.append(Layer(level, source, mark, values))

    def settle(self) -> None:
        """Hang parentless groups below `all` and groupless hosts into `ungrouped`."""
        for name, group in self.groups.items():
            if name != "all" and not group.parents:
                self.child("all", name)
        ungrouped = self.groups["ungrouped"]
        for name, host in self.hosts.items():
            others = host.groups.keys() - {"all", "ungrouped"}
            if not others:
                host.groups["ungrouped"] = None
                ungrouped.hosts[name] = None
            elif "ungrouped" in host.groups:
                del host.groups["ungrouped"]
                ungrouped.hosts.pop(name, None)
        for name in sorted(self.groups.keys() & self.hosts.keys()):
            self.warn(f"{name!r} is the name of both a host and a group; patterns mean the host")
        self.changed()

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def members(self, group: str) -> list[str]:
        """Names of all hosts in and below `group`: its own first, then level by level."""
        found = self._members.get(group)
        if found is None:
            seen: dict[str, None] = {}
            for name in self._below(group):
                seen.update(self.groups[name].hosts)
            found = self._members[group] = list(seen)
        return found

    def lineage(self, direct: Iterable[str]) -> tuple[str, ...]:
        """The groups `direct` and their ancestors without `all`, weakest first."""
        key = tuple(direct)
        found = self._lineage.get(key)
        if found is None:
            names: set[str] = set()
            open_ = list(key)
            while open_:
                name = open_.pop()
                if name not in names:
                    names.add(name)
                    open_.extend(self.groups[name].parents)
            names.discard("all")
            found = tuple(sorted(names, key=self._rank))
            self._lineage[key] = found
        return found

    def _rank(self, name: str) -> tuple[int, int, str]:
        return (self._depth(name), self.groups[name].priority, name)

    def _depth(self, name: str) -> int:
        """The longest way down from a group without parents."""
        if name not in self._depths:
            parents = self.groups[name].parents
            self._depths[name] = 1 + max(map(self._depth, parents)) if parents else 0
        return self._depths[name]

    def _below(self, group: str) -> dict[str, None]:
        """`group` and its descendants, breadth first."""
        seen: dict[str, None] = {group: None}
        level = [group]
        while level:
            below = [child for name in level for child in self.groups[name].children]
            level = [name for name in dict.fromkeys(below) if name not in seen]
            seen.update(dict.fromkeys(level))
        return seen

    def _path(self, start: str, end: str) -> list[str]:
        """Groups on a way down from `start` to `end`, which must exist."""
        came: dict[str, str] = {}
        open_ = [start]
        while open_ and end not in came and start != end:
            name = open_.pop()
            for child in self.groups[name].children:
                if child not in came:
                    came[child] = name
                    open_.append(child)
        path = [end]
        while path[-1] != start:
            path.append(came[path[-1]])
        return path[::-1]

    def _steps(self, start: str, end: str) -> list[tuple[str, str]]:
        path = self._path(start, end)
        return list(pairwise(path))
