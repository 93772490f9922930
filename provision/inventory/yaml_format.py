"""Inventories in Ansible's YAML format, and the JSON that inventory programs print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import InventoryError, Mark
from provision.inventory.graph import Graph
from provision.inventory.model import Group
from provision.inventory.ranges import expand_hosts
from provision.yamlsource import Str, mark_of

__all__ = ["parse_groups", "parse_program_output"]

_SECTIONS = ("hosts", "children", "vars")


def _section(data: Mapping[Any, Any], key: str, group: str) -> Mapping[Any, Any]:
    """The section `key` as a mapping; a bare string names one host or group."""
    section = data.get(key)
    if section is None:
        return {}
    if isinstance(section, str):
        return {section: None}
    if isinstance(section, Mapping):
        return section
    hint = ""
    if isinstance(section, list):
        hint = f"write each entry of {key!r} as a key, with a colon: '{_first(section)}:'"
    raise InventoryError(
        f"{key!r} of group {group!r} is not a mapping", mark=mark_of(data, key), hint=hint
    )


def _first(items: list[object]) -> object:
    if items and isinstance(items[0], str):
        return items[0]
    return "name"


def _key_mark(key: object, data: Mapping[Any, Any]) -> Mark | None:
    return mark_of(key) or mark_of(data, key)


def parse_groups(graph: Graph, data: Mapping[Any, Any], source: str) -> None:
    """Add the groups of a YAML inventory to `graph`. Raises InventoryError."""
    for name, content in data.items():
        _parse_group(graph, name, content, data, source)


def _group_of(graph: Graph, name: object, parent: Mapping[Any, Any]) -> Group:
    if name is None or name == "":
        raise InventoryError("a group has no name", mark=_key_mark(name, parent))
    return graph.group(str(name))


def _parse_group(
    graph: Graph, name: object, data: object, parent: Mapping[Any, Any], source: str
) -> None:
    group = _group_of(graph, name, parent)
    if data is None:
        return
    if not isinstance(data, Mapping):
        raise InventoryError(
            f"group {group.name!r} is not a mapping",
            mark=mark_of(parent, name) or _key_mark(name, parent),
            hint="a group holds 'hosts', 'children' and 'vars'",
        )
    for key in data:
        if key not in _SECTIONS:
            raise InventoryError(
                f"unknown key {str(key)!r} under group {group.name!r}",
                mark=_key_mark(key, data),
                hint=did_you_mean(str(key), _SECTIONS)
                or "a group holds only 'hosts', 'children' and 'vars'",
            )
    for key in data:
        section = _section(data, key, group.name)
        if key == "vars":
            place = getattr(section, "mark", None)
            graph.set_group_vars(group, section, source, place)
        elif key == "children":
            for child, content in section.items():
                below = _group_of(graph, child, section)
                graph.child(group.name, below.name, _key_mark(child, section))
                _parse_group(graph, child, content, section, source)
        else:
            _parse_hosts(graph, group.name, section, source)


def _parse_hosts(graph: Graph, group: str, section: Mapping[Any, Any], source: str) -> None:
    for pattern, values in section.items():
        mark = pattern.mark if isinstance(pattern, Str) else _key_mark(pattern, section)
        if values is not None and not isinstance(values, Mapping):
            raise InventoryError(
                f"variables of host {str(pattern)!r} are not a mapping",
                mark=mark_of(section, pattern) or mark,
            )
        names, port = expand_hosts(str(pattern), mark)
        for name in names:
            host = graph.host(name, group, source=source, port=port)
            if values:
                graph.set_host_vars(host, values, source, mark)


def parse_program_output(
    graph: Graph, data: Mapping[Any, Any], source: str
) -> tuple[dict[str, None], Mapping[str, Any] | None]:
    """Add what an inventory program printed for --list.

    Returns the hosts it named and `_meta.hostvars`; None when it printed none, so that each
    host's variables must be asked for. Raises InventoryError.
    """
    named: dict[str, None] = {}
    for name, content in data.items():
        if name != "_meta":
            _program_group(graph, str(name), content, named, source)
    meta = data.get("_meta")
    if meta is None:
        return named, None
    hostvars = meta.get("hostvars") if isinstance(meta, Mapping) else None
    if hostvars is None and isinstance(meta, Mapping):
        return named, None
    if not isinstance(hostvars, Mapping):
        raise InventoryError("_meta.hostvars is not an object", mark=Mark(source))
    return named, hostvars


def _program_group(
    graph: Graph, name: str, content: Any, named: dict[str, None], source: str
) -> None:
    group = graph.group(name)
    if not isinstance(content, Mapping):
        content = {"hosts": content}
    elif not any(key in content for key in _SECTIONS):
        content = {"hosts": [name], "vars": content}
    place = Mark(source)
    hosts = content.get("hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise InventoryError(f"'hosts' of group {name!r} is not a list of names", mark=place)
    for host in hosts:
        graph.host(host, name, source=source)
        named[host] = None
    values = content.get("vars", {})
    if not isinstance(values, Mapping):
        raise InventoryError(f"'vars' of group {name!r} is not an object", mark=place)
    graph.set_group_vars(group, values, source, place)
    children = content.get("children", [])
    if not isinstance(children, list | Mapping):
        raise InventoryError(f"'children' of group {name!r} is not a list", mark=place)
    for child in children:
        graph.child(name, graph.group(str(child)).name, place)
