"""Reads lists of tasks, blocks, imports and includes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision import yamlsource
from provision.diagnostics import did_you_mean
from provision.errors import InputError, Mark, PlaybookError
from provision.playbook import keywords
from provision.playbook.freeform import parse_text
from provision.playbook.model import Block, Include, Inherited, Item, Loop, Task
from provision.playbook.vocabulary import STATEMENTS, Vocabulary, statement
from provision.yamlsource import Map, Str, Tags, mark_of

__all__ = ["Files", "TaskReader", "inherit", "no_render", "text_list"]

Render = Callable[[Any, Sequence[Mapping[str, Any]]], Any]


def no_render(value: Any, _layers: Sequence[Mapping[str, Any]]) -> Any:
    """For loaders without templating: names must be plain."""
    if isinstance(value, str) and "{{" in value:
        raise PlaybookError(
            "an imported file's name cannot be a template here", mark=mark_of(value)
        )
    return value


@dataclass(slots=True)
class Files:
    """Reads YAML files once, keeps warnings, numbers tasks."""

    vocabulary: Vocabulary
    tags: Tags = field(default_factory=dict)
    render: Render = no_render
    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    roles_path: Sequence[Path] = ()
    warnings: list[str] = field(default_factory=list)
    decrypt: Callable[[bytes, Mark], bytes] | None = None
    _read: dict[Path, Any] = field(default_factory=dict)
    _count: int = 0

    def number(self) -> int:
        self._count += 1
        return self._count

    def _duplicate(self, key: str, mark: Mark, first: Mark) -> None:
        self.warnings.append(f"{mark}: {key!r} is said twice, first at line {first.line}")

    def read(self, path: Path) -> Any:
        """A YAML file's content, parsed once. Raises InputError."""
        if path not in self._read:
            self._read[path] = self._parse(path)
        return self._read[path]

    def _parse(self, path: Path) -> Any:
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise InputError(
                "cannot read file", mark=Mark(str(path)), why=exc.strerror or ""
            ) from exc
        if data.startswith(b"$ANSIBLE_VAULT;"):
            if self.decrypt is None:
                raise InputError(
                    "the file is encrypted",
                    mark=Mark(str(path)),
                    hint="give --vault-password-file or --ask-vault-pass",
                )
            data = self.decrypt(data, Mark(str(path)))
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise InputError("not UTF-8 text", mark=Mark(str(path)), why=str(exc)) from exc
        return yamlsource.load(text, str(path), tags=self.tags, on_duplicate=self._duplicate)


def text_list(value: Any) -> list[Any]:
    """`tags: a, b`, `tags: [a, b]` and `notify: x` as a list."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [part for item in value for part in text_list(item)]
    if isinstance(value, str) and "," in value and "{{" not in value:
        return [Str(part.strip(), mark_of(value)) for part in value.split(",") if part.strip()]
    return [value]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def inherit(parent: Inherited, level: Mapping[str, Any], *, tags: bool = True) -> Inherited:
    """What is handed down below `level`."""
    words = {key: level[key] for key in keywords.INHERITED if key in level}
    variables = level.get("vars")
    if variables is not None and not isinstance(variables, Mapping):
        raise PlaybookError("'vars' takes a mapping", mark=mark_of(level, "vars"))
    said: set[str] = set()
    for tag in text_list(level.get("tags")) if tags else ():
        said.add(str(tag))
    return Inherited(
        words={**parent.words, **words} if words else parent.words,
        when=(*parent.when, *_as_tuple(level["when"])) if "when" in level else parent.when,
        tags=parent.tags | said if said else parent.tags,
        vars=(*parent.vars, variables) if variables else parent.vars,
        environment=(*parent.environment, *_as_tuple(level["environment"]))
        if level.get("environment")
        else parent.environment,
        module_defaults=(*parent.module_defaults, level["module_defaults"])
        if level.get("module_defaults")
        else parent.module_defaults,
        notify=(*parent.notify, *text_list(level.get("notify")))
        if level.get("notify")
        else parent.notify,
        role=parent.role,
    )


_INCLUDE_ARGS = {
    "include_tasks": frozenset({"apply", "file"}),
    "include_role": frozenset(
        {"allow_duplicates", "apply", "defaults_from", "handlers_from", "name", "public", "role"}
        | {"rolespec_validate", "tasks_from", "vars_from"}
    ),
}


class TaskReader:
    """Turns YAML lists into items. `roles` loads a role's tasks for import_role."""

    def __init__(self, files: Files, playbook_dir: Path) -> None:
        self.files = files
        self.playbook_dir = playbook_dir
        self.play_vars: Sequence[Mapping[str, Any]] = ()
        self.import_role: Callable[[Map, Any, Inherited, Mark], list[Item]] | None = None
        self._open: list[Path] = []

    # -- lists ------------------------------------------------------------------------

    def items(
        self, raw: Any, inherited: Inherited, directory: Path, *, handlers: bool = False
    ) -> list[Item]:
        """The items of a list of tasks. Raises PlaybookError."""
        if raw is None:
            return []
        if not isinstance(raw, list):
            raise PlaybookError(
                f"A malformed block was encountered while loading a block: {raw!r} "
                "should be a list or None",
                mark=mark_of(raw),
            )
        found: list[Item] = []
        for at, entry in enumerate(raw):
            if entry is None:
                continue
            if not isinstance(entry, Map):
                raise PlaybookError("a task is a mapping", mark=mark_of(raw, at))
            found += self.item(entry, inherited, directory, handlers=handlers)
        return found

    def file(self, path: Path, inherited: Inherited, *, handlers: bool = False) -> list[Item]:
        """The items of a task file. Raises InputError."""
        if path in self._open:
            raise PlaybookError(
                "a task file imports itself", mark=Mark(str(path)), hint="use include_tasks"
            )
        self._open.append(path)
        try:
            return self.items(self.files.read(path), inherited, path.parent, handlers=handlers)
        finally:
            self._open.pop()

    def item(
        self, raw: Map, inherited: Inherited, directory: Path, *, handlers: bool = False
    ) -> list[Item]:
        if "block" in raw:
            if handlers:
                raise PlaybookError(
                    "Using a block as a handler is not supported.", mark=mark_of(raw, "block")
                )
            return [self.block(raw, inherited, directory, handlers=handlers)]
        for stray in ("rescue", "always"):
            if stray in raw:
                raise PlaybookError(f"{stray!r} without 'block'", mark=mark_of(raw, stray))
        key, name = self._action_key(raw, handlers)
        what = statement(str(name))
        if handlers and what == "include_role":
            raise PlaybookError(
                "Using 'include_role' as a handler is not supported.", mark=mark_of(key)
            )
        if what in ("import_tasks", "import_role"):
            return self._import(what, raw, key, inherited, directory, handlers)
        if what == "import_playbook":
            raise PlaybookError("import_playbook stands among plays", mark=mark_of(key))
        task = self.task(raw, key, name, inherited, directory, handlers=handlers)
        if what in ("include_tasks", "include", "include_role"):
            kind = "role" if what == "include_role" else "tasks"
            return [Include(kind, task, inherited, task.order)]
        return [task]

    def block(
        self, raw: Map, inherited: Inherited, directory: Path, *, handlers: bool = False
    ) -> Block:
        self._known(raw, keywords.BLOCK, "a block")
        below = inherit(inherited, raw)

        def part(name: str) -> list[Item]:
            return self.items(raw.get(name), below, directory, handlers=handlers)

        return Block(
            block=part("block"),
            rescue=part("rescue"),
            always=part("always"),
            inherited=below,
            mark=mark_of(raw) or Mark(""),
            name=str(raw.get("name") or ""),
        )

    # -- one task ---------------------------------------------------------------------

    def _known(self, raw: Map, known: frozenset[str], what: str) -> None:
        for key in raw:
            if key not in known:
                raise PlaybookError(
                    f"{what} has no keyword {str(key)!r}",
                    mark=mark_of(key) or mark_of(raw),
                    hint=did_you_mean(str(key), known),
                )

    def _action_key(self, raw: Map, handlers: bool) -> tuple[Any, str]:
        """The key that names the action, and that name."""
        known = keywords.HANDLER if handlers else keywords.TASK
        others = [key for key in raw if key not in known and not str(key).startswith("with_")]
        for legacy in ("action", "local_action"):
            if legacy in raw:
                if others:
                    raise PlaybookError(
                        f"two actions in one task: {legacy!r} and {str(others[0])!r}",
                        mark=mark_of(others[0]),
                    )
                return legacy, self._legacy_name(raw, legacy)
        if not others:
            raise PlaybookError("the task names no action", mark=mark_of(raw))
        named = [k for k in others if statement(str(k)) or self.files.vocabulary.canonical(str(k))]
        if len(named) == 1 and len(others) > 1:
            stray = next(key for key in others if key is not named[0])
            hint = did_you_mean(str(stray), known)
            raise PlaybookError(
                f"a task has no keyword {str(stray)!r}", mark=mark_of(stray), hint=hint
            )
        if len(named) > 1:
            raise PlaybookError(
                f"two actions in one task: {str(named[0])!r} and {str(named[1])!r}",
                mark=mark_of(named[1]),
            )
        return others[0], str(others[0])

    def _legacy_name(self, raw: Map, key: str) -> str:
        value = raw[key]
        if isinstance(value, Mapping):
            if "module" not in value:
                raise PlaybookError(f"{key!r} names no module", mark=mark_of(raw, key))
            return str(value["module"])
        return str(value).split(None, 1)[0] if str(value).split() else ""

    def _canonical(self, name: str, mark: Mark | None) -> str:
        if statement(name):
            return statement(name)
        if "{{" in name:
            return ""  # each host finds out when it gets there
        found = self.files.vocabulary.canonical(name)
        if found is None:
            known = {*self.files.vocabulary.known(), *keywords.TASK, *STATEMENTS}
            raise PlaybookError(
                f"unknown action {name!r}",
                mark=mark,
                hint=did_you_mean(name.rpartition(".")[2], known)
                or "`provision schema --actions` lists the actions there are",
            )
        return found

    def _args(self, raw: Map, key: Any, action: str, mark: Mark) -> dict[str, Any]:
        value = raw[key]
        if key in ("action", "local_action"):
            if isinstance(value, Mapping):
                value = _flattened(_without(value, "module"))
            else:
                words = str(value).split(None, 1)
                value = Str(words[1], mark_of(value)) if len(words) > 1 else None
        args: Any = Map(mark_of(value) or mark)
        extra = raw.get("args")
        if extra is not None and not isinstance(extra, Mapping):
            if isinstance(extra, str) and "{{" in extra:
                args["_template"] = extra
            else:
                raise PlaybookError("'args' takes a mapping", mark=mark_of(raw, "args"))
        elif extra is not None:
            _copy(extra, args)
        if isinstance(value, Mapping):
            _copy(value, args)
        elif isinstance(value, str) and _is_all_template(value) and not self._free(action):
            args["_template"] = value
        elif isinstance(value, str):
            try:
                _copy(parse_text(value, self.files.vocabulary.free_form(action)), args)
            except ValueError as exc:
                raise PlaybookError(
                    f"cannot read the arguments of {action}", mark=mark_of(value), why=str(exc)
                ) from exc
        elif value is not None:
            free = self.files.vocabulary.free_form(action)
            if not free:
                raise PlaybookError(
                    f"the arguments of {action} are a mapping or text",
                    mark=mark_of(raw, key) or mark,
                )
            args[free] = value
        result: dict[str, Any] = args
        return result

    def _free(self, action: str) -> str:
        return self.files.vocabulary.free_form(action) if action else ""

    def task(
        self,
        raw: Map,
        key: Any,
        name: str,
        inherited: Inherited,
        directory: Path,
        *,
        handlers: bool = False,
    ) -> Task:
        mark = mark_of(raw) or Mark("")
        action = self._canonical(name, mark_of(key) or mark)
        args = self._args(raw, key, action, mark)
        if action and not statement(name) and "_template" not in args:
            self.files.vocabulary.check(action, args, mark)
        if statement(name):
            self._statement_args(statement(name), args, mark)
        below = inherit(inherited, raw)
        if key == "local_action":
            below = replace(below, words={**below.words, "delegate_to": "localhost"})
        return Task(
            action=action,
            args=args,
            inherited=below,
            mark=mark,
            name=str(raw["name"]) if raw.get("name") is not None else "",
            spelled=name,
            register=self._register(raw),
            loop=self._loop(raw),
            until=raw.get("until"),
            retries=raw.get("retries"),
            delay=raw.get("delay", 5),
            changed_when=raw.get("changed_when"),
            failed_when=raw.get("failed_when"),
            async_=raw.get("async", 0),
            poll=raw.get("poll"),
            order=self.files.number(),
            listen=tuple(str(word) for word in text_list(raw.get("listen"))),
            is_handler=handlers,
            directory=directory,
        )

    def _register(self, raw: Map) -> str:
        name = raw.get("register")
        if not name:
            return ""
        if not isinstance(name, str) or not (name.isidentifier() or "{{" in name):
            raise PlaybookError(
                f"Invalid variable name in 'register' specified: {name!r}",
                mark=mark_of(raw, "register"),
                hint="letters, digits and underscores, not starting with a digit",
            )
        return str(name)

    def _statement_args(self, what: str, args: Mapping[str, Any], mark: Mark) -> None:
        """Refuses what an include does not take."""
        known = _INCLUDE_ARGS["include_role" if what == "include_role" else "include_tasks"]
        for key in args:
            if key not in known and key != "_template":
                raise PlaybookError(
                    f"Invalid options for {what}: {key}",
                    mark=mark_of(key) or mark,
                    hint=did_you_mean(str(key), known),
                )

    def _loop(self, raw: Map) -> Loop | None:
        found = [key for key in raw if key == "loop" or str(key).startswith("with_")]
        control = raw.get("loop_control") or {}
        if not found:
            return None
        if len(found) > 1:
            raise PlaybookError("two loops in one task", mark=mark_of(found[1]))
        if not isinstance(control, Mapping):
            raise PlaybookError("'loop_control' takes a mapping", mark=mark_of(raw, "loop_control"))
        known = (
            "loop_var",
            "index_var",
            "label",
            "pause",
            "extended",
            "extended_allitems",
            "break_when",
        )
        for key in control:
            if key not in known:
                raise PlaybookError(
                    f"loop_control has no {str(key)!r}",
                    mark=mark_of(key),
                    hint=did_you_mean(str(key), known),
                )
        key = found[0]
        if raw[key] is None and key == "loop":
            raise PlaybookError("'loop' is empty", mark=mark_of(key))
        return Loop(
            value=raw[key],
            lookup="" if key == "loop" else str(key)[5:],
            loop_var=str(control.get("loop_var", "item")),
            index_var=str(control.get("index_var") or ""),
            label=control.get("label"),
            pause=control.get("pause", 0),
            extended=control.get("extended", False),
            extended_allitems=control.get("extended_allitems", True),
            break_when=control.get("break_when"),
            mark=mark_of(raw, key),
        )

    # -- imports ----------------------------------------------------------------------

    def _import(
        self,
        what: str,
        raw: Map,
        key: Any,
        inherited: Inherited,
        directory: Path,
        handlers: bool,
    ) -> list[Item]:
        mark = mark_of(key) or mark_of(raw) or Mark("")
        for loop in raw:
            if loop == "loop" or str(loop).startswith("with_"):
                other = what.replace("import", "include")
                raise PlaybookError(f"{what} cannot loop", mark=mark_of(loop), hint=f"{other} can")
        below = inherit(inherited, raw)
        if what == "import_role":
            assert self.import_role is not None
            return self.import_role(raw, raw[key], below, mark)
        args = self._args(raw, key, what, mark)
        for option in args:
            if option != "file":
                raise PlaybookError(
                    f"Invalid options for {what}: {option}", mark=mark_of(option) or mark
                )
        name = args.get("file")
        if not name:
            raise PlaybookError(f"No file specified for ansible.builtin.{what}", mark=mark)
        place = mark_of(name) or mark_of(raw, key) or mark
        name = str(self.files.render(name, self.known(below))).strip()
        path = self.find(name, directory, below, handlers=handlers)
        if path is None:
            raise PlaybookError(f"Could not find or access {name!r}", mark=place)
        return self.file(path, below, handlers=handlers)

    def known(self, inherited: Inherited) -> list[Mapping[str, Any]]:
        """The variables that can be known while loading, for the names of imported files."""
        layers: list[Mapping[str, Any]] = []
        role = inherited.role
        if role is not None:
            layers += [owner.defaults for owner in role.lineage]
            layers += [owner.vars for owner in role.lineage]
            layers.append({"role_path": str(role.path), "role_name": role.name})
        playbook = {"playbook_dir": str(self.playbook_dir.resolve())}
        return [*layers, *self.play_vars, *inherited.vars, self.files.extra_vars, playbook]

    def find(
        self, name: str, directory: Path, inherited: Inherited, *, handlers: bool = False
    ) -> Path | None:
        """A task file: beside the file that names it, in the role's tasks, by the playbook."""
        places = [directory]
        if inherited.role is not None:
            kind = "handlers" if handlers else "tasks"
            places += [inherited.role.path / kind, inherited.role.path]
        places += [self.playbook_dir / "tasks", self.playbook_dir]
        for place in places:
            for suffix in ("", ".yml", ".yaml"):
                path = place / (name + suffix)
                if path.is_file():
                    return path
        return None


def _copy(source: Mapping[Any, Any], into: Any) -> None:
    for key, value in source.items():
        into[key] = value
        mark = mark_of(source, key)
        if mark is not None and isinstance(into, Map):
            into.value_marks[key] = mark


def _is_all_template(text: str) -> bool:
    """Whether the text is one expression and nothing else."""
    bare = text.strip()
    return bare.startswith("{{") and bare.endswith("}}") and bare.count("{{") == 1


def _flattened(value: Map) -> Map:
    """`action: {module: x, args: {...}}` with its arguments beside the module."""
    inner = value.get("args")
    if not isinstance(inner, Mapping):
        return value
    result = _without(value, "args")
    _copy(inner, result)
    return result


def _without(source: Mapping[Any, Any], key: str) -> Map:
    result = Map(mark_of(source))
    _copy({k: v for k, v in source.items() if k != key}, result)
    return result
