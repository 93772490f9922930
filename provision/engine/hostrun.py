"""One host's way through one play.

`HostRun.program` is a generator: it walks the play as ordinary code, gathers what can travel
together into a batch, sends it when an answer is needed, and yields only where it must wait
for other hosts. Whoever drives it (`scheduler`) decides on which thread it goes on.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from provision.engine.entries import Entry, TaskFailed
from provision.engine.handlers import Handlers
from provision.engine.hostvars import HostState
from provision.engine.includes import Includes
from provision.engine.keywords import Keywords
from provision.engine.meta import EndHost, EndRole, meta
from provision.engine.performer import Performer, Stopped
from provision.engine.playrun import PlayRun
from provision.engine.preparer import Preparer
from provision.engine.requests import AFTER, LAST, Once, Place, Program, Request, Share, Sync
from provision.engine.variables import Variables
from provision.engine.verdict import holds
from provision.errors import NoInterpreter, PlaybookError, ProvisionError, Unreachable
from provision.playbook import Block, Include, Item, Task
from provision.templating import Pending

__all__ = ["HostRun"]


#: Done on the controller, and not at once.
_TAKING_TIME = frozenset({"pause"})


class HostRun:
    """One host in one play."""

    def __init__(self, play: PlayRun, state: HostState) -> None:
        self.play = play
        self.state = state
        self.host = state.name
        self.number = play.hosts.index(state.name)
        self.options = play.run.options
        self.performer = Performer(play, state)
        self.variables = Variables(play, state)
        self.keywords = Keywords(self.variables)
        self.preparer = Preparer(play, state, self.performer, self.keywords)
        self.handlers = Handlers(play, self.keywords)
        self.includes = Includes(play, self.preparer)
        self.performer.notify = self.handlers.notify
        self.performer.replan = self._replan
        self.prefix: Place = ()
        self.waiting_for_start = bool(self.options.start_at_task) and not play.run.start_found
        self.rescuing = 0  # blocks around us whose rescue section is still to come
        self._roles_ended: dict[str, list[object]] = {}  # by key: the roles that came to an end

    def _replan(self, entry: Entry, part: Any) -> Any:
        return self.preparer.planned(entry.task, part.scope, part.frame, entry.title)

    # -- the play ---------------------------------------------------------------------

    def program(self) -> Program:
        """The whole play. Failures end it quietly; the state tells."""
        try:
            yield from self._known(None, self._open)
            yield from self._sections()
        except EndHost:
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
        wanted = self.keywords.truth(gather) if gather is not None else self._gathers()
        self.state.facts.lazy = self.state.facts.lazy or wanted
        self.variables.open()

    def _gathers(self) -> bool:
        return self.options.gathering != "explicit"

    def _sections(self) -> Program:
        for number, section in enumerate(self.play.play.sections):
            self.prefix = (number,)
            yield from self.items(section)
            self.performer.flush()
            yield from self.run_handlers((number, LAST))

    def _forces_handlers(self) -> bool:
        told = self.play.play.force_handlers
        return self.options.force_handlers if told is None else self.keywords.truth(told)

    def _after_failure(self) -> Program:
        self.state.status = "failed"
        if self._forces_handlers():
            try:
                yield from self.run_handlers((*self.prefix[:1], LAST))
            except (TaskFailed, EndHost):
                pass
            except Unreachable as exc:
                self.performer.unreachable(exc)

    def _flush_quietly(self) -> None:
        try:
            self.performer.flush()
        except TaskFailed:
            self.state.status = "failed"
        except Unreachable as exc:
            self.performer.unreachable(exc)

    def run_handlers(self, place: Place) -> Program:
        """Runs what was notified, in the order in which the handlers are defined."""
        self.performer.flush()
        with self.below((*place, 1)):
            for item in self.handlers.due():
                task = item.task if isinstance(item, Include) else item
                yield from self.items([item])
                if task.inherited.notify or isinstance(item, Include):
                    self.performer.flush()  # it may notify a handler that is still to come
            self.performer.flush()

    @contextmanager
    def below(self, prefix: Place) -> Iterator[None]:
        """What is done here has its place below `prefix`."""
        before, self.prefix = self.prefix, prefix
        try:
            yield
        finally:
            self.prefix = before

    def place(self, item: Task | Include, phase: int = 0) -> Place:
        return (*self.prefix, item.order, phase)

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
        if block.use is not None:
            yield from self._role(block)
        elif block.rescue or block.always:
            yield from self._guarded(block)
        else:
            yield from self.items(block.block)

    def _role(self, block: Block) -> Program:
        """A role's tasks, unless the same role has run on this host already."""
        use = block.use
        assert use is not None
        if use.key in self._roles_ended and not use.repeats:
            self.performer.flush()
            if any(role in self.performer.roles_run for role in self._roles_ended[use.key]):
                return
        try:
            yield from self.items(block.block)
        except EndRole:
            pass
        self._roles_ended.setdefault(use.key, []).append(use.role)

    def _guarded(self, block: Block) -> Program:
        self.performer.flush()  # what failed before is not this block's to rescue
        try:
            yield from self._rescued(block)
        except TaskFailed:
            yield from self._always(block)
            raise
        yield from self._always(block)

    def _always(self, block: Block) -> Program:
        yield from self.items(block.always)
        self.performer.flush()

    def _rescued(self, block: Block) -> Program:
        self.rescuing += bool(block.rescue)
        try:
            yield from self.items(block.block)
            self.performer.flush()
        except TaskFailed as failure:
            self.rescuing -= bool(block.rescue)
            if not block.rescue:
                raise
            self._remember(failure)
        else:
            self.rescuing -= bool(block.rescue)
            return
        yield from self.items(block.rescue)
        self.performer.flush()

    def _remember(self, failure: TaskFailed) -> None:
        if not failure.own:
            return
        self.performer.rescued()
        put = self.state.registers.put
        put("ansible_failed_result", dict(failure.result))
        put("ansible_failed_task", failure.task.described())

    def check_end(self) -> None:
        if self.play.run.stopping.is_set():
            raise Stopped
        if self.play.ended or self.state.ended:
            raise EndHost

    def _skips(self, task: Task) -> bool:
        """Left out by tags or --start-at-task; such a task is not even reported."""
        if self.waiting_for_start and not task.is_handler:
            wanted = self.options.start_at_task
            if not (fnmatch.fnmatch(task.name, wanted) or fnmatch.fnmatch(task.title, wanted)):
                return True
            self.waiting_for_start = False
            self.play.run.start_found = True
        return not task.is_handler and not self.keywords.selected(task.inherited.tags)

    # -- tasks ------------------------------------------------------------------------

    def task(self, task: Task) -> Program:
        self.check_end()
        if self._skips(task):
            return
        yield from self._in_step(task)
        if task.action == "meta":
            yield from meta(self, task)
        else:
            yield from self._together(task, self._do(task))

    def _in_step(self, item: Task | Include) -> Program:
        """With strategy linear, every host does a task before any does the next."""
        if self.play.linear:
            self.performer.flush()
            yield Sync(self.place(item))
            self.check_end()

    def _do(self, task: Task) -> Program:
        if (yield from self._is_once(task)):
            yield from self._once(task)
            return
        yield from self._perform(task)

    def _perform(self, task: Task) -> Program:
        if task.action in _TAKING_TIME or self._shares_files():
            self.performer.flush()
        entry: Entry = yield from self._known(task, self.preparer.entry, task)
        if entry.todo is not None:
            yield from self._each(entry)
        self.performer.add(entry)

    def _shares_files(self) -> bool:
        """Whether the host is the controller: a lookup may read what the task before it writes,
        and looking ahead would save nothing."""
        if self.options.batch_local or not self.performer.batch:
            return False
        return self.play.run.connections.line(self.host).target.kind == "local"

    def _each(self, entry: Entry) -> Program:
        """The turns of a loop that goes in order."""
        task, loop = entry.task, entry.task.loop
        assert loop is not None
        assert entry.todo is not None
        pause = float(self.preparer.said(loop.pause, entry.scope) or 0)
        if pause or loop.break_when:
            self.performer.flush()  # what came before is not to wait with it
        before = None
        for number, turn in enumerate(entry.todo):
            if number and pause and self.play.run.stopping.wait(pause):
                raise Stopped
            part = yield from self._known(task, self.preparer.turn, entry, turn, before)
            self.performer.run_part(entry, part)
            before = self.performer.teller.part(entry, part)
            seen = {task.register: before} if task.register else {}
            scope = part.scope.child(seen)
            self.preparer.label(entry, part, scope)
            entry.parts.append(part)
            if loop.break_when and holds(loop.break_when, scope, task, self.play.run.templar):
                break

    def _known(
        self, task: Task | None, make: Callable[..., Any], *args: Any
    ) -> Generator[Request, Any, Any]:
        """`make(*args)`, after waiting for what it needs to know."""
        synced = False
        for _ in range(50):
            try:
                return make(*args)
            except Pending as pending:
                wanted = pending.name
            if wanted == "hostvars" and task is not None:
                self.performer.flush()
                if not synced and len(self.play.hosts) > 1:
                    yield Sync(self.place(task))
                synced = True
                self.variables.synced = task
                continue
            try:
                self.performer.learn(wanted)
            except NoInterpreter:
                entry = None
                if task is not None and not self.performer.batch:
                    entry = self.preparer.without_agent(task)
                if entry is None:
                    raise
                return entry
        mark = task.mark if task is not None else self.play.play.mark
        raise PlaybookError("what the task needs to know never becomes known", mark=mark)

    # -- together with other hosts ----------------------------------------------------

    def _together(self, item: Task | Include, doing: Program) -> Program:
        """With any_errors_fatal or max_fail_percentage, what fails one host may fail all."""
        task = item.task if isinstance(item, Include) else item
        fatal = False
        if self.options.any_errors_fatal or "any_errors_fatal" in task.inherited.words:
            fatal = yield from self._known(task, self._is_fatal, task)
        if not fatal and not self.play.counts_failures:
            yield from doing
            return
        self.performer.flush()
        place = self.place(item, AFTER)
        try:
            yield from doing
            self.performer.flush()
        except (TaskFailed, Unreachable):
            self.play.fell(place, self.host, for_all=fatal, for_good=not self.rescuing)
            yield Sync(place)
            raise
        yield Sync(place)
        if self.play.has_fallen(place):
            raise TaskFailed(task, {}, own=False)

    def _is_fatal(self, task: Task) -> bool:
        default = self.options.any_errors_fatal
        word = self.keywords.word
        return bool(
            len(self.play.hosts) > 1
            and word(task, "any_errors_fatal", default=default)
            and not word(task, "ignore_errors", default=False)
        )

    def _is_once(self, task: Task) -> Generator[Request, Any, bool]:
        if len(self.play.hosts) < 2 or self.play.free:
            return False
        if "run_once" not in task.inherited.words:
            return False
        once: bool = yield from self._known(task, self._runs_once, task)
        return once

    def _runs_once(self, task: Task) -> bool:
        self.variables.asking = task
        return bool(self.keywords.word(task, "run_once", default=False))

    def _once(self, task: Task) -> Program:
        self.performer.flush()
        place = self.place(task)
        share: Share | None = yield Once(place)
        if share is not None:
            self._take(task, share)
            return
        registers = self.state.registers
        before = dict(registers)
        try:
            yield from self._perform(task)
            result = self.performer.flush()
        except TaskFailed as failure:
            yield Share(place, failure.result, failed=True)
            raise
        except Unreachable:
            yield Share(place, None)
            raise
        changed = {k: v for k, v in dict(registers).items() if before.get(k, self) is not v}
        facts = (result or {}).get("ansible_facts") if task.action != "set_fact" else None
        yield Share(place, result, facts=facts, variables=changed)

    def _take(self, task: Task, share: Share) -> None:
        """What another host has done for all."""
        for name, value in (share.variables or {}).items():
            self.state.registers.put(name, value)
        if share.facts:
            kept = self.state.included if task.action == "include_vars" else self.state.facts
            kept.update(share.facts)
        if task.register and share.result is not None:
            self.state.registers.put(task.register, dict(share.result))
        if share.failed:
            raise TaskFailed(task, share.result or {}, own=False)

    # -- includes ---------------------------------------------------------------------

    def include(self, include: Include) -> Program:
        self.check_end()
        if self._skips(include.task):
            return
        yield from self._in_step(include)
        found: list[Any] = []
        yield from self._together(include, self._resolve(include, found))
        for number, (included, params) in enumerate(found):
            self.handlers.add(included.handlers)
            if included.exposed is not None:
                self.variables.exposed.append(included.exposed)
            layers = self.variables.params
            self.variables.params = (*layers, *params)
            try:
                with self.below((*self.prefix, include.order, number + 1)):
                    yield from self.items(included.items)
                # the parameters below end with this include; what it sent has been rendered
            finally:
                self.variables.params = layers

    def _resolve(self, include: Include, found: list[Any]) -> Program:
        """Finds out what an include brings, for one host of all where it says so."""
        task = include.task
        once = yield from self._is_once(task)
        if once:
            self.performer.flush()
            share: Share | None = yield Once(self.place(include))
            if share is not None:
                self._take(task, share)
                return
        entry, brought = yield from self._known(task, self.includes.resolve, include)
        self.performer.add(entry)
        found += brought
        if once:
            yield Share(self.place(include), None)
