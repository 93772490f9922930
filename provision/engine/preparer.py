"""Renders tasks for one host: conditions, loops, arguments, and what an action makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provision import actions
from provision.actions.args import to_bool
from provision.actions.base import Outcome
from provision.engine.connections import Identity
from provision.engine.context import TaskContext, search_folders
from provision.engine.entries import Entry, Part
from provision.engine.hostvars import HostState, scope_layers
from provision.engine.performer import Performer
from provision.engine.playrun import PlayRun, play_variables
from provision.errors import (
    PlaybookError,
    ProvisionError,
    TemplateError,
    UndefinedVariable,
)
from provision.playbook.model import Loop, Task
from provision.templating import OMIT, Pending, Scope, is_template, lookup, trusted
from provision.yamlsource import Map, mark_of

__all__ = ["Preparer"]


def _without_omitted(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = Map(mark_of(value))
        for key, part in value.items():
            if part is not OMIT:
                kept[key] = _without_omitted(part)
        if isinstance(value, Map):
            kept.value_marks = value.value_marks
        return kept
    if isinstance(value, list):
        return [_without_omitted(part) for part in value if part is not OMIT]
    return value


class Preparer:
    """One host's renderer for one play."""

    def __init__(self, play: PlayRun, state: HostState, performer: Performer) -> None:
        self.play = play
        self.run = play.run
        self.state = state
        self.performer = performer
        self.params: tuple[Mapping[str, Any], ...] = ()  # of the includes we are in
        self.synced: Task | None = None
        self._asking: Task | None = None
        self._play_vars: list[Mapping[str, Any]] = []
        self._magic: dict[int, dict[str, Any]] = {}
        self._hostvars = play.hostvars(self._sync)

    # -- variables --------------------------------------------------------------------

    def _sync(self) -> None:
        """hostvars of hosts that may be behind us are not known until they catch up."""
        asking = self._asking
        if asking is None or len(self.play.hosts) < 2 or self.play.linear:
            return
        if self.synced is not asking:
            raise Pending("hostvars")

    def open(self) -> None:
        """Reads the play's vars_files, whose names may be templates."""
        play = self.play.play
        self._play_vars = play_variables(play, [])
        found: list[Mapping[str, Any]] = []
        for entry in play.vars_files:
            found.append(self._vars_file(entry))
            self._play_vars = play_variables(play, found)

    def _vars_file(self, entry: Any) -> Mapping[str, Any]:
        scope = self._scope_at(self.play.play.inherited)
        names = entry if isinstance(entry, list) else [entry]
        rendered = [str(self.run.templar.render(name, scope)) for name in names]
        for name in rendered:
            for folder in (self.play.play.directory, self.play.play.directory / "vars"):
                if (folder / name).is_file():
                    value = self.run.files.read(folder / name)
                    if value is not None and not isinstance(value, Mapping):
                        raise PlaybookError("a vars file holds a mapping", mark=mark_of(value))
                    return value or {}
        raise PlaybookError(
            f"no vars file {' or '.join(map(repr, rendered))}",
            mark=mark_of(names[0]) or self.play.play.mark,
        )

    def _scope_at(self, inherited: Any, *more: Mapping[str, Any]) -> Scope:
        key = id(inherited.role)
        if key not in self._magic:
            self._magic[key] = {
                **self.play.magic(self.state, inherited),
                "hostvars": self._hostvars,
                "ansible_search_path": self._search_path(inherited),
            }
        layers = scope_layers(
            self.state,
            self.play.play,
            self._play_vars,
            inherited,
            self.params,
            self.run.options.extra_vars,
            (*more, self._magic[key]),
        )
        return Scope(layers, templar=self.run.templar)

    def _search_path(self, inherited: Any) -> list[str]:
        """`ansible_search_path`: where lookups and includes begin, nearest first."""
        role = inherited.role
        owners = [str(owner.path) for owner in reversed(role.lineage)] if role else []
        return [*owners, str(self.play.play.directory.resolve())]

    def scope(self, task: Task) -> Scope:
        return self._scope_at(task.inherited)

    def truth(self, value: Any) -> bool:
        """A keyword of the play as true or false."""
        return to_bool(self.run.templar.render(value, self._scope_at(self.play.play.inherited)))

    # -- keywords ---------------------------------------------------------------------

    def selected(self, tags: frozenset[str]) -> bool:
        """Whether --tags and --skip-tags leave a task with these tags in."""
        options = self.run.options
        rendered = self._tags(tags)
        wanted, unwanted = options.tags, options.skip_tags
        if "always" in rendered:
            chosen = True
        elif "all" in wanted:
            chosen = "never" not in rendered or bool(rendered & wanted)
        else:
            chosen = bool(
                rendered & wanted
                or ("tagged" in wanted and rendered - {"never"})
                or ("untagged" in wanted and not rendered)
            )
        if not chosen:
            return False
        if unwanted & rendered:
            return False
        if "all" in unwanted:
            return "always" in rendered and "always" not in unwanted
        return not (
            ("tagged" in unwanted and rendered) or ("untagged" in unwanted and not rendered)
        )

    def _tags(self, tags: frozenset[str]) -> frozenset[str]:
        if not any("{{" in tag for tag in tags):
            return tags
        scope = self._scope_at(self.play.play.inherited)
        found: set[str] = set()
        for tag in tags:
            value = self.run.templar.render(tag, scope)
            for part in value if isinstance(value, list) else str(value).split(","):
                found.add(str(part).strip())
        return frozenset(found)

    def word(self, task: Task, name: str, *, default: Any, scope: Scope | None = None) -> Any:
        """An inherited keyword, rendered; booleans are read as such."""
        value = task.inherited.words.get(name)
        if value is None:
            return default
        if is_template(value):
            value = self.run.templar.render(value, scope or self.scope(task))
            if value is None or value is OMIT:
                return default
        if isinstance(default, bool):
            try:
                return to_bool(value)
            except ValueError:
                raise PlaybookError(
                    f"{name!r} takes true or false, not {value!r}",
                    mark=mark_of(task.inherited.words[name]) or task.mark,
                ) from None
        return value

    def title(self, task: Task, scope: Scope | None = None) -> str:
        """The task's name, rendered as far as that is possible."""
        title = task.title
        if "{{" not in task.name:
            return title
        try:
            shown = self.run.templar.render(trusted(task.name), scope or self.scope(task))
        except (ProvisionError, Pending):
            return title
        role = task.inherited.role
        return f"{role.name} : {shown}" if role else str(shown)

    def identity(self, task: Task, scope: Scope, host: str) -> Identity:
        """As whom the task runs: variables count more than keywords, those more than options."""
        options = self.run.options
        found = self.run.connections.line(host)
        told = found.found
        become = self.word(task, "become", default=options.become, scope=scope)
        if told.become is not None:
            become = told.become
        if not become:
            return Identity()
        user = told.become_user or self.word(task, "become_user", default=None, scope=scope)
        user = str(user or options.become_user or "root")
        if user == found.login_user():
            return Identity()
        method = told.become_method or self.word(task, "become_method", default=None, scope=scope)
        flags = told.become_flags or self.word(task, "become_flags", default=None, scope=scope)
        exe = told.become_exe or self.word(task, "become_exe", default=None, scope=scope)
        method = str(method or options.become_method or "sudo")
        return Identity(user, method, str(flags or ""), str(exe or ""))

    def environment(self, task: Task, scope: Scope) -> dict[str, str]:
        merged: dict[str, str] = {}
        for layer in task.inherited.environment:
            value = self.run.templar.render(layer, scope)
            for part in value if isinstance(value, list) else [value]:
                if not isinstance(part, Mapping):
                    continue
                for key, text in part.items():
                    if text is not OMIT:
                        merged[str(key)] = str(text)
        return merged

    # -- entries ----------------------------------------------------------------------

    def _frame(self, task: Task, scope: Scope) -> Entry:
        """The entry without its parts; raises what a keyword that does not render raises."""
        options = self.run.options
        delegate = self.word(task, "delegate_to", default=None, scope=scope)
        if not delegate and self.word(task, "connection", default="", scope=scope) == "local":
            delegate = "" if self._is_local() else "localhost"
        host = str(delegate or self.state.name)
        limit = self.word(task, "timeout", default=None, scope=scope)
        seconds = float(limit) if limit else options.task_timeout_s
        return Entry(
            task=task,
            title=self.title(task, scope),
            scope=scope,
            identity=self.identity(task, scope, host),
            ignore_errors=self.word(task, "ignore_errors", default=False, scope=scope),
            no_log=self.word(task, "no_log", default=False, scope=scope),
            show_diff=self.word(task, "diff", default=options.diff, scope=scope),
            environment=self.environment(task, scope) if task.inherited.environment else {},
            timeout_s=seconds,
            delegate=str(delegate) if delegate and delegate != self.state.name else "",
        )

    def _is_local(self) -> bool:
        return self.run.connections.line(self.state.name).target.kind == "local"

    def _bare(self, task: Task, scope: Scope) -> Entry:
        return Entry(task=task, title=self.title(task, scope), scope=scope, identity=Identity())

    def fail(self, entry: Entry, exc: ProvisionError) -> None:
        """Puts a failure where the entry's parts would be."""
        if isinstance(exc, UndefinedVariable) and self._may_be_unknown():
            outcome = Outcome("unknown", f"depends on a result that is not known: {exc.what}")
        else:
            outcome = Outcome("failed", exc.what)
            outcome.data["_where"] = str(exc.mark or entry.task.mark)
            if exc.why:
                outcome.msg += f": {exc.why}"
            if exc.hint:
                outcome.data["_hint"] = exc.hint
        part = Part(entry.scope, outcome, False)
        part.outcome = outcome
        entry.parts.append(part)

    def _may_be_unknown(self) -> bool:
        return self.run.options.check and self.performer.unknowns > 0

    def entry(self, task: Task) -> Entry:
        """The task for this host. Raises Pending; every other mistake becomes its outcome."""
        self._asking = task
        scope = self.scope(task)
        try:
            entry = self._frame(task, scope)
        except ProvisionError as exc:
            entry = self._bare(task, scope)
            self.fail(entry, exc)
            return entry
        try:
            if task.loop is None:
                entry.parts.append(self._part(entry, scope))
            else:
                self._loop(entry, task.loop)
        except ProvisionError as exc:
            self.fail(entry, exc)
        return entry

    def without_agent(self, task: Task) -> Entry | None:
        """The task for a host on which no agent can start; None when its action needs one."""
        scope = self.scope(task)
        entry = self._frame(task, scope)
        check = self.word(task, "check_mode", default=self.run.options.check, scope=scope)
        action = actions.action(task.action)
        ctx = self._context(entry, scope, check)
        try:
            planned = action.without_agent(action.parse(self._args(task, scope)), ctx)
        except ProvisionError as exc:
            self.fail(entry, exc)
            return entry
        if planned is None:
            return None
        entry.parts.append(Part(scope, planned, check))
        return entry

    def wanted(self, task: Task) -> bool:
        """Whether the task's conditions hold."""
        self._asking = task
        return self._unmet(task, self.scope(task)) is None

    def _unmet(self, task: Task, scope: Scope) -> Any:
        """The first condition that does not hold; None when all do."""
        for condition in task.inherited.when:
            if not self.run.templar.condition(
                condition, scope, mark=mark_of(condition) or task.mark
            ):
                return condition
        return None

    def _skipped(self, condition: Any) -> Outcome:
        data = {"skip_reason": "Conditional result was False", "false_condition": condition}
        return Outcome("skipped", f"when: {condition}", data=data)

    def _part(self, entry: Entry, scope: Scope, item: Any = None, label: str = "") -> Part:
        task = entry.task
        unmet = self._unmet(task, scope)
        if unmet is not None:
            return Part(scope, self._skipped(unmet), False, item, label)
        check = self.word(task, "check_mode", default=self.run.options.check, scope=scope)
        action = actions.action(task.action)
        ctx = self._context(entry, scope, check)
        try:
            args = action.parse(self._args(task, scope))
            return Part(scope, action.plan(args, ctx), check, item, label)
        except PlaybookError as exc:
            if exc.mark is None:
                exc.mark = task.mark
            raise

    def _args(self, task: Task, scope: Scope) -> Mapping[str, Any]:
        given: Any = task.args
        action = actions.action(task.action)
        if "_template" in given:
            whole = self.run.templar.render(given["_template"], scope, mark=task.mark)
            given = {**whole, **{k: v for k, v in given.items() if k != "_template"}}
        for defaults in task.inherited.module_defaults:
            found = self.run.templar.render(defaults, scope)
            for name in (task.action, task.spelled, f"ansible.builtin.{task.action}"):
                if name in found:
                    given = {**found[name], **given}
                    break
        kept = {name: given[name] for name in action.unrendered if name in given}
        if kept:
            others = Map(mark_of(given))
            others.update({key: value for key, value in given.items() if key not in kept})
            given = others
        rendered = self.run.templar.render(given, scope, mark=task.mark)
        cleaned: dict[str, Any] = _without_omitted(rendered)
        cleaned.update(kept)
        return cleaned

    def _context(self, entry: Entry, scope: Scope, check: bool) -> TaskContext:
        task = entry.task
        run = self.run
        directory = self.play.play.directory

        def progress(**what: Any) -> None:
            self.performer.progress(entry.title, **what)

        def folders(kind: str) -> Sequence[Any]:
            return search_folders(task, directory, run.options.project, kind)

        return TaskContext(
            host=self.state.name,
            task=task,
            scope=scope,
            templar=run.templar,
            check=check,
            diff=entry.show_diff,
            become_user=entry.identity.user or None,
            environment=entry.environment,
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

    def _items(self, loop: Loop, scope: Scope, task: Task) -> list[Any]:
        templar = self.run.templar
        if loop.lookup:
            # The lookup renders its own terms: first_found may skip what is undefined.
            return [] if loop.value is None else lookup(loop.lookup, loop.value, scope)
        value = templar.render(loop.value, scope, mark=loop.mark)
        if isinstance(value, list | tuple):
            return list(value)
        raise PlaybookError(
            f"'loop' takes a list, not {type(value).__name__}",
            mark=loop.mark or task.mark,
            hint="a mapping becomes a list with `| dict2items`",
        )

    def _loop(self, entry: Entry, loop: Loop) -> None:
        task = entry.task
        entry.looped = True
        try:
            items = self._items(loop, entry.scope, task)
        except TemplateError:
            # what the loop needs may be missing just where the condition does not hold
            if self._holds_without_item(task, entry.scope):
                raise
            unmet = self._unmet(task, entry.scope)
            entry.looped = False
            entry.parts.append(Part(entry.scope, self._skipped(unmet), False))
            return
        for layer, item, label in self._loop_scopes(loop, items, entry.scope, task):
            try:
                part = self._part(entry, entry.scope.child(layer), item, label)
            except ProvisionError as exc:
                self.fail(entry, exc)
                entry.parts[-1].item, entry.parts[-1].label = item, label
                continue
            if isinstance(part.planned, Outcome):
                part.outcome = part.planned
                self.performer.take_effects(
                    task.action, part.planned, self.performer.next_position()
                )
            entry.parts.append(part)

    def _holds_without_item(self, task: Task, scope: Scope) -> bool:
        try:
            return self._unmet(task, scope) is None
        except TemplateError:
            return True

    def _loop_scopes(
        self, loop: Loop, items: Sequence[Any], scope: Scope, task: Task
    ) -> Iterator[tuple[dict[str, Any], Any, str]]:
        templar = self.run.templar
        extended = to_bool(templar.render(loop.extended, scope)) if loop.extended else False
        total = len(items)
        name = str(templar.render(trusted(loop.loop_var), scope))
        for index, item in enumerate(items):
            layer: dict[str, Any] = {name: item, "ansible_loop_var": name}
            if loop.index_var:
                layer[loop.index_var] = index
                layer["ansible_index_var"] = loop.index_var
            if extended:
                layer["ansible_loop"] = _extended(items, index, total)
            label: Any = item
            if loop.label is not None:
                label = templar.render(loop.label, scope.child(layer), mark=task.mark)
            yield layer, item, _label(label)

    # -- includes ---------------------------------------------------------------------

    def include_entry(self, task: Task) -> Entry:
        """The entry that reports an include."""
        self._asking = task
        return self._bare(task, self.scope(task))

    def include_parts(self, entry: Entry, task: Task) -> list[tuple[Part, Mapping[str, Any]]]:
        """For each time the include happens: its part and rendered arguments."""
        scope = entry.scope
        layers: list[tuple[dict[str, Any], Any, str]] = [({}, None, "")]
        if task.loop is not None:
            entry.looped = True
            if not self._holds_without_item(task, scope):
                entry.looped = False
                entry.parts.append(
                    _done(Part(scope, self._skipped(self._unmet(task, scope)), False))
                )
                return []
            items = self._items(task.loop, scope, task)
            layers = list(self._loop_scopes(task.loop, items, scope, task))
        found = []
        for layer, item, label in layers:
            own = scope.child(layer) if layer else scope
            unmet = self._unmet(task, own)
            if unmet is not None:
                entry.parts.append(_done(Part(own, self._skipped(unmet), False, item, label)))
                continue
            part = Part(own, Outcome("ok", "included"), False, item, label)
            entry.parts.append(_done(part))
            args = self.run.templar.render(
                {k: v for k, v in task.args.items() if k != "apply"}, own, mark=task.mark
            )
            if "apply" in task.args:
                args["apply"] = task.args["apply"]
            found.append((part, _without_omitted(args)))
        return found

    def include_params(self, task: Task, part: Part) -> dict[str, Any]:
        """Variables an include hands down: its own `vars` and the loop's."""
        own = task.inherited.vars[-1:] if task.inherited.vars else ()
        params: dict[str, Any] = {}
        for layer in own:
            for name in layer:
                params[name] = part.scope[name] if name in part.scope else layer[name]
        if task.loop is not None:
            params[task.loop.loop_var] = part.item
            if task.loop.index_var:
                params[task.loop.index_var] = part.scope[task.loop.index_var]
        return params


def _done(part: Part) -> Part:
    assert isinstance(part.planned, Outcome)
    part.outcome = part.planned
    return part


def _label(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _extended(items: Sequence[Any], index: int, total: int) -> dict[str, Any]:
    more: dict[str, Any] = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index == total - 1,
        "length": total,
        "revindex": total - index,
        "revindex0": total - index - 1,
        "allitems": list(items),
    }
    if index:
        more["previtem"] = items[index - 1]
    if index < total - 1:
        more["nextitem"] = items[index + 1]
    return more
