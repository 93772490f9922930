"""Reads playbooks: lists of plays and imports of other playbooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import InputError, Mark, PlaybookError
from provision.playbook import keywords
from provision.playbook.model import Inherited, Play, Playbook, VarsPrompt
from provision.playbook.roles import RoleReader
from provision.playbook.tasks import Files, TaskReader, inherit
from provision.playbook.vocabulary import statement
from provision.yamlsource import Map, mark_of

__all__ = ["load_playbook", "playbook_of"]

_IMPORT_WORDS = frozenset({"name", "tags", "vars", "when"})


def load_playbook(path: Path, files: Files) -> Playbook:
    """A playbook with everything it imports. Raises InputError with the place of a mistake."""
    if not path.exists():
        near = path.parent if path.parent.is_dir() else Path()
        names = [p.name for p in near.iterdir() if p.suffix in (".yml", ".yaml")]
        raise InputError(f"no playbook {str(path)!r}", hint=did_you_mean(path.name, names))
    plays = _plays(path, files, Inherited(), [])
    return Playbook(path, plays, tuple(files.warnings))


def playbook_of(raw: Any, path: Path, files: Files) -> Playbook:
    """A playbook from plays that stand in no file; `path` says where relative names begin."""
    return Playbook(path, _plays_of(raw, path, files, Inherited(), []), tuple(files.warnings))


def _plays(path: Path, files: Files, inherited: Inherited, opened: list[Path]) -> list[Play]:
    if path in opened:
        raise PlaybookError("a playbook imports itself", mark=Mark(str(path)))
    return _plays_of(files.read(path), path, files, inherited, opened)


def _plays_of(
    raw: Any, path: Path, files: Files, inherited: Inherited, opened: list[Path]
) -> list[Play]:
    if raw is None or raw == []:
        raise PlaybookError("A playbook must contain at least one play", mark=Mark(str(path)))
    if not isinstance(raw, list):
        raise PlaybookError(
            "a playbook is a list of plays",
            mark=mark_of(raw) or Mark(str(path)),
            hint="start each play with '- hosts: …'",
        )
    plays: list[Play] = []
    for at, entry in enumerate(raw):
        if not isinstance(entry, Map):
            raise PlaybookError("a play is a mapping", mark=mark_of(raw, at))
        key = next((k for k in entry if statement(str(k)) == "import_playbook"), None)
        if key is not None:
            plays += _imported(entry, key, path, files, inherited, [*opened, path])
        else:
            plays.append(_play(entry, path, files, inherited))
    return plays


def _imported(
    entry: Map, key: Any, path: Path, files: Files, inherited: Inherited, opened: list[Path]
) -> list[Play]:
    for word in entry:
        if word is not key and word not in _IMPORT_WORDS:
            raise PlaybookError(
                f"import_playbook has no keyword {str(word)!r}",
                mark=mark_of(word),
                hint=did_you_mean(str(word), _IMPORT_WORDS),
            )
    value = entry[key]
    name = value.get("file") if isinstance(value, Mapping) else value
    if not name:
        raise PlaybookError("import_playbook names no file", mark=mark_of(key))
    below = inherit(inherited, entry)
    name = str(files.render(name, (*below.vars, files.extra_vars)))
    target = path.parent / name
    if not target.is_file():
        raise PlaybookError(f"no playbook {name!r}", mark=mark_of(value) or mark_of(key))
    return _plays(target, files, below, opened)


def _play(entry: Map, path: Path, files: Files, inherited: Inherited) -> Play:
    mark = mark_of(entry) or Mark(str(path))
    for key in entry:
        if key not in keywords.PLAY:
            hint = did_you_mean(str(key), keywords.PLAY)
            if key in keywords.TASK or files.vocabulary.canonical(str(key)):
                hint = "tasks stand in a list under 'tasks:' of a play"
            raise PlaybookError(f"a play has no keyword {str(key)!r}", mark=mark_of(key), hint=hint)
    if "hosts" not in entry or entry["hosts"] in (None, "", []):
        raise PlaybookError(
            "Hosts list cannot be empty. Please check your playbook",
            mark=mark,
            hint="add 'hosts: …'",
        )
    if "user" in entry and "remote_user" in entry:
        raise PlaybookError(
            "both 'user' and 'remote_user' are set for this play.",
            mark=mark_of(entry, "user") or mark,
            hint="'user' is the old name of 'remote_user'",
        )
    variables = entry.get("vars") or {}
    if isinstance(variables, list):  # the old form: a list of mappings
        variables = {k: v for part in variables for k, v in part.items()}
    if not isinstance(variables, Mapping):
        raise PlaybookError("'vars' takes a mapping", mark=mark_of(entry, "vars"))
    level = {k: v for k, v in entry.items() if k not in ("vars", "user")}
    if entry.get("user") is not None:
        level["remote_user"] = entry["user"]
    below = inherit(inherited, level)
    below = replace(below, vars=inherited.vars)
    reader = TaskReader(files, path.parent)
    reader.play_vars = [*inherited.vars, variables]
    roles = RoleReader(files, reader)
    roles.begin_play()
    used, role_tasks, role_handlers = roles.uses(entry.get("roles"), below)

    def section(name: str, *, handlers: bool = False) -> list[Any]:
        if entry.get(name) is not None and not isinstance(entry[name], list):
            raise PlaybookError(
                f"A malformed block was encountered while loading {name}: {entry[name]!r} "
                "should be a list or None",
                mark=mark_of(entry, name),
            )
        return reader.items(entry.get(name), below, path.parent, handlers=handlers)

    pre, tasks, post = section("pre_tasks"), section("tasks"), section("post_tasks")
    own_handlers = section("handlers", handlers=True)
    return Play(
        name=str(entry.get("name") or ""),
        hosts=entry["hosts"],
        inherited=below,
        mark=mark,
        directory=path.parent,
        pre_tasks=pre,
        roles=(*used, *roles.imported_roles),
        tasks=[*role_tasks, *tasks],
        post_tasks=post,
        handlers=[*role_handlers, *roles.imported_handlers, *own_handlers],
        vars=variables,
        vars_files=_as_list(entry.get("vars_files")),
        vars_prompt=_prompts(entry.get("vars_prompt")),
        gather_facts=entry.get("gather_facts"),
        gather_subset=entry.get("gather_subset"),
        serial=entry.get("serial"),
        strategy=str(entry.get("strategy") or ""),
        order=str(entry.get("order") or "inventory"),
        max_fail_percentage=entry.get("max_fail_percentage"),
        force_handlers=entry.get("force_handlers"),
    )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _prompts(raw: Any) -> list[VarsPrompt]:
    prompts = []
    for entry in _as_list(raw):
        if not isinstance(entry, Mapping) or "name" not in entry:
            raise PlaybookError(
                "Invalid vars_prompt data structure, missing 'name' key", mark=mark_of(raw)
            )
        prompts.append(
            VarsPrompt(
                name=str(entry["name"]),
                prompt=str(entry.get("prompt") or entry["name"]),
                private=bool(entry.get("private", True)),
                default=entry.get("default"),
                confirm=bool(entry.get("confirm", False)),
                encrypt=str(entry.get("encrypt") or ""),
                salt=str(entry.get("salt") or ""),
                salt_size=entry.get("salt_size"),
                unsafe=bool(entry.get("unsafe", False)),
            )
        )
    return prompts
