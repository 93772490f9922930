"""Renders tasks for one host: conditions, loops, arguments, and what an action makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from provision import actions
from provision.actions.base import Outcome
from provision.engine.context import TaskContext, search_folders
from provision.engine.defaults import with_defaults
from provision.engine.entries import BARE, Entry, Frame, Part
from provision.engine.hostvars import HostState
from provision.engine.keywords import Keywords
from provision.engine.loops import goes_in_order, item_label, item_scopes, loop_items
from provision.engine.performer import Performer
from provision.engine.playrun import PlayRun
from provision.engine.variables import Variables
from provision.errors import PlaybookError, ProvisionError, TemplateError, UndefinedVariable
from provision.playbook.model import Loop, Task
from provision.templating import OMIT, Pending, Scope, is_template
from provision.yamlsource import Map, mark_of

__all__ = ["Preparer", "without_omitted"]


def without_omitted(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = Map(mark_of(value))
        for key, part in value.items():
            if part is not OMIT:
                kept[key] = without_omitted(part)
        if isinstance(value, Map):
            kept.value_marks = value.value_marks
        return kept
    if isinstance(value, list):
        return [without_omitted(part) for part in value if part is not OMIT]
    return value


class Preparer:
    """One host's renderer for one play."""

    def __init__(
        self, play: PlayRun, state: HostState, performer: Performer, keywords: Keywords
    ) -> None:
        self.play = play
        self.run = play.run
        self.state = state
        self.performer = performer
        self.keywords = keywords
        self.variables: Variables = keywords.variables

    def said(self, value: object, scope: Scope) -> Any:
        """A keyword's value, rendered."""
        return self.run.templar.render(value, scope)

    # -- entries ----------------------------------------------------------------------

    def entry(self, task: Task) -> Entry:
        """The task for this host. Raises Pending; every other mistake becomes its outcome."""
        self.variables.asking = task
        scope = self.variables.of(task)
        try:
            task = self.resolved(task, scope)
        except ProvisionError as exc:
            entry = self.bare(task, scope)
            self.fail(entry, exc)
            return entry
        entry = self.bare(task, scope)
        if task.loop is None:
            entry.parts.append(self.part(entry, scope))
            entry.frame = entry.parts[0].frame
            return entry
        try:
            self._loop(entry, task.loop)
        except ProvisionError as exc:
            self.fail(entry, exc)
        return entry

    def bare(self, task: Task, scope: Scope) -> Entry:
        """An entry without parts."""
        return Entry(task, self.keywords.title(task, scope), scope)

    def resolved(self, task: Task, scope: Scope) -> Task:
        """The task with its action known: `action: "{{ … }}"` tells only now."""
        if task.action:
            return task
        name = self.run.templar.render(task.spelled, scope, mark=task.mark)
        if not isinstance(name, str) or not name:
            raise PlaybookError(f"an action has a name, not {name!r}", mark=task.mark)
        action = self.run.files.vocabulary.canonical(name)
        if action is None:
            raise PlaybookError(f"unknown action {name!r}", mark=task.mark)
        return replace(task, action=action, spelled=name)

    def fail(self, entry: Entry, exc: ProvisionError) -> Part:
        """Puts a failure where the entry's parts would be."""
        part = self._failed(entry, entry.scope, exc)
        entry.parts.append(part)
        return part

    def _failed(
        self, entry: Entry, scope: Scope, exc: ProvisionError, frame: Frame | None = None
    ) -> Part:
        if isinstance(exc, UndefinedVariable) and self._may_be_unknown():
            outcome = Outcome("unknown", f"depends on a result that is not known: {exc.what}")
        else:
            outcome = Outcome("failed", exc.what)
            outcome.data["_where"] = str(exc.mark or entry.task.mark)
            if exc.why:
                outcome.msg += f": {exc.why}"
            if exc.hint:
                outcome.data["_hint"] = exc.hint
        if frame is None:
            frame = replace(BARE, ignore_errors=self.keywords.ignores_errors(entry.task, scope))
        return Part(scope, outcome, frame, outcome=outcome, decided=True)

    def _may_be_unknown(self) -> bool:
        options = self.run.options
        return (options.check or options.fix is not None) and self.performer.unknowns > 0

    # -- parts ------------------------------------------------------------------------

    def wanted(self, task: Task) -> bool:
        """Whether the task's conditions hold."""
        self.variables.asking = task
        return self.unmet(task, self.variables.of(task)) is None

    def unmet(self, task: Task, scope: Scope) -> Any:
        """The first condition that does not hold; None when all do."""
        for condition in task.inherited.when:
            if not self.run.templar.condition(
                condition, scope, mark=mark_of(condition) or task.mark
            ):
                return condition
        return None

    @staticmethod
    def skipped(condition: Any) -> Outcome:
        data = {"skip_reason": "Conditional result was False", "false_condition": condition}
        return Outcome("skipped", f"when: {condition}", data=data)

    def part(
        self, entry: Entry, scope: Scope, item: Any = None, loop: Mapping[str, Any] | None = None
    ) -> Part:
        """The task, or one item of its loop. Raises Pending."""
        task = entry.task
        loop = loop or {}
        frame: Frame | None = None
        try:
            unmet = self.unmet(task, scope)
            if unmet is not None:
                outcome = self.skipped(unmet)
                return Part(scope, outcome, item=item, loop=loop, outcome=outcome, decided=True)
            frame = self.keywords.frame(task, scope)
            planned = self.planned(task, scope, frame, entry.title)
        except ProvisionError as exc:
            part = self._failed(entry, scope, exc, frame)
            part.item, part.loop = item, loop
            return part
        if frame.async_s and not frame.check and isinstance(planned, Outcome):
            text = f"This action ({task.action}) does not support async."
            planned = Outcome("failed", text, data={"msg": text})
        part = Part(scope, planned, frame, item=item, loop=loop)
        if isinstance(planned, Outcome):
            part.outcome = planned
        return part

    def planned(self, task: Task, scope: Scope, frame: Frame, title: str) -> Any:
        """What the action makes of its arguments."""
        action = actions.action(task.action)
        ctx = self._context(task, scope, frame, title)
        try:
            return action.plan(action.parse(self.arguments(task, scope)), ctx)
        except PlaybookError as exc:
            if exc.mark is None:
                exc.mark = task.mark
            raise

    def without_agent(self, task: Task) -> Entry | None:
        """The task for a host on which no agent can start; None when its action needs one."""
        scope = self.variables.of(task)
        entry = self.bare(task, scope)
        frame = entry.frame = self.keywords.frame(task, scope)
        action = actions.action(task.action)
        ctx = self._context(task, scope, frame, entry.title)
        try:
            planned = action.without_agent(action.parse(self.arguments(task, scope)), ctx)
        except ProvisionError as exc:
            self.fail(entry, exc)
            return entry
        if planned is None:
            return None
        entry.parts.append(Part(scope, planned, frame))
        return entry

    def arguments(self, task: Task, scope: Scope) -> Mapping[str, Any]:
        """The task's arguments, rendered, over those that module_defaults give."""
        given: Any = task.args
        action = actions.action(task.action)
        if "_template" in given:
            whole = self.run.templar.render(given["_template"], scope, mark=task.mark)
            if whole is OMIT:
                whole = {}
            if not isinstance(whole, Mapping):
                raise PlaybookError(
                    f"'args' takes a mapping, not {type(whole).__name__}", mark=task.mark
                )
            given = {**whole, **{k: v for k, v in given.items() if k != "_template"}}
        if task.inherited.module_defaults:
            given = with_defaults(task, given, scope, self.run.templar)
        kept = {name: given[name] for name in action.unrendered if name in given}
        if kept:
            others = Map(mark_of(given))
            others.update({key: value for key, value in given.items() if key not in kept})
            given = others
        rendered = self.run.templar.render(given, scope, mark=task.mark)
        cleaned: dict[str, Any] = without_omitted(rendered)
        cleaned.update(kept)
        return cleaned

    def _context(self, task: Task, scope: Scope, frame: Frame, title: str) -> TaskContext:
        run = self.run
        directory = self.play.play.directory

        def progress(**what: Any) -> None:
            self.performer.progress(title, **what)

        def folders(kind: str) -> Sequence[Any]:
            return search_folders(task, directory, run.options.project, kind)

        return TaskContext(
            host=self.state.name,
            task=task,
            scope=scope,
            templar=run.templar,
            check=frame.check,
            diff=frame.show_diff,
            become_user=frame.identity.user or None,
            environment=frame.environment,
            folders=folders,
            facts=self._cheap_facts,
            progress=progress,
            shared=run.shared,
            secret=run.redactor.add,
            decrypt=run.files.decrypt,
            read_yaml=run.files.read,
        )

    def _cheap_facts(self) -> Mapping[str, Any]:
        if self.state.cheap_facts is None:
            raise Pending("cheap facts")
        return self.state.cheap_facts

    # -- loops ------------------------------------------------------------------------

    def items_of(self, entry: Entry, loop: Loop) -> list[tuple[dict[str, Any], Any]] | None:
        """The variables and the item of each turn; None when the conditions do not hold, for
        which what the loop needs may be missing."""
        task, scope, templar = entry.task, entry.scope, self.run.templar
        try:
            return list(item_scopes(loop, loop_items(loop, scope, templar, task), scope, templar))
        except TemplateError:
            if self._holds_without_item(task, scope):
                raise
            return None

    def _loop(self, entry: Entry, loop: Loop) -> None:
        task = entry.task
        turns = self.items_of(entry, loop)
        if turns is None:
            outcome = self.skipped(self.unmet(task, entry.scope))
            entry.parts.append(Part(entry.scope, outcome, outcome=outcome))
            return
        entry.looped = True
        if self.play.remembered(("in order", id(task)), self._in_order, task):
            entry.todo = turns
            return
        for layer, item in turns:
            scope = entry.scope.child(layer)
            part = self.part(entry, scope, item, layer)
            self.label(entry, part, scope)
            entry.parts.append(part)

    def _in_order(self, task: Task) -> bool:
        return goes_in_order(task, self.run.templar)

    def label(self, entry: Entry, part: Part, scope: Scope) -> None:
        """Gives an item its label; one that does not render fails the item."""
        assert entry.task.loop is not None
        try:
            part.label = item_label(entry.task.loop, part.item, scope, self.run.templar)
        except TemplateError as exc:
            text = f"the loop's label does not render: {exc.what}"
            part.label = str(part.item)
            part.outcome = part.planned = Outcome("failed", text, data={"msg": text})
            part.decided = True
            ignores = self.keywords.ignores_errors(entry.task, scope)
            part.frame = replace(part.frame, ignore_errors=ignores)

    def turn(
        self, entry: Entry, turn: tuple[Mapping[str, Any], Any], before: Mapping[str, Any] | None
    ) -> Part:
        """The part for one turn of a loop that goes in order; `before` is the last result."""
        self.variables.asking = entry.task
        layer, item = turn
        seen = dict(layer)
        if before is not None and entry.task.register:
            seen[entry.task.register] = before
        scope = self.variables.of(entry.task).child(seen)
        return self.part(entry, scope, item, layer)

    def _holds_without_item(self, task: Task, scope: Scope) -> bool:
        try:
            return self.unmet(task, scope) is None
        except TemplateError:
            return True

    # -- includes ---------------------------------------------------------------------

    def include_parts(self, entry: Entry) -> list[tuple[Part, Mapping[str, Any]]]:
        """For each time the include happens: its part and rendered arguments."""
        task, scope = entry.task, entry.scope
        turns: list[tuple[dict[str, Any], Any]] = [({}, None)]
        if task.loop is not None:
            found_turns = self.items_of(entry, task.loop)
            if found_turns is None:
                outcome = self.skipped(self.unmet(task, scope))
                entry.parts.append(Part(scope, outcome, outcome=outcome))
                return []
            turns, entry.looped = found_turns, True
        found = []
        for layer, item in turns:
            own = scope.child(layer) if layer else scope
            unmet = self.unmet(task, own)
            outcome = Outcome("ok", "included") if unmet is None else self.skipped(unmet)
            ignores = self.keywords.ignores_errors(task, own)
            frame = replace(BARE, ignore_errors=ignores)
            part = Part(own, outcome, frame, item=item, outcome=outcome, loop=layer)
            if entry.looped:
                self.label(entry, part, own)
            entry.parts.append(part)
            if unmet is None:
                found.append((part, self._include_arguments(task, own)))
        return found

    def _include_arguments(self, task: Task, scope: Scope) -> Mapping[str, Any]:
        given = {key: value for key, value in task.args.items() if key != "apply"}
        rendered = self.run.templar.render(given, scope, mark=task.mark)
        args: dict[str, Any] = without_omitted(rendered)
        if "apply" in task.args:
            apply = task.args["apply"]
            if is_template(apply):
                apply = self.run.templar.render(apply, scope, mark=task.mark)
            args["apply"] = apply
        return args
