"""Finds roles and reads what they are made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import Mark, PlaybookError
from provision.playbook import keywords
from provision.playbook.model import Block, Inherited, Item, Role, RoleUse, Task
from provision.playbook.tasks import Files, TaskReader, inherit
from provision.yamlsource import Map, mark_of

__all__ = ["FROM_ARGS", "Asked", "RoleReader", "main_file", "stem"]

#: Arguments that name other files of a role than main.
FROM_ARGS = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
_IMPORT_ARGS = (*FROM_ARGS, "name", "role", "allow_duplicates", "rolespec_validate", "public")
_TRUE = ("true", "yes", "on", "1")


def main_file(folder: Path, name: str = "main") -> Path | None:
    """`name` in a role's folder, with or without an ending."""
    for suffix in (".yml", ".yaml", "", ".json"):
        path = folder / (name + suffix)
        if path.is_file():
            return path
    return None


def stem(name: Any) -> str:
    return str(name).removesuffix(".yml").removesuffix(".yaml")


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in _TRUE


@dataclass(frozen=True, slots=True)
class Asked:
    """A role as a play, a dependency, import_role or include_role asks for it.

    `said` is what its entry says of it besides parameters; `repeats` None leaves it to the
    role's own meta data whether it runs again.
    """

    name: str
    mark: Mark | None = None
    parents: tuple[Role, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)  # of FROM_ARGS
    said: str = ""
    repeats: bool | None = None
    validate: bool = True
    public: bool = True

    def source(self, kind: str) -> str:
        return self.sources.get(f"{kind}_from", "main")

    @property
    def key(self) -> str:
        """The same for what is the same role with the same parameters."""
        params = sorted((str(key), repr(value)) for key, value in self.params.items())
        included = self.repeats is not None
        return repr((self.name, included, params, sorted(self.sources.items()), self.said))


Uses = tuple[list[Role], list[Item], list[Item]]


class RoleReader:
    """Roles of one playbook directory; their files are read once."""

    def __init__(self, files: Files, reader: TaskReader) -> None:
        self.files = files
        self.reader = reader
        reader.import_role = self.import_role

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

    def _file(self, role: str, path: Path, kind: str, name: str, mark: Mark | None) -> Path | None:
        """A file of the role, which must lie in its folder. Raises PlaybookError."""
        folder = path / kind
        found = main_file(folder, name)
        if found is not None and folder not in Path(os.path.normpath(found)).parents:
            raise PlaybookError(
                f"Failed to load {name!r} for role {role!r}, as it is not inside the expected "
                f"role path: {str(folder)!r}",
                mark=mark,
            )
        return found

    def _variables(self, role: str, path: Path, kind: str, asked: Asked) -> Mapping[str, Any]:
        """vars/main.yml, or everything under vars/main/."""
        name = asked.source(kind)
        found = self._file(role, path, kind, name, asked.mark)
        if found is not None:
            return self._mapping(found)
        merged: dict[str, Any] = {}
        folder = path / kind / name
        if folder.is_dir():
            for part in sorted(folder.rglob("*")):
                if part.suffix in (".yml", ".yaml", ".json"):
                    merged.update(self._mapping(part))
        elif name != "main":
            raise PlaybookError(f"role {role!r} has no {kind} {name!r}", mark=asked.mark)
        return merged

    def role(self, asked: Asked) -> Role:
        """A role's variables and where it lies; its tasks are read by `bring`."""
        near = asked.parents[-1].path if asked.parents else None
        path = self.find(asked.name, asked.mark, near)
        name = asked.name.rpartition("/")[2]
        return Role(
            name=name,
            path=path,
            defaults=self._variables(name, path, "defaults", asked),
            vars=self._variables(name, path, "vars", asked),
            params=asked.params,
            parents=asked.parents,
            argument_specs=self._argument_specs(path),
            public=asked.public,
        )

    def meta(self, path: Path) -> Mapping[str, Any]:
        return self._mapping(main_file(path / "meta"))

    def _argument_specs(self, path: Path) -> Mapping[str, Any]:
        own = main_file(path / "meta", "argument_specs")
        found = (self._mapping(own) if own else self.meta(path)).get("argument_specs")
        return found if isinstance(found, Mapping) else {}

    # -- bringing ---------------------------------------------------------------------

    def bring(self, asked: Asked, inherited: Inherited) -> tuple[Role, list[Item], list[Item]]:
        """A role with the roles it depends on before it: the role, items and handlers."""
        roles, items, handlers = self._bring(asked, inherited, ())
        return roles[-1], items, handlers

    def _bring(self, asked: Asked, inherited: Inherited, chain: tuple[Path, ...]) -> Uses:
        role = self.role(asked)
        if role.path in chain:
            raise PlaybookError(
                f"role {asked.name!r} depends on itself",
                mark=asked.mark,
                why=" → ".join(path.name for path in (*chain, role.path)),
            )
        meta = self.meta(role.path)
        below = (*chain, role.path)
        roles, items, handlers = self.uses(
            meta.get("dependencies"), inherited, role.lineage, chain=below
        )
        role = replace(role, dependencies=tuple(roles))
        own = inherited.with_role(role)
        repeats = _bool(meta.get("allow_duplicates", False))
        use = RoleUse(asked.key, role, repeats if asked.repeats is None else asked.repeats)
        tasks = self._tasks(role, own, asked)
        if tasks:
            mark = asked.mark or Mark(str(role.path))
            items.append(Block(tasks, own, mark, name=role.name, use=use))
        handlers += self._handlers(role, own, asked)
        return [*roles, role], items, handlers

    def _tasks(self, role: Role, own: Inherited, asked: Asked) -> list[Item]:
        name = asked.source("tasks")
        path = self._file(role.name, role.path, "tasks", name, asked.mark)
        if path is None and name != "main":
            raise PlaybookError(
                f"Could not find specified file in role: tasks/{name}", mark=asked.mark
            )
        checks = self._checks(role, own, asked) if asked.validate else []
        return [*checks, *(self.reader.file(path, own) if path is not None else ())]

    def _checks(self, role: Role, own: Inherited, asked: Asked) -> list[Item]:
        """The task that checks the role's arguments against what its meta data says of them."""
        name = asked.source("tasks")
        spec = role.argument_specs.get(name)
        if not isinstance(spec, Mapping) or not spec.get("options"):
            return []
        about = spec.get("short_description")
        title = f"Validating arguments against arg spec {name}" + (f" - {about}" if about else "")
        args = Map(mark_of(spec))
        args["argument_spec"] = spec["options"]
        args["provided_arguments"] = dict(role.params)
        args["validate_args_context"] = {
            "type": "role",
            "name": role.name,
            "argument_spec_name": name,
            "path": str(role.path),
        }
        return [
            Task(
                action="validate_argument_spec",
                args=args,
                inherited=replace(own, tags=own.tags | {"always"}),
                mark=asked.mark or Mark(str(role.path)),
                name=title,
                spelled="ansible.builtin.validate_argument_spec",
                order=self.files.number(),
                directory=role.path / "tasks",
            )
        ]

    def _handlers(self, role: Role, own: Inherited, asked: Asked) -> list[Item]:
        name = asked.source("handlers")
        path = self._file(role.name, role.path, "handlers", name, asked.mark)
        if path is None:
            if name != "main":
                raise PlaybookError(
                    f"Could not find specified file in role: handlers/{name}", mark=asked.mark
                )
            return []
        return self.reader.file(path, own, handlers=True)

    # -- uses -------------------------------------------------------------------------

    def uses(
        self,
        entries: Any,
        inherited: Inherited,
        parents: tuple[Role, ...] = (),
        *,
        chain: tuple[Path, ...] = (),
    ) -> Uses:
        """`roles:` of a play or `dependencies:` of a role: roles, tasks and handlers."""
        roles: list[Role] = []
        tasks: list[Item] = []
        handlers: list[Item] = []
        if entries is None:
            return roles, tasks, handlers
        if not isinstance(entries, list):
            raise PlaybookError(
                "A malformed role declaration was encountered.",
                mark=mark_of(entries),
                hint="a list of roles is wanted here",
            )
        for at, entry in enumerate(entries):
            asked, below = self._entry(entry, inherited, mark_of(entries, at), parents)
            more = self._bring(asked, below, chain)
            roles += more[0]
            tasks += more[1]
            handlers += more[2]
        return roles, tasks, handlers

    def _entry(
        self, entry: Any, inherited: Inherited, mark: Mark | None, parents: tuple[Role, ...]
    ) -> tuple[Asked, Inherited]:
        layers = self.reader.known(inherited)
        if isinstance(entry, str):
            if "," in entry:
                raise PlaybookError(
                    f"Invalid old style role requirement: {entry}",
                    mark=mark,
                    hint="a name, or a mapping with 'role:'",
                )
            return Asked(str(self.files.render(entry, layers)), mark, parents), inherited
        if not isinstance(entry, Map):
            raise PlaybookError("a role is a name or a mapping", mark=mark)
        name = entry.get("role") or entry.get("name")
        if not name:
            raise PlaybookError("the role has no name", mark=mark)
        params = {k: v for k, v in entry.items() if k not in keywords.ROLE}
        said = repr([(word, entry.get(word)) for word in ("when", "tags", "vars")])
        asked = Asked(str(self.files.render(name, layers)), mark, parents, params, said=said)
        return asked, inherit(inherited, entry)

    def import_role(self, raw: Map, value: Any, inherited: Inherited, mark: Mark) -> list[Item]:
        """The items of `import_role`, in place."""
        args: Mapping[str, Any] = value if isinstance(value, Mapping) else {"name": value}
        if isinstance(value, str) and "=" in value:
            from provision.playbook.freeform import parse_text

            args = parse_text(value, "")
        if isinstance(raw.get("args"), Mapping):
            args = {**raw["args"], **args}
        for key in args:
            if key not in _IMPORT_ARGS:
                raise PlaybookError(
                    f"Invalid options for import_role: {key}",
                    mark=mark_of(key) or mark,
                    hint=did_you_mean(str(key), _IMPORT_ARGS),
                )
        name = args.get("name") or args.get("role")
        if not name:
            raise PlaybookError("import_role names no role", mark=mark)
        layers = self.reader.known(inherited)
        sources = {}
        for key in FROM_ARGS:
            if key not in args:
                continue
            if not isinstance(args[key], str):
                kind = type(args[key]).__name__
                raise PlaybookError(
                    f"Expected a string for {key} but got {kind} instead", mark=mark
                )
            sources[key] = stem(self.files.render(args[key], layers))
        asked = Asked(
            name=str(self.files.render(name, layers)),
            mark=mark,
            parents=inherited.role.lineage if inherited.role else (),
            sources=sources,
            said=repr([(word, raw.get(word)) for word in ("when", "tags", "vars")]),
            repeats=_bool(args.get("allow_duplicates", True)),
            validate=_bool(args.get("rolespec_validate", True)),
            public=_bool(args.get("public", True)),
        )
        role, items, handlers = self.bring(asked, inherited)
        self.imported_roles.append(role)
        self.imported_handlers += handlers
        return items

    #: Roles and handlers that import_role brought since the play began.
    imported_roles: list[Role]
    imported_handlers: list[Item]

    def begin_play(self) -> None:
        self.imported_roles = []
        self.imported_handlers = []
