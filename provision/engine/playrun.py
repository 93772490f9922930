"""What the hosts of one play share while it runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision import __version__
from provision.engine.connections import Connections
from provision.engine.context import Shared
from provision.engine.events import Event
from provision.engine.hostvars import HostState, HostVarsView, scope_layers
from provision.engine.options import RunOptions
from provision.engine.requests import Place
from provision.errors import PlaybookError
from provision.inventory import Inventory
from provision.inventory.graph import LOCALHOST
from provision.playbook import Files, Inherited, Item, Play, RoleReader, Task, TaskReader
from provision.playbook.model import Include, Role
from provision.secrets.redact import Redactor
from provision.templating import Scope, Templar, trusted

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
    reload: Callable[[], Inventory] | None = None
    grown: list[Callable[[Inventory], object]] = field(default_factory=list)
    growing: threading.Lock = field(default_factory=threading.Lock)
    start_found: bool = False  # the task of --start-at-task has been met
    directory: Path | None = None  # of the playbook whose play runs

    def knows(self, name: str) -> bool:
        return name in self.inventory.hosts or name in LOCALHOST

    def state(self, name: str) -> HostState:
        """What is known of a host, also of one that only a delegation names."""
        state = self.states.get(name)
        if state is None:
            state = HostState(name)
            state.directory = self.directory
            if self.knows(name):
                state.inventory_vars = self.inventory.variables(name, playbook_dir=self.directory)
            state = self.states.setdefault(name, state)
        return state

    def enter(self, name: str, directory: Path) -> HostState:
        """A host's state as a play begins: variables beside that playbook count."""
        state = self.state(name)
        state.ended = False
        state.directory = directory
        if self.knows(name):
            state.inventory_vars = self.inventory.variables(name, playbook_dir=directory)
        return state

    def magic(self) -> dict[str, Any]:
        """Variables that are the same everywhere."""
        options = self.options
        return {
            "ansible_check_mode": options.check,
            "ansible_diff_mode": options.diff,
            "ansible_verbosity": options.verbosity,
            "ansible_forks": options.forks,
            "ansible_limit": options.limit or "all",
            "ansible_run_tags": sorted(options.tags),
            "ansible_skip_tags": sorted(options.skip_tags),
            "ansible_version": ANSIBLE_VERSION,
            "ansible_playbook_python": sys.executable,
            "ansible_inventory_sources": list(self.inventory.sources),
            "provision_version": __version__,
        }

    def grow(self, change: Callable[[Inventory], object]) -> None:
        """add_host and group_by: changes the inventory of this run, one at a time."""
        with self.growing:
            change(self.inventory)
            self.grown.append(change)

    def refresh_inventory(self) -> None:
        """meta: refresh_inventory. What the run itself has added stays."""
        if self.reload is None:
            return
        with self.growing:
            inventory = self.reload()
            for change in self.grown:
                change(inventory)
            self.inventory = inventory
        for name, state in tuple(self.states.items()):
            if self.knows(name):
                state.inventory_vars = inventory.variables(name, playbook_dir=state.directory)


@dataclass(slots=True)
class Included:
    """What a dynamic include brought: read once for all hosts."""

    items: Sequence[Item]
    handlers: Sequence[Item] = ()
    role: Role | None = None
    name: str = ""  # the file, or the role

    @property
    def exposed(self) -> Role | None:
        """The role when its defaults and variables are seen by what follows, too."""
        return self.role if self.role is not None and self.role.public else None


def _spelled(pattern: Any) -> str:
    return ",".join(map(str, pattern)) if isinstance(pattern, list) else str(pattern)


class PlayRun:
    """One play over one batch of hosts."""

    def __init__(
        self,
        run: RunShared,
        play: Play,
        hosts: Sequence[str],
        everyone: Sequence[str],
        *,
        prompts: Mapping[str, Any] | None = None,
        lost_before: Iterable[str] = (),
    ) -> None:
        self.run = run
        self.play = play
        self.hosts = tuple(hosts)
        self.everyone = tuple(everyone)
        self.ended = False  # meta: end_play or end_batch
        self.ended_for_good = False  # meta: end_play
        self.lost: set[str] = set()  # hosts that failed or cannot be reached
        self.lost_before = frozenset(lost_before)  # in earlier batches
        self.prompts = prompts or {}
        self.exported = () if run.options.private_role_vars else play.exported_roles
        self.reader = TaskReader(run.files, play.directory)
        self.roles = RoleReader(run.files, self.reader)
        self.roles.begin_play()
        self._included: dict[object, Included] = {}
        self._lock = threading.Lock()
        self.directory = str(play.directory.resolve())
        self._magic = self._play_magic()
        strategy = self._strategy()
        self.linear = strategy == "linear"
        self.free = strategy in ("free", "host_pinned")
        self.counts_failures = play.max_fail_percentage is not None and len(hosts) > 1
        self._fallen: set[Place] = set()  # places where a failure was everybody's
        self._failed: set[str] = set()
        self._throttles: dict[tuple[int, int], threading.Semaphore] = {}
        self._remembered: dict[object, Any] = {}

    def _strategy(self) -> str:
        """Which way hosts go through the play; empty: each on its own where nobody can tell."""
        told = self.play.strategy or self.run.options.strategy
        if "{{" in told:
            scope = Scope(
                [*self.play.inherited.vars, self.play.vars, self.run.options.extra_vars],
                templar=self.run.templar,
            )
            told = str(self.run.templar.render(trusted(told), scope))
        name = told.rpartition(".")[2]
        if name and name not in ("linear", "free", "host_pinned", "debug"):
            raise PlaybookError(f"no strategy {told!r}", mark=self.play.mark)
        return name

    # -- what hosts do together -------------------------------------------------------

    def fell(self, place: Place, host: str, *, for_all: bool, for_good: bool) -> None:
        """A host has failed at `place`. `for_all`: that fails everybody; `for_good`: no rescue
        section will catch it."""
        with self._lock:
            if for_good:
                self._failed.add(host)
            limit = self.play.max_fail_percentage
            share = len(self._failed | self.lost) / len(self.hosts) * 100
            if for_all or (limit is not None and share > float(limit)):
                self._fallen.add(place)

    def has_fallen(self, place: Place) -> bool:
        return place in self._fallen

    @contextmanager
    def throttled(self, task: Task, limit: int) -> Iterator[None]:
        """At most `limit` hosts at a time; 0 for any number."""
        if not limit:
            yield
            return
        with self._lock:
            gate = self._throttles.setdefault((id(task), limit), threading.Semaphore(limit))
        with gate:
            yield

    def remembered(self, key: object, make: Callable[..., Any], *args: Any) -> Any:
        """What does not depend on the host is worked out once."""
        if key not in self._remembered:
            self._remembered[key] = make(*args)
        return self._remembered[key]

    # -- variables --------------------------------------------------------------------

    def _play_magic(self) -> dict[str, Any]:
        roles = self.play.roles
        named = list(dict.fromkeys(r.name for r in roles if not r.parents))
        dependencies = list(dict.fromkeys(d.name for r in roles for d in r.dependencies))
        return {
            **self.run.magic(),
            "playbook_dir": self.directory,
            "ansible_play_name": self.play.name or _spelled(self.play.hosts),
            "ansible_play_hosts_all": list(self.everyone),
            "ansible_play_batch": list(self.hosts),
            "ansible_play_role_names": named,
            "role_names": named,
            "ansible_dependent_role_names": dependencies,
            "ansible_role_names": list(dict.fromkeys([*dependencies, *named])),
        }

    def living(self, *, of_batch: bool = True) -> list[str]:
        """Hosts of the batch, or of the whole play, that have not failed."""
        gone = self.lost if of_batch else self.lost | self.lost_before
        return [host for host in (self.hosts if of_batch else self.everyone) if host not in gone]

    def magic(self, state: HostState, inherited: Inherited) -> dict[str, Any]:
        """Variables nobody can override."""
        values = {**self._magic, **self.run.inventory.magic(state.name)}
        values["ansible_play_hosts"] = values["play_hosts"] = ()  # looked up when asked
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
        if name not in self.run.states and not self.run.knows(name):
            return None
        state = self.run.state(name)
        magic = {**self._magic, **self.run.inventory.magic(name)}
        magic["hostvars"] = self.hostvars(sync)
        layers = scope_layers(state, (), Inherited(), (), self.run.options.extra_vars, ())
        return Scope([*layers, magic], templar=self.run.templar)

    def hostvars(self, sync: Callable[[], None]) -> HostVarsView:
        return HostVarsView(
            lambda: list(self.run.inventory.hosts), lambda name: self.scope_of(name, sync), sync
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


def play_variables(
    play: Play, prompts: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Play level variables: import_playbook's, the play's own, prompts and files."""
    answered = [prompts] if prompts else []
    return [*play.inherited.vars, play.vars, *answered, *found]
