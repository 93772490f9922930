"""The loaded inventory: who is in it, which hosts a pattern means, which variables they have."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from provision.diagnostics import did_you_mean
from provision.errors import InventoryError, Mark
from provision.inventory.graph import LOCALHOST, Graph
from provision.inventory.model import Group, Host, Layer
from provision.inventory.patterns import Matcher, read_limit, split_pattern
from provision.inventory.varsfiles import VarsFiles

__all__ = ["Inventory"]

_RUN = "the run"  # what Layer.source says of variables set while running


class Inventory:
    """Hosts and groups in the order of their sources.

    sources   absolute paths and host lists, as given
    warnings  texts for the user that collect while loading, selecting and reading variables
    """

    def __init__(
        self, graph: Graph, sources: Sequence[str], files: VarsFiles | None = None
    ) -> None:
        self._graph = graph
        self._files = files or VarsFiles(warnings=graph.warnings)
        self._implicit: Host | None = None
        self._matcher = Matcher(graph, self._implicit_name)
        self._group_vars: dict[tuple[tuple[str, ...], Path | None], dict[str, object]] = {}
        self._group_lists: dict[str, list[str]] | None = None
        self.sources = tuple(sources)
        self._bases = _bases(sources)

    @property
    def hosts(self) -> dict[str, Host]:
        return self._graph.hosts

    @property
    def groups(self) -> dict[str, Group]:
        return self._graph.groups

    @property
    def warnings(self) -> list[str]:
        return self._graph.warnings

    def host(self, name: str) -> Host:
        """The host `name`, the implicit localhost included. Raises InventoryError."""
        found = self.hosts.get(name)
        if found:
            return found
        if name in LOCALHOST:
            return self._localhost(name)
        raise InventoryError(
            f"no host {name!r} in the inventory", hint=did_you_mean(name, self.hosts)
        )

    def _localhost(self, name: str) -> Host:
        known = [self.hosts[other] for other in LOCALHOST if other in self.hosts]
        if known:
            if len(known) == 1:
                return known[0]
            return next(host for host in self.hosts.values() if host in known)
        if self._implicit is None:
            values = {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable or "/usr/bin/python3",
            }
            layer = Layer("host, implied", "the controller itself", None, values)
            self._implicit = Host(name, layers=[layer], implicit=True)
        return self._implicit

    def _implicit_name(self, name: str) -> str:
        return self._localhost(name).name

    def select(self, pattern: str | Sequence[str], *, limit: str | None = None) -> list[Host]:
        """The hosts `pattern` means, in inventory order within each of its terms.

        What a term of `pattern` fails to match becomes a warning. Raises InventoryError for
        a pattern that cannot be read, and for a `limit` that matches no host at all.
        """
        names, unmatched = self._matcher.resolve(split_pattern(pattern))
        for term in unmatched:
            if term != "all":
                self._graph.warn(self._unmatched(term))
        if limit is not None:
            allowed = self._limited(limit)
            names = [name for name in names if name in allowed]
        return [self.host(name) for name in names]

    def _limited(self, limit: str) -> frozenset[str]:
        terms = read_limit(limit)
        names, unmatched = self._matcher.resolve(terms)
        if not names:
            hints = (did_you_mean(term, [*self.hosts, *self.groups]) for term in unmatched)
            raise InventoryError(
                f"--limit {limit!r} matches no host of the inventory",
                hint=next((hint for hint in hints if hint), ""),
            )
        for term in unmatched:
            self._graph.warn(self._unmatched(term))
        return frozenset(names)

    def _unmatched(self, term: str) -> str:
        hint = did_you_mean(term, [*self.hosts, *self.groups])
        return f"host pattern {term!r} matches nothing" + (f"; {hint}" if hint else "")

    def group_names(self, host: str) -> list[str]:
        """All groups of the host but `all`, sorted."""
        return sorted(self._graph.lineage(self.host(host).groups))

    def members(self, group: str) -> list[str]:
        """Names of the hosts in and below `group`."""
        if group not in self.groups:
            raise InventoryError(
                f"no group {group!r} in the inventory", hint=did_you_mean(group, self.groups)
            )
        return self._graph.members(group)

    def inventory_file(self, host: str) -> str | None:
        """The source that named the host first; None for one added while running."""
        return self.host(host).source

    def inventory_dir(self, host: str) -> str | None:
        """The directory of `inventory_file`; None also for a host list."""
        source = self.host(host).source
        if source is None or ("," in source and not Path(source).exists()):
            return None
        return str(Path(source).parent)

    def magic(self, host: str) -> dict[str, object]:
        """The variables every host has of the inventory itself. Shared, not to be changed."""
        if self._group_lists is None:
            self._group_lists = {name: self._graph.members(name) for name in self.groups}
        return {
            "groups": self._group_lists,
            "group_names": self.group_names(host),
            "inventory_hostname": host,
            "inventory_hostname_short": _short(host),
            "inventory_file": self.inventory_file(host),
            "inventory_dir": self.inventory_dir(host),
        }

    def variables(self, host: str, *, playbook_dir: Path | None = None) -> dict[str, object]:
        """The host's variables by the inventory's levels of Ansible's precedence.

        Values are shared between hosts: not to be changed. Raises InputError for a variable
        file that cannot be read.
        """
        node = self.host(host)
        key = (tuple(node.groups), playbook_dir)
        merged = self._group_vars.get(key)
        if merged is None:
            merged = {}
            for layer in self._group_layers(node, playbook_dir):
                merged.update(layer.values)
            self._group_vars[key] = merged
        merged = merged.copy()
        for layer in self._host_layers(node, playbook_dir):
            merged.update(layer.values)
        return merged

    def explain(
        self, host: str, name: str | None = None, *, playbook_dir: Path | None = None
    ) -> list[Layer]:
        """Every place that sets variables of the host (or the one `name`), weakest first:
        the last one that has a name is what counts."""
        node = self.host(host)
        layers = self._group_layers(node, playbook_dir) + self._host_layers(node, playbook_dir)
        return [layer for layer in layers if name is None or name in layer.values]

    def _group_layers(self, host: Host, playbook_dir: Path | None) -> list[Layer]:
        lineage = self._graph.lineage(host.groups)
        layers = [layer for name in ("all", *lineage) for layer in self.groups[name].layers]
        for names in (("all",), lineage):
            for base, where in self._places(playbook_dir):
                for name in names:
                    layers += self._file_layers(base, "group_vars", name, where)
        return layers

    def _host_layers(self, host: Host, playbook_dir: Path | None) -> list[Layer]:
        layers = host.layers
        for base, where in self._places(playbook_dir):
            found = self._file_layers(base, "host_vars", host.name, where)
            layers = layers + found if found else layers
        return layers

    def _places(self, playbook_dir: Path | None) -> list[tuple[Path, str]]:
        places = [(base, "the inventory") for base in self._bases]
        return [*places, (playbook_dir, "the playbook")] if playbook_dir else places

    def _file_layers(self, base: Path, kind: str, name: str, where: str) -> list[Layer]:
        return [
            Layer(f"{kind} beside {where}", str(path), Mark(str(path)), self._files.read(path))
            for path in self._files.find(base, kind, name)
        ]

    def add_host(
        self,
        name: str,
        groups: Iterable[str] = (),
        vars: Mapping[str, object] | None = None,  # noqa: A002
    ) -> bool:
        """Add a host while running, or groups and variables to one; whether it changed it."""
        known = self.hosts.get(name)
        before = (set(known.groups), dict(known.vars)) if known else None
        for group in groups or (() if known else ("ungrouped",)):
            self._graph.group(group)
            self._graph.host(name, group, source=None)
        host = self.hosts[name]
        if vars:
            self._graph.set_host_vars(host, vars, _RUN, None)
        self._settle()
        return before is None or before != (set(host.groups), dict(host.vars))

    def add_group(
        self, name: str, *, hosts: Iterable[str] = (), parents: Iterable[str] = ()
    ) -> bool:
        """Add a group while running, or hosts and parents to one; whether it changed it."""
        changed = name not in self.groups
        group = self._graph.group(name)
        for host in hosts:
            changed |= host not in group.hosts
            self._graph.host(self.host(host).name, name, source=None)
        for parent in parents:
            changed |= parent not in group.parents
            self._graph.group(parent)
            self._graph.child(parent, name)
        self._settle()
        return changed

    def _settle(self) -> None:
        self._graph.settle()
        self._group_vars.clear()
        self._group_lists = None


def _short(host: str) -> str:
    """The first label of a name; an address stays whole."""
    if ":" in host or host.replace(".", "").isdecimal():
        return host
    return host.split(".", 1)[0]


def _bases(sources: Iterable[str]) -> list[Path]:
    """Where `group_vars` and `host_vars` of each source lie."""
    bases: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            bases.append(path)
        elif "," not in source or path.exists():
            bases.append(path.parent)
    return bases
