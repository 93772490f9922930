"""One host's way through one play.

`HostRun.program` is a generator: it walks the play as ordinary code, gathers what can travel
together into a batch, sends it when an answer is needed, and yields only where it must wait
for other hosts. Whoever drives it (`scheduler`) decides on which thread it goes on.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provision.engine.entries import TaskFailed
from provision.engine.hostvars import HostState
from provision.engine.performer import Performer, Stopped
from provision.engine.playrun import Included, PlayRun
from provision.engine.preparer import Preparer
from provision.errors import NoInterpreter, PlaybookError, ProvisionError, Unreachable
from provision.playbook import Block, Include, Inherited, Item, Task, inherit
from provision.playbook.model import Role
from provision.templating import Pending
from provision.yamlsource import Map, mark_of

__all__ = ["HostRun", "Once", "Request", "Share", "Sync"]


@dataclass(frozen=True, slots=True)
class Sync:
    """Waits until every other host has arrived, too. `order` tells whose place is earlier."""

    order: int


@dataclass(frozen=True, slots=True)
class Once:
    """A task for one host of all: answered with None for the leader, else its `Share`."""

    order: int


@dataclass(frozen=True, slots=True)
class Share:
    """The leader's result of a `Once`."""

    order: int
    result: Mapping[str, Any] | None
    failed: bool = False
    facts: Mapping[str, Any] | None = None


Request = Sync | Once | Share
Program = Generator[Request, Any, None]


class _EndHost(Exception):
    """meta: end_host, end_play, end_batch."""


class _EndRole(Exception):
    """meta: end_role."""


class HostRun:
    """One host in one play."""

    def __init__(self, play: PlayRun, state: HostState) -> None:
        self.play = play
        self.state = state
        self.host = state.name
        self.options = play.run.options
        self.performer = Performer(play, state)
        self.preparer = Preparer(play, state, self.performer)
        self.handlers: list[Item] = list(play.play.handlers)
        self.waiting_for_start = bool(self.options.start_at_task)
        self._due: set[int] = set()  # handlers that were notified, by identity
        self._answered: set[str] = set()  # notifications that some handler listens to

    # -- the play ---------------------------------------------------------------------

    def program(self) -> Program:
        """The whole play. Failures end it quietly; the state tells."""
        try:
            self._open()
            yield from self._sections()
        except _EndHost:
            self._flush_quietly()
        except TaskFailed:
            yield from self._after_failure()
        except Unreachable as exc:
            self.performer.unreachable(exc)
        except Stopped:
            pass
        except ProvisionError as exc:
            self.performer.broken(exc)
        finally:
            if self.state.status != "ok":
                self.play.lost.add(self.host)

    def _open(self) -> None:
        gather = self.play.play.gather_facts
        wanted = True if gather is None else self.preparer.truth(gather)
        self.state.facts.lazy = self.state.facts.lazy or wanted
        self.preparer.open()

    def _sections(self) -> Program:
        for section in self.play.play.sections:
            yield from self.items(section)
            self.performer.flush()
            yield from self.run_handlers()

    def _after_failure(self) -> Program:
        if self.options.force_handlers or self.play.play.force_handlers:
            try:
                yield from self.run_handlers()
            except (TaskFailed, Unreachable):
                pass
        self.state.status = "failed"

    def _flush_quietly(self) -> None:
        try:
            self.performer.flush()
        except TaskFailed:
            self.state.status = "failed"
        except Unreachable as exc:
            self.performer.unreachable(exc)

    # -- items ------------------------------------------------------------------------

    def items(self, items: Sequence[Item]) -> Program:
        for item in items:
            if isinstance(item, Block):
                yield from self.block(item)
            elif isinstance(item, Include):
                yield from self.include(item)
            else:
                yield from self.task(item)

    def block(self, block: Block) -> Program:
        guarded = bool(block.rescue or block.always)
        if not guarded:
            yield from self.items(block.block)
            return
        self.performer.flush()  # what failed before is not this block's to rescue
        try:
            try:
                yield from self.items(block.block)
                self.performer.flush()
            except TaskFailed as failure:
                if not block.rescue:
                    raise
                self._remember(failure)
                yield from self.items(block.rescue)
                self.performer.flush()
                self.performer.rescued()
        except (TaskFailed, _EndHost):
            yield from self.items(block.always)
            self.performer.flush()
            raise
        yield from self.items(block.always)
        self.performer.flush()

    def _remember(self, failure: TaskFailed) -> None:
        task = failure.task
        self.state.registers.put("ansible_failed_result", dict(failure.result))
        self.state.registers.put(
            "ansible_failed_task",
            {"name": task.name, "action": task.spelled or task.action, "args": dict(task.args)},
        )

    def _check_end(self) -> None:
        if self.play.run.stopping.is_set():
            raise Stopped
        if self.play.ended or self.state.ended:
            raise _EndHost

    def _skips(self, task: Task) -> bool:
        """Left out by tags or --start-at-task; such a task is not even reported."""
        if self.waiting_for_start and not task.is_handler:
            wanted = self.options.start_at_task
            if not (fnmatch.fnmatch(task.name, wanted) or fnmatch.fnmatch(task.title, wanted)):
                return True
            self.waiting_for_start = False
        return not task.is_handler and not self.preparer.selected(task.inherited.tags)

    def task(self, task: Task) -> Program:
        self._check_end()
        if self._skips(task):
            return
        if self.play.linear:
            self.performer.flush()
            yield Sync(task.order)
            self._check_end()
        if task.action == "meta":
            yield from self.meta(task)
            return
        if len(self.play.hosts) > 1 and (yield from self._known(task, self._runs_once, task)):
            yield from self._once(task)
            return
        entry = yield from self._known(task, self.preparer.entry, task)
        self.performer.add(entry)

    def _runs_once(self, task: Task) -> bool:
        return bool(self.preparer.word(task, "run_once", default=False))

    def _known(self, task: Task, make: Any, *args: Any) -> Generator[Request, Any, Any]:
        """`make(*args)`, after waiting for what it needs to know."""
        synced = False
        for _ in range(50):
            try:
                return make(*args)
            except Pending as pending:
                wanted = pending.name
            if wanted == "hostvars":
                self.performer.flush()
                if not synced and len(self.play.hosts) > 1:
                    yield Sync(task.order)
                synced = True
                self.preparer.synced = task
                continue
            try:
                self.performer.learn(wanted)
            except NoInterpreter:
                entry = self.preparer.without_agent(task) if not self.performer.batch else None
                if entry is None:
                    raise
                return entry
        raise PlaybookError("what the task needs to know never becomes known", mark=task.mark)

    def _once(self, task: Task) -> Program:
        self.performer.flush()
        share = yield Once(task.order)
        if share is not None:
            if share.facts:
                self.state.registers.update(share.facts)
            if task.register and share.result is not None:
                self.state.registers.put(task.register, dict(share.result))
            if share.failed:
                self.state.status = "failed"
                raise TaskFailed(task, share.result or {})
            return
        try:
            entry = yield from self._known(task, self.preparer.entry, task)
            self.performer.add(entry)
            result = self.performer.flush()
        except TaskFailed as failure:
            yield Share(task.order, failure.result, failed=True)
            raise
        except Unreachable:
            yield Share(task.order, None)
            raise
        yield Share(task.order, result, facts=(result or {}).get("ansible_facts"))

    # -- handlers ---------------------------------------------------------------------

    def run_handlers(self) -> Program:
        """Runs what was notified, in the order of the play, until nothing is."""
        self.performer.flush()
        self._take_notified()
        while self._due:
            yield from self._handlers(self.handlers)
            self._take_notified()

    def _take_notified(self) -> None:
        """Finds the handlers that were notified. Raises PlaybookError for an unknown name."""
        names, self.performer.notified = self.performer.notified, set()
        for task in self._handler_tasks(self.handlers) if names else ():
            hit = self._names(task) & names
            if hit:
                self._due.add(id(task))
                self._answered |= hit
        unknown = sorted(names - self._answered)
        if unknown:
            raise PlaybookError(f"no handler is called {unknown[0]}", mark=self.play.play.mark)

    def _handler_tasks(self, items: Sequence[Item]) -> Iterator[Task]:
        for item in items:
            if isinstance(item, Block):
                yield from self._handler_tasks(item.block)
            else:
                yield item.task if isinstance(item, Include) else item

    def _handlers(self, items: Sequence[Item]) -> Program:
        for item in items:
            if isinstance(item, Block):
                yield from self._handlers(item.block)
                continue
            self._take_notified()
            task = item.task if isinstance(item, Include) else item
            if id(task) not in self._due:
                continue
            self._due.discard(id(task))
            yield from self.items([item])
            self.performer.flush()

    def _names(self, task: Task) -> set[str]:
        names = set(task.listen)
        if task.name:
            try:
                shown = self.preparer.title(task)
            except (Pending, ProvisionError):
                shown = task.title
            names |= {task.name, task.title, shown, shown.rpartition(" : ")[2]}
            role = task.inherited.role
            if role is not None:
                names |= {f"{role.name} : {task.name}"}
        return names

    # -- meta -------------------------------------------------------------------------

    def meta(self, task: Task) -> Program:
        word = str(task.args.get("_meta") or next(iter(task.args), "")).strip()
        if word != "flush_handlers":
            wanted = yield from self._known(task, self.preparer.wanted, task)
            if not wanted:
                return
        self.performer.flush()
        if word == "flush_handlers":
            yield from self.run_handlers()
        elif word == "end_host":
            self.state.ended = True
            raise _EndHost
        elif word in ("end_play", "end_batch"):
            self.play.ended = True
            raise _EndHost
        elif word == "end_role":
            raise _EndRole
        elif word == "clear_facts":
            self.state.facts.clear()
        elif word == "reset_connection":
            self.play.run.connections.drop(self.host)
        elif word == "clear_host_errors":
            for name in tuple(self.play.lost):
                self.play.run.states[name].status = "ok"
            self.play.lost.clear()
        elif word not in ("noop", "refresh_inventory"):
            raise PlaybookError(f"meta has no {word!r}", mark=task.mark)

    # -- includes ---------------------------------------------------------------------

    def include(self, include: Include) -> Program:
        self._check_end()
        if self._skips(include.task):
            return
        if self.play.linear:
            self.performer.flush()
            yield Sync(include.order)
        found: list[tuple[Included, Mapping[str, Any]]] = yield from self._known(
            include.task, self._resolve, include
        )
        for included, params in found:
            self.handlers += [h for h in included.handlers if h not in self.handlers]
            layers = self.preparer.params
            self.preparer.params = (*layers, params) if params else layers
            try:
                yield from self.items(included.items)
                # the parameters below end with this include; what it sent has been rendered
            except _EndRole:
                pass
            finally:
                self.preparer.params = layers

    def _resolve(self, include: Include) -> list[tuple[Included, Mapping[str, Any]]]:
        task = include.task
        entry = self.preparer.include_entry(task)
        found: list[tuple[Included, Mapping[str, Any]]] = []
        try:
            for part, args in self.preparer.include_parts(entry, task):
                params = self.preparer.include_params(task, part)
                included = self._bring(include, args)
                assert part.outcome is not None
                part.outcome.data["include"] = included.name
                found.append((included, params))
        except Pending:
            raise
        except ProvisionError as exc:
            self.preparer.fail(entry, exc)
        self.performer.add(entry)
        if any(part.outcome and part.outcome.status == "failed" for part in entry.parts):
            self.performer.flush()
        return found

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
            raise PlaybookError("include_tasks names no file", mark=include.task.mark)
        path = self.play.reader.find(name, include.task.directory, below)
        if path is None:
            raise PlaybookError(f"no task file {name!r}", mark=include.task.mark)
        return self.play.include_tasks(include, path, below)

    def _bring_role(self, include: Include, args: Mapping[str, Any], below: Inherited) -> Included:
        name = str(args.get("name") or args.get("role") or "")
        if not name:
            raise PlaybookError("include_role names no role", mark=include.task.mark)
        source = {
            key: str(args.get(key) or "main").removesuffix(".yml").removesuffix(".yaml")
            for key in ("tasks_from", "vars_from", "defaults_from", "handlers_from")
        }
        key = (id(include), name, tuple(source.values()))
        roles = self.play.roles

        def make() -> Included:
            parents = below.role.lineage if below.role else ()
            role: Role = roles.role(
                name,
                include.task.mark,
                parents=parents,
                vars_from=source["vars_from"],
                defaults_from=source["defaults_from"],
            )
            used, before, handlers = roles.uses(
                roles.meta(role).get("dependencies"), below, role.lineage
            )
            role = replace(role, dependencies=tuple(used))
            own = below.with_role(role)
            items = roles.tasks(role, own, source["tasks_from"], include.task.mark)
            brought = [*handlers, *roles.handlers(role, own, source["handlers_from"])]
            return Included([*before, *items], brought, role, role.name)

        included = self.play.included(key, make)
        if args.get("public") and included.role is not None:
            self.state.included.update(
                {k: v for k, v in included.role.defaults.items() if k not in self.state.included}
            )
            self.state.included.update(included.role.vars)
        return included
