"""Inventories in the shapes that `ansible-inventory` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from provision.inventory.inventory import Inventory
from provision.inventory.model import Host

__all__ = ["as_json", "graph_lines"]


def as_json(
    inventory: Inventory, hosts: Iterable[Host], *, playbook_dir: Path | None = None
) -> dict[str, Any]:
    """The object of `ansible-inventory --list`, for `hosts` and the groups that have them."""
    names = {host.name: None for host in hosts}
    variables = {name: inventory.variables(name, playbook_dir=playbook_dir) for name in names}
    listing: dict[str, Any] = {
        "_meta": {"hostvars": {name: values for name, values in variables.items() if values}}
    }
    for name, group in inventory.groups.items():
        shown = [host for host in group.hosts if host in names] if name != "all" else []
        children = [
            child
            for child in group.children
            if child != "ungrouped" or inventory.groups["ungrouped"].hosts
        ]
        content = {"hosts": shown, "children": children}
        if shown or children:
            listing[name] = {key: value for key, value in content.items() if value}
    return listing


def graph_lines(
    inventory: Inventory, group: str, variables: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[str]:
    """The tree below `group`, a line each: `@group:` and its members indented by `  |`.

    `variables` are texts to show below the hosts that have them.
    """
    yield f"@{group}:"
    yield from _below(inventory, group, 1, variables or {})


def _below(
    inventory: Inventory, name: str, depth: int, variables: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    rail = "  |" * depth
    group = inventory.groups[name]
    for child in group.children:
        yield f"{rail}--@{child}:"
        yield from _below(inventory, child, depth + 1, variables)
    if name == "all":
        return  # its own hosts stand in `ungrouped` or in another group too
    for host in group.hosts:
        yield f"{rail}--{host}"
        for key, value in variables.get(host, {}).items():
            yield f"{rail}  |--{{{key} = {value}}}"
