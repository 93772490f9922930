"""The variables of hosts, in Ansible's order of precedence, and what is not known yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision.playbook.model import Inherited, Role
from provision.templating import Pending, Scope

__all__ = ["Facts", "HostState", "HostVarsView", "Registers", "scope_layers"]

_MISSING = object()
_PENDING = object()

#: Names that begin like facts and are not.
_NOT_FACTS = frozenset(
    {
        "ansible_check_mode",
        "ansible_config_file",
        "ansible_connection",
        "ansible_diff_mode",
        "ansible_failed_result",
        "ansible_failed_task",
        "ansible_forks",
        "ansible_group_priority",
        "ansible_host",
        "ansible_index_var",
        "ansible_inventory_sources",
        "ansible_limit",
        "ansible_loop",
        "ansible_loop_var",
        "ansible_managed",
        "ansible_parent_role_names",
        "ansible_parent_role_paths",
        "ansible_password",
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "ansible_play_name",
        "ansible_play_role_names",
        "ansible_playbook_python",
        "ansible_port",
        "ansible_private_key_file",
        "ansible_python_interpreter",
        "ansible_remote_tmp",
        "ansible_role_name",
        "ansible_role_names",
        "ansible_run_tags",
        "ansible_search_path",
        "ansible_skip_tags",
        "ansible_user",
        "ansible_verbosity",
        "ansible_version",
    }
)
_NOT_FACT_PREFIXES = ("ansible_ssh_", "ansible_become", "ansible_sudo", "ansible_shell_")


def _is_fact(name: str) -> bool:
    if name == "gpu":
        return True
    return (
        name.startswith("ansible_")
        and name not in _NOT_FACTS
        and not name.startswith(_NOT_FACT_PREFIXES)
    )


class Facts(Mapping[str, Any]):
    """Facts as variables: `ansible_facts`, `ansible_NAME` and `gpu`.

    With `lazy`, facts are gathered when the first template asks for one: the look-up raises
    Pending and the engine sends for them.
    """

    __slots__ = ("_bare", "_known", "gathered", "lazy")

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._bare: set[str] = set()  # names that are variables without ansible_ before them
        self.gathered = False
        self.lazy = False

    def update(self, facts: Mapping[str, Any], *, bare: bool = False) -> None:
        """Adds facts; names may or may not begin with ansible_. With `bare`, those that do not
        are variables of that name too, as what getent and package_facts bring."""
        for name, value in facts.items():
            plain = name.removeprefix("ansible_")
            self._known[plain] = value
            if bare and plain == name:
                self._bare.add(name)

    def clear(self) -> None:
        """Forgets; the next template that asks has them gathered again."""
        self._known.clear()
        self._bare.clear()
        self.gathered = False

    def _find(self, name: object) -> Any:
        if not isinstance(name, str):
            return _MISSING
        if name == "ansible_facts":
            return self._known if self.gathered or not self.lazy else _PENDING
        if name in self._bare:
            return self._known[name]
        if not _is_fact(name):
            return _MISSING
        plain = name if name == "gpu" else name[8:]
        if plain in self._known:
            return self._known[plain]
        return _PENDING if self.lazy and not self.gathered else _MISSING

    def __contains__(self, name: object) -> bool:
        return self._find(name) is not _MISSING

    def __getitem__(self, name: str) -> Any:
        value = self._find(name)
        if value is _MISSING:
            raise KeyError(name)
        if value is _PENDING:
            raise Pending("facts")
        return value

    def __iter__(self) -> Iterator[str]:
        yield "ansible_facts"
        for name in self._known:
            yield name if name == "gpu" else f"ansible_{name}"
        yield from self._bare

    def __len__(self) -> int:
        return len(self._known) + len(self._bare) + 1


class Registers(dict[str, Any]):
    """Results kept by `register` and `set_fact`; a result still on its way raises Pending.

    `undo` takes back what later, unsent tasks have set when an earlier one turns out to fail.
    """

    def __init__(self) -> None:
        super().__init__()
        self._journal: list[tuple[int, str, Any]] = []

    def await_(self, name: str, position: int) -> None:
        self.put(name, _PENDING, position)

    def put(self, name: str, value: Any, position: int | None = None) -> None:
        if position is not None:
            self._journal.append((position, name, super().get(name, _MISSING)))
        super().__setitem__(name, value)

    def settle(self, name: str, value: Any, position: int) -> None:
        """What the task at `position` has given, unless a later one has set the name already."""
        for index, (later, other, _) in enumerate(self._journal):
            if other == name and later > position:
                self._journal[index] = (later, other, value)
                return
        super().__setitem__(name, value)

    def undo(self, after: int) -> None:
        for position, name, before in reversed(self._journal):
            if position > after:
                if before is _MISSING:
                    super().pop(name, None)
                else:
                    super().__setitem__(name, before)
        self._journal.clear()

    def commit(self) -> None:
        self._journal.clear()

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if value is _PENDING:
            raise Pending(name)
        return value


class HostState:
    """What a run knows of one host; lives through all plays."""

    __slots__ = (
        "cheap_facts",
        "counts",
        "directory",
        "ended",
        "facts",
        "included",
        "inventory_vars",
        "name",
        "registers",
        "round_trips",
        "status",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.inventory_vars: Mapping[str, Any] = {}
        self.directory: Path | None = None  # of the playbook whose play it is in
        self.facts = Facts()
        self.cheap_facts: Mapping[str, Any] | None = None
        self.included = Registers()  # include_vars
        self.registers = Registers()
        self.counts: dict[str, int] = {}
        self.status = "ok"  # ok | failed | unreachable
        self.ended = False  # meta: end_host
        self.round_trips = 0

    def layers(self) -> tuple[Mapping[str, Any], ...]:
        return (self.inventory_vars, self.facts, self.included, self.registers)


class HostVarsView(Mapping[str, Any]):
    """`hostvars`: other hosts' variables, each a Scope made when asked for.

    `sync` raises Pending when the asking host has run ahead of the others.
    """

    def __init__(
        self,
        names: Callable[[], Sequence[str]],
        scope_of: Callable[[str], Scope | None],
        sync: Callable[[], None],
    ) -> None:
        self._names = names
        self._scope_of = scope_of
        self._sync = sync

    def __getitem__(self, name: str) -> Any:
        self._sync()
        scope = self._scope_of(str(name))
        if scope is None:
            raise KeyError(name)
        return scope

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


def _role_layers(exported: Sequence[Role], role: Role | None, part: str) -> list[Mapping[str, Any]]:
    """`defaults` or `vars` of the roles that everybody sees, then of the one we are in."""
    layers = [getattr(other, part) for other in exported]
    if role is not None:
        layers += [getattr(other, part) for other in role.dependencies]
        layers += [getattr(owner, part) for owner in role.lineage]
    return [layer for layer in layers if layer]


def scope_layers(
    state: HostState,
    play_vars: Sequence[Mapping[str, Any]],
    inherited: Inherited,
    params: Sequence[Mapping[str, Any]],
    extra_vars: Mapping[str, Any],
    magic: Sequence[Mapping[str, Any]],
    exported: Sequence[Role] = (),
) -> list[Mapping[str, Any]]:
    """Layers from lowest to highest precedence, as Ansible documents it.

    role defaults, inventory, facts, play vars, prompts, vars_files, role vars, block and task
    vars, include_vars, set_fact and register, role parameters, include parameters, extra vars,
    magic variables. `exported` are the roles whose defaults and variables everybody sees.
    """
    role = inherited.role
    layers = _role_layers(exported, role, "defaults")
    layers.append(state.inventory_vars)
    layers.append(state.facts)
    layers += play_vars
    layers += _role_layers(exported, role, "vars")
    layers += inherited.vars
    if state.included:
        layers.append(state.included)
    layers.append(state.registers)
    if role is not None:
        layers += [owner.params for owner in role.lineage if owner.params]
    layers += params
    if extra_vars:
        layers.append(extra_vars)
    layers += magic
    return layers
