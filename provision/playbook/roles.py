"""Finds roles and reads what they are made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import Mark, PlaybookError
from provision.playbook import keywords
from provision.playbook.model import Inherited, Item, Role
from provision.playbook.tasks import Files, TaskReader, inherit
from provision.yamlsource import Map, mark_of

__all__ = ["RoleReader", "main_file"]


def main_file(folder: Path, name: str = "main") -> Path | None:
    """`name` in a role's folder, with or without an ending."""
    for suffix in (".yml", ".yaml", "", ".json"):
        path = folder / (name + suffix)
        if path.is_file():
            return path
    return None


class RoleReader:
    """Roles of one playbook directory; their files are read once."""

    def __init__(self, files: Files, reader: TaskReader) -> None:
        self.files = files
        self.reader = reader
        reader.import_role = self.import_role
        self._done: set[tuple[Path, str]] = set()

    # -- finding ----------------------------------------------------------------------

    def places(self, near: Path | None = None) -> list[Path]:
        """Folders that hold roles, most specific first."""
        folder = self.reader.playbook_dir
        told = os.environ.get("PROVISION_ROLES_PATH") or os.environ.get("ANSIBLE_ROLES_PATH") or ""
        places = [folder / "roles", *self.files.roles_path]
        places += [Path(part).expanduser() for part in told.split(":") if part]
        if near is not None:
            places += [near.parent]
        return [*places, folder]

    def find(self, name: str, mark: Mark | None, near: Path | None = None) -> Path:
        """A role's folder. Raises PlaybookError."""
        short = name.rpartition("/")[2]
        for place in self.places(near):
            path = place / name
            if path.is_dir():
                return path.resolve()
        known = {
            p.name for place in self.places(near)[:-1] if place.is_dir() for p in place.iterdir()
        }
        looked = ", ".join(str(p) for p in self.places(near))
        raise PlaybookError(
            f"no role {name!r}",
            mark=mark,
            why=f"looked in {looked}",
            hint=did_you_mean(short, known),
        )

    # -- reading ----------------------------------------------------------------------

    def _mapping(self, path: Path | None) -> Mapping[str, Any]:
        if path is None:
            return {}
        value = self.files.read(path)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise PlaybookError("a mapping of variables is wanted here", mark=Mark(str(path)))
        return value

    def _variables(self, folder: Path, name: str) -> Mapping[str, Any]:
        """vars/main.yml, or everything under vars/main/."""
        path = main_file(folder, name)
        if path is not None:
            return self._mapping(path)
        merged: dict[str, Any] = {}
        if (folder / name).is_dir():
            for part in sorted((folder / name).rglob("*")):
                if part.suffix in (".yml", ".yaml", ".json"):
                    merged.update(self._mapping(part))
        return merged

    def role(
        self,
        name: str,
        mark: Mark | None,
        *,
        params: Mapping[str, Any] | None = None,
        parents: tuple[Role, ...] = (),
        vars_from: str = "main",
        defaults_from: str = "main",
    ) -> Role:
        """A role's variables and where it lies; its tasks are read by `tasks`."""
        near = parents[-1].path if parents else None
        path = self.find(name, mark, near)
        specs = main_file(path / "meta", "argument_specs")
        return Role(
            name=name.rpartition("/")[2],
            path=path,
            defaults=self._variables(path / "defaults", defaults_from),
            vars=self._variables(path / "vars", vars_from),
            params=params or {},
            parents=parents,
            argument_specs=self._mapping(specs).get("argument_specs", {}) if specs else {},
        )

    def meta(self, role: Role) -> Mapping[str, Any]:
        return self._mapping(main_file(role.path / "meta"))

    def tasks(
        self, role: Role, inherited: Inherited, tasks_from: str = "main", mark: Mark | None = None
    ) -> list[Item]:
        """The items of a role's task file; empty when it has none called main."""
        path = main_file(role.path / "tasks", tasks_from)
        if path is None:
            if tasks_from == "main":
                return []
            raise PlaybookError(f"role {role.name!r} has no tasks {tasks_from!r}", mark=mark)
        return self.reader.file(path, inherited.with_role(role))

    def handlers(self, role: Role, inherited: Inherited, name: str = "main") -> list[Item]:
        path = main_file(role.path / "handlers", name)
        if path is None:
            return []
        return self.reader.file(path, inherited.with_role(role), handlers=True)

    # -- uses -------------------------------------------------------------------------

    def uses(
        self, entries: Any, inherited: Inherited, parents: tuple[Role, ...] = ()
    ) -> tuple[list[Role], list[Item], list[Item]]:
        """`roles:` of a play or `dependencies:` of a role: roles, tasks and handlers."""
        roles: list[Role] = []
        tasks: list[Item] = []
        handlers: list[Item] = []
        if entries is None:
            return roles, tasks, handlers
        if not isinstance(entries, list):
            raise PlaybookError("a list of roles is wanted here", mark=mark_of(entries))
        for at, entry in enumerate(entries):
            name, params, below = self._entry(entry, inherited, mark_of(entries, at))
            more = self.use(name, params, below, mark_of(entries, at), parents)
            roles += more[0]
            tasks += more[1]
            handlers += more[2]
        return roles, tasks, handlers

    def _entry(
        self, entry: Any, inherited: Inherited, mark: Mark | None
    ) -> tuple[str, Mapping[str, Any], Inherited]:
        if isinstance(entry, str):
            return entry, {}, inherited
        if not isinstance(entry, Map):
            raise PlaybookError("a role is a name or a mapping", mark=mark)
        name = entry.get("role") or entry.get("name")
        if not name:
            raise PlaybookError("the role has no name", mark=mark)
        params = {k: v for k, v in entry.items() if k not in keywords.ROLE}
        return str(name), params, inherit(inherited, entry)

    def use(
        self,
        name: str,
        params: Mapping[str, Any],
        inherited: Inherited,
        mark: Mark | None,
        parents: tuple[Role, ...] = (),
    ) -> tuple[list[Role], list[Item], list[Item]]:
        """One role with its dependencies before it."""
        if any(p.path == self.find(name, mark) for p in parents if (p.path.name == name)):
            raise PlaybookError(f"role {name!r} depends on itself", mark=mark)
        role = self.role(name, mark, params=params, parents=parents)
        meta = self.meta(role)
        # A role already used with the same parameters does not run twice, as in Ansible.
        variables = repr(
            sorted((str(k), str(v)) for layer in inherited.vars for k, v in layer.items())
        )
        seen = (role.path, repr(sorted(map(str, params.items()))) + variables)
        repeated = seen in self._done and not meta.get("allow_duplicates") and bool(parents)
        self._done.add(seen)
        roles, tasks, handlers = self.uses(meta.get("dependencies"), inherited, role.lineage)
        role = replace(role, dependencies=tuple(roles))
        roles = [*roles, role]
        if repeated:
            return roles, tasks, handlers
        own = inherited.with_role(role)
        return (
            roles,
            [*tasks, *self.tasks(role, own)],
            [*handlers, *self.handlers(role, own)],
        )

    def import_role(self, raw: Map, value: Any, inherited: Inherited, mark: Mark) -> list[Item]:
        """The items of `import_role`, in place."""
        args: Mapping[str, Any] = value if isinstance(value, Mapping) else {"name": value}
        if isinstance(value, str) and "=" in value:
            from provision.playbook.freeform import parse_text

            args = parse_text(value, "")
        known = ("name", "role", "tasks_from", "vars_from", "defaults_from", "handlers_from",
                 "allow_duplicates", "rolespec_validate", "public")  # fmt: skip
        for key in args:
            if key not in known:
                raise PlaybookError(
                    f"import_role has no argument {str(key)!r}",
                    mark=mark_of(key) or mark,
                    hint=did_you_mean(str(key), known),
                )
        name = args.get("name") or args.get("role")
        if not name:
            raise PlaybookError("import_role names no role", mark=mark)
        layers = (*inherited.vars, self.files.extra_vars)
        name = str(self.files.render(name, layers))
        role = self.role(
            name,
            mark,
            parents=inherited.role.lineage if inherited.role else (),
            vars_from=_stem(args.get("vars_from", "main")),
            defaults_from=_stem(args.get("defaults_from", "main")),
        )
        dependencies, before, handlers = self.uses(
            self.meta(role).get("dependencies"), inherited, role.lineage
        )
        role = replace(role, dependencies=tuple(dependencies))
        source = _stem(str(self.files.render(args.get("tasks_from", "main"), layers)))
        own = inherited.with_role(role)
        self.imported_roles.append(role)
        self.imported_handlers += [
            *handlers,
            *self.handlers(role, own, _stem(args.get("handlers_from", "main"))),
        ]
        return [*before, *self.tasks(role, own, source, mark)]

    #: Roles and handlers that import_role brought since the play began.
    imported_roles: list[Role]
    imported_handlers: list[Item]

    def begin_play(self) -> None:
        self._done = set()
        self.imported_roles = []
        self.imported_handlers = []


def _stem(name: Any) -> str:
    text = str(name)
    for suffix in (".yml", ".yaml"):
        if text.endswith(suffix):
            return text[: -len(suffix)]
    return text
