"""The variables that a task sees on one host, as layers, and when a look-up must wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.engine.hostvars import HostState, scope_layers
from provision.engine.playrun import PlayRun, play_variables
from provision.errors import PlaybookError, UndefinedVariable
from provision.playbook.model import Inherited, Role, Task
from provision.templating import Pending, Scope
from provision.yamlsource import mark_of

__all__ = ["Variables"]

_LIVING = frozenset({"ansible_play_batch", "ansible_play_hosts", "play_hosts"})
_GROUPS = frozenset({"groups", "group_names"})


class _Magic(dict[str, Any]):
    """Variables nobody can override. What changes on the way is looked up when it is asked."""

    def __init__(self, values: Mapping[str, Any], variables: Variables) -> None:
        super().__init__(values)
        self._variables = variables

    def __getitem__(self, name: str) -> Any:
        if name in _LIVING:
            return self._variables.living(name)
        if name in _GROUPS:
            return self._variables.grouped(name)
        return super().__getitem__(name)


class Variables:
    """One host's in one play.

    `params` are the variables of the includes that the host is in, outermost first; `asking` is
    the task that is being looked at.
    """

    def __init__(self, play: PlayRun, state: HostState) -> None:
        self.play = play
        self.run = play.run
        self.state = state
        self.params: tuple[Mapping[str, Any], ...] = ()
        self.asking: Task | None = None
        self.synced: Task | None = None
        self._play_vars: list[Mapping[str, Any]] = play_variables(play.play, play.prompts, [])
        self._magic: dict[int, _Magic] = {}
        self._hostvars = play.hostvars(self.sync)
        self.exposed: list[Role] = []  # by include_role with `public`

    def sync(self) -> None:
        """What hosts that may be behind us will be is not known until they catch up."""
        asking = self.asking
        if asking is None or len(self.play.hosts) < 2 or self.play.linear:
            return
        if self.synced is not asking:
            raise Pending("hostvars")

    def living(self, name: str) -> list[str]:
        """`ansible_play_hosts` and its like."""
        self.sync()
        return self.play.living(of_batch=name != "ansible_play_hosts")

    def grouped(self, name: str) -> Any:
        """`groups` and `group_names`, which add_host and group_by change."""
        return self.run.inventory.magic(self.state.name)[name]

    def open(self) -> None:
        """Reads the play's vars_files, whose names may be templates."""
        play = self.play.play
        found: list[Mapping[str, Any]] = []
        for entry in play.vars_files:
            found.append(self._vars_file(entry))
            self._play_vars = play_variables(play, self.play.prompts, found)

    def _vars_file(self, entry: Any) -> Mapping[str, Any]:
        scope = self.at(self.play.play.inherited)
        names = entry if isinstance(entry, list) else [entry]
        try:
            rendered = [self._file_name(name, scope) for name in names]
        except UndefinedVariable as exc:
            if self.state.facts.lazy:
                raise
            # It may be a fact that was not asked for; Ansible goes on without the file, too.
            self.run.templar.warn(f"a vars file is left out: {exc.what}", exc.mark)
            return {}
        for name in rendered:
            for folder in (self.play.play.directory / "vars", self.play.play.directory):
                if (folder / name).is_file():
                    return self._mapping(self.run.files.read(folder / name))
        raise PlaybookError(
            f"no vars file {' or '.join(map(repr, rendered))}",
            mark=mark_of(names[0]) or self.play.play.mark,
        )

    def _file_name(self, name: Any, scope: Scope) -> str:
        rendered = self.run.templar.render(name, scope)
        if not isinstance(rendered, str):
            kind = type(rendered).__name__
            raise PlaybookError(
                f"Invalid `vars_files` value of type {kind!r}: names are wanted",
                mark=mark_of(name) or self.play.play.mark,
            )
        return rendered

    @staticmethod
    def _mapping(value: Any) -> Mapping[str, Any]:
        if value is not None and not isinstance(value, Mapping):
            raise PlaybookError("a vars file holds a mapping", mark=mark_of(value))
        return value or {}

    def at(self, inherited: Inherited, *more: Mapping[str, Any]) -> Scope:
        """The scope at a place of the play."""
        layers = scope_layers(
            self.state,
            self._play_vars,
            inherited,
            self.params,
            self.run.options.extra_vars,
            (*more, self._magic_at(inherited)),
            [*self.play.exported, *self.exposed] if self.exposed else self.play.exported,
        )
        return Scope(layers, templar=self.run.templar)

    def _magic_at(self, inherited: Inherited) -> _Magic:
        key = id(inherited.role)
        found = self._magic.get(key)
        if found is None:
            values = {
                **self.play.magic(self.state, inherited),
                "hostvars": self._hostvars,
                "ansible_search_path": self._search_path(inherited.role),
            }
            found = self._magic[key] = _Magic(values, self)
        return found

    def _search_path(self, role: Role | None) -> list[str]:
        """`ansible_search_path`: where lookups and includes begin, nearest first."""
        owners = [str(owner.path) for owner in reversed(role.lineage)] if role else []
        return [*owners, self.play.directory]

    def of(self, task: Task) -> Scope:
        """The scope of a task."""
        return self.at(task.inherited)
