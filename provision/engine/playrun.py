"""What the hosts of one play share while it runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision import __version__
from provision.engine.connections import Connections
from provision.engine.context import Shared
from provision.engine.events import Event
from provision.engine.hostvars import HostState, HostVarsView, scope_layers
from provision.engine.options import RunOptions
from provision.inventory import Inventory
from provision.playbook import Files, Inherited, Item, Play, RoleReader, TaskReader
from provision.playbook.model import Include, Role
from provision.secrets.redact import Redactor
from provision.templating import Scope, Templar

__all__ = ["Included", "PlayRun", "RunShared"]

#: The ansible-core whose documented behaviour is followed; playbooks ask for it.
ANSIBLE_VERSION = {"full": "2.19.14", "major": 2, "minor": 19, "revision": 14, "string": "2.19.14"}


@dataclass(slots=True)
class RunShared:
    """What a whole run shares."""

    inventory: Inventory
    options: RunOptions
    templar: Templar
    connections: Connections
    files: Files
    emit: Callable[[Event], None]
    redactor: Redactor
    states: dict[str, HostState] = field(default_factory=dict)
    shared: Shared = field(default_factory=Shared)
    stopping: threading.Event = field(default_factory=threading.Event)
    playbook_dir: Path = field(default_factory=Path)


@dataclass(slots=True)
class Included:
    """What a dynamic include brought: read once for all hosts."""

    items: Sequence[Item]
    handlers: Sequence[Item] = ()
    role: Role | None = None
    name: str = ""  # the file, or the role


class PlayRun:
    """One play over one batch of hosts."""

    def __init__(
        self, run: RunShared, play: Play, hosts: Sequence[str], everyone: Sequence[str]
    ) -> None:
        self.run = run
        self.play = play
        self.hosts = tuple(hosts)
        self.everyone = tuple(everyone)
        self.ended = False  # meta: end_play
        self.lost: set[str] = set()  # hosts that failed or cannot be reached
        self.reader = TaskReader(run.files, play.directory)
        self.roles = RoleReader(run.files, self.reader)
        self.roles.begin_play()
        self._included: dict[object, Included] = {}
        self._lock = threading.Lock()
        self._magic = self._play_magic()
        self.linear = self._is_linear()

    def _is_linear(self) -> bool:
        """Whether hosts must go through the play in step: asked for, or it can be told."""
        play = self.play
        if play.strategy.rpartition(".")[2] == "linear" or play.max_fail_percentage is not None:
            return True
        return bool(play.inherited.words.get("any_errors_fatal"))

    def _play_magic(self) -> dict[str, Any]:
        options = self.run.options
        return {
            "playbook_dir": str(self.play.directory.resolve()),
            "ansible_play_name": self.play.name,
            "ansible_play_hosts_all": list(self.everyone),
            "ansible_play_batch": list(self.hosts),
            "ansible_play_role_names": list(dict.fromkeys(r.name for r in self.play.roles)),
            "role_names": list(dict.fromkeys(r.name for r in self.play.roles)),
            "ansible_role_names": list(dict.fromkeys(r.name for r in self.play.roles)),
            "ansible_check_mode": options.check,
            "ansible_diff_mode": options.diff,
            "ansible_verbosity": options.verbosity,
            "ansible_forks": options.forks,
            "ansible_limit": options.limit or "all",
            "ansible_run_tags": sorted(options.tags),
            "ansible_skip_tags": sorted(options.skip_tags),
            "ansible_version": ANSIBLE_VERSION,
            "ansible_playbook_python": sys.executable,
            "ansible_inventory_sources": list(self.run.inventory.sources),
            "provision_version": __version__,
        }

    def living(self) -> list[str]:
        """Hosts of the batch that have not failed."""
        return [host for host in self.hosts if host not in self.lost]

    def magic(self, state: HostState, inherited: Inherited) -> dict[str, Any]:
        """Variables nobody can override."""
        values = {**self._magic, **self.run.inventory.magic(state.name)}
        values["ansible_play_hosts"] = values["play_hosts"] = _Living(self)
        role = inherited.role
        if role is not None:
            values["role_name"] = values["ansible_role_name"] = role.name
            values["role_path"] = str(role.path)
            parents = [parent.name for parent in reversed(role.parents)]
            values["ansible_parent_role_names"] = parents
            values["ansible_parent_role_paths"] = [str(p.path) for p in reversed(role.parents)]
        return values

    def scope_of(self, name: str, sync: Callable[[], None]) -> Scope | None:
        """Another host's variables, as `hostvars` shows them: without the play's own."""
        state = self.run.states.get(name)
        if state is None:
            if name not in self.run.inventory.hosts and name != "localhost":
                return None
            state = HostState(name)
            state.inventory_vars = self.run.inventory.variables(
                name, playbook_dir=self.play.directory
            )
        magic = {**self._magic, **self.run.inventory.magic(name)}
        magic["hostvars"] = self.hostvars(sync)
        layers = scope_layers(
            state, self.play, (), Inherited(), (), self.run.options.extra_vars, ()
        )
        return Scope([*layers, magic], templar=self.run.templar)

    def hostvars(self, sync: Callable[[], None]) -> HostVarsView:
        inventory = self.run.inventory
        return HostVarsView(
            lambda: list(inventory.hosts), lambda name: self.scope_of(name, sync), sync
        )

    def included(self, key: object, make: Callable[[], Included]) -> Included:
        """What an include brings, read by the first host that asks."""
        with self._lock:
            if key not in self._included:
                self._included[key] = make()
            return self._included[key]

    def include_tasks(self, include: Include, path: Path, inherited: Inherited) -> Included:
        key = (id(include), path)
        return self.included(
            key, lambda: Included(self.reader.file(path, inherited), name=str(path))
        )


class _Living(list[str]):
    """`ansible_play_hosts`: looked up when it is used, since hosts drop out on the way."""

    def __init__(self, play: PlayRun) -> None:
        super().__init__(play.living())


def play_variables(play: Play, found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Play level variables: import_playbook's, the play's own, prompts and files."""
    return [*play.inherited.vars, play.vars, *found]
