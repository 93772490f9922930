"""Dynamic includes: what include_tasks and include_role bring when a host comes to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.actions.args import to_bool
from provision.engine.entries import Entry
from provision.engine.playrun import Included, PlayRun
from provision.engine.preparer import Preparer
from provision.errors import PlaybookError, ProvisionError
from provision.playbook import Include, Inherited, inherit
from provision.playbook.roles import FROM_ARGS, Asked, stem
from provision.templating import Pending
from provision.yamlsource import Map, mark_of

__all__ = ["Includes"]

#: What a host goes through: items, and the layers of variables around them.
Brought = tuple[Included, tuple[Mapping[str, Any], ...]]


class Includes:
    """One host's in one play; files are read once for all hosts."""

    def __init__(self, play: PlayRun, preparer: Preparer) -> None:
        self.play = play
        self.preparer = preparer

    def resolve(self, include: Include) -> tuple[Entry, list[Brought]]:
        """The entry that reports the include, and what each of its turns brings. Raises
        Pending; every other mistake becomes the entry's failure."""
        task = include.task
        self.preparer.variables.asking = task
        entry = self.preparer.bare(task, self.preparer.variables.of(task))
        found: list[Brought] = []
        part = None
        try:
            for part, args in self.preparer.include_parts(entry):
                included = self._bring(include, args)
                assert part.outcome is not None
                part.outcome.data["include"] = included.name
                found.append((included, self._params(include, part.loop)))
        except Pending:
            raise
        except ProvisionError as exc:
            failed = self.preparer.fail(entry, exc)
            if part is not None:  # the turn that fails is the one that was about to happen
                entry.parts.remove(failed)
                part.outcome, part.planned = failed.outcome, failed.planned
                part.decided = True
        return entry, found

    @staticmethod
    def _params(include: Include, loop: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """Variables that an include hands down: its own `vars` and the loop's."""
        own = include.task.inherited.vars[len(include.outer.vars) :]
        return (*own, loop) if loop else own

    def _below(self, include: Include, apply: Any) -> Inherited:
        if not apply:
            return include.outer
        if not isinstance(apply, Mapping):
            raise PlaybookError("'apply' takes a mapping", mark=include.task.mark)
        level = Map(mark_of(apply))
        level.update(apply)
        return inherit(include.outer, level)

    def _bring(self, include: Include, args: Mapping[str, Any]) -> Included:
        below = self._below(include, args.get("apply"))
        if include.kind == "role":
            return self._bring_role(include, args, below)
        name = str(args.get("file") or "").strip()
        if not name:
            raise PlaybookError(
                "No file specified for ansible.builtin.include_tasks", mark=include.task.mark
            )
        handlers = include.task.is_handler
        path = self.play.reader.find(name, include.task.directory, below, handlers=handlers)
        if path is None:
            raise PlaybookError(f"Could not find or access {name!r}", mark=include.task.mark)
        return self.play.include_tasks(include, path, below)

    def _bring_role(self, include: Include, args: Mapping[str, Any], below: Inherited) -> Included:
        name = str(args.get("name") or args.get("role") or "")
        if not name:
            raise PlaybookError("include_role names no role", mark=include.task.mark)
        for key in FROM_ARGS:
            if key in args and not isinstance(args[key], str):
                kind = type(args[key]).__name__
                raise PlaybookError(
                    f"Expected a string for {key} but got {kind} instead", mark=include.task.mark
                )
        public = args.get("public")
        if public is None:
            public = False
        asked = Asked(
            name=name,
            mark=include.task.mark,
            parents=below.role.lineage if below.role else (),
            sources={key: stem(args.get(key) or "main") for key in FROM_ARGS},
            repeats=to_bool(args.get("allow_duplicates", True)),
            validate=to_bool(args.get("rolespec_validate", True)),
            public=to_bool(public),
        )
        roles = self.play.roles

        def make() -> Included:
            role, items, handlers = roles.bring(asked, below)
            return Included(items, handlers, role, role.name)

        return self.play.included((id(include), asked.key), make)
