"""A run: plays, hosts and options in; events out. It holds no global state and never prints."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from provision import __version__, actions
from provision.engine.connections import Connections
from provision.engine.events import (
    Event,
    HostDone,
    HostLeft,
    Notice,
    PlayStarted,
    Progress,
    RunStarted,
    Sink,
    Summary,
    TaskResult,
    Version,
)
from provision.engine.evidence import EvidenceKeeper
from provision.engine.hostrun import HostRun
from provision.engine.hostvars import HostState, scope_layers
from provision.engine.options import RunOptions
from provision.engine.playrun import PlayRun, RunShared
from provision.engine.scheduler import Scheduler
from provision.errors import InputError, PlaybookError
from provision.inventory import Inventory
from provision.playbook import Block, Files, Include, Item, Play, Playbook, Task
from provision.playbook.model import Inherited, VarsPrompt
from provision.secrets import Redactor
from provision.templating import Pending, Scope, Templar, trusted
from provision.transport.base import Connector
from provision.yamlsource import mark_of

__all__ = ["Run", "mods_of", "tasks_of"]

_REDACTED = ("found", "msg", "diff", "data", "items", "hint", "traceback", "task")


def tasks_of(items: Iterable[Item]) -> Iterable[Task]:
    """Every task that can be seen without running, handlers and includes among them."""
    for item in items:
        if isinstance(item, Block):
            for part in (item.block, item.rescue, item.always):
                yield from tasks_of(part)
        elif isinstance(item, Include):
            yield item.task
        else:
            yield item


def all_tasks(play: Play) -> Iterable[Task]:
    for section in (*play.sections, play.handlers):
        yield from tasks_of(section)


def mods_of(playbooks: Sequence[Playbook]) -> tuple[str, ...]:
    """The host halves that the tasks name, so that they travel with the first batch."""
    named = {task.action for book in playbooks for play in book.plays for task in all_tasks(play)}
    mods: set[str] = set()
    for name in named:
        try:
            mods |= set(actions.action(name).mods())
        except LookupError:
            continue
    return tuple(sorted(mods))


class Run:
    """Runs playbooks over an inventory.

    `connectors` makes connectors by kind (ssh, local). Sinks see every event, one at a time.
    `ask` answers vars_prompt; without it the defaults count. `reload` reads the inventory anew.
    """

    def __init__(
        self,
        playbooks: Sequence[Playbook],
        inventory: Inventory,
        options: RunOptions,
        *,
        sinks: Sequence[Sink],
        connectors: Mapping[str, Callable[[], Connector]],
        templar: Templar,
        files: Files,
        redactor: Redactor | None = None,
        ask: Callable[[VarsPrompt], Any] | None = None,
        reload: Callable[[], Inventory] | None = None,
        doubts: list[str] | None = None,
    ) -> None:
        self.playbooks = playbooks
        self.options = options
        self.sinks = sinks
        self.redactor = redactor or Redactor()
        self.ask = ask
        self.doubts = [] if doubts is None else doubts  # what templating warns of, as it grows
        self._emitting = threading.Lock()
        self._evidence = EvidenceKeeper() if options.mode == "drift" else None
        self.shared = RunShared(
            inventory=inventory,
            options=options,
            templar=templar,
            connections=Connections(options, connectors, self._variables, mods_of(playbooks)),
            files=files,
            emit=self.emit,
            redactor=self.redactor,
            reload=reload,
        )
        self._play: Play | None = None
        self._last_play: dict[str, int] = {}

    @property
    def inventory(self) -> Inventory:
        return self.shared.inventory

    # -- events -----------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        if not isinstance(event, Progress):
            event = self._redacted(event)
        if self._evidence is not None and isinstance(event, TaskResult):
            self._evidence.note(event)
        with self._emitting:
            for sink in tuple(self.sinks):
                if not event.internal or getattr(sink, "internal", False):
                    self._tell(sink, event)

    def _tell(self, sink: Sink, event: Event) -> None:
        """One sink's trouble is not the run's: it is left out from then on, and the others are
        told."""
        try:
            sink(event)
        except Exception as exc:
            self.sinks = [other for other in self.sinks if other is not sink]
            name = getattr(sink, "name", type(sink).__name__)
            notice = Notice("error", f"the report {name} failed and is left out: {exc!r}")
            for other in self.sinks:
                self._tell(other, notice)

    def _redacted(self, event: Event) -> Event:
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(event):
            if field.name not in _REDACTED:
                continue
            value = getattr(event, field.name)
            if not value:
                continue
            if field.name == "items":
                changes["items"] = [
                    dataclasses.replace(
                        item,
                        label=self.redactor.redact(item.label),
                        msg=self.redactor.redact(item.msg),
                        diff=self.redactor.redact_value(item.diff),
                        result=self.redactor.redact_value(item.result),
                    )
                    for item in value
                ]
            else:
                changes[field.name] = self.redactor.redact_value(value)
        return dataclasses.replace(event, **changes) if changes else event

    # -- variables for connecting -----------------------------------------------------

    def _variables(self, host: str) -> Mapping[str, Any]:
        """A host's variables that say how to reach it, rendered."""
        state = self._state(host)
        play = self._play
        words = dict(play.inherited.words) if play else {}
        defaults = {
            name: words[word]
            for word, name in (("remote_user", "ansible_user"), ("port", "ansible_port"))
            if words.get(word) is not None
        }
        connection = words.get("connection") or self.options.connection
        if connection and connection not in ("ssh", "smart", "paramiko"):
            defaults["ansible_connection"] = connection
        layers: list[Mapping[str, Any]] = [defaults, self.shared.magic()]
        if play is not None:
            extra = self.options.extra_vars
            roles = () if self.options.private_role_vars else play.exported_roles
            layers += scope_layers(state, [play.vars], Inherited(), (), extra, (), roles)
        else:
            layers += [*state.layers(), self.options.extra_vars]
        if self.shared.knows(host):
            layers.append(self.shared.inventory.magic(host))
        scope = Scope(layers, templar=self.shared.templar)
        found: dict[str, Any] = {}
        for layer in layers:
            for name in layer:
                if name.startswith(("ansible_", "provision_")) and name not in found:
                    try:
                        found[name] = scope[name]
                    except (KeyError, Pending):
                        continue
        found["inventory_hostname"] = host
        return found

    def _state(self, host: str) -> HostState:
        return self.shared.state(host)

    # -- running ----------------------------------------------------------------------

    def hosts_of(self, play: Play) -> list[str]:
        """The play's hosts in its order, within --limit."""
        scope = Scope(
            [*play.inherited.vars, play.vars, self.options.extra_vars],
            templar=self.shared.templar,
        )
        pattern = self.shared.templar.render(play.hosts, scope, mark=mark_of(play.hosts))
        names = [
            host.name for host in self.shared.inventory.select(pattern, limit=self.options.limit)
        ]
        return _ordered(names, play.order)

    def execute(self) -> Summary:
        """Runs everything. Raises InputError before the first connection, Interrupted."""
        started = time.monotonic()
        plays = [play for book in self.playbooks for play in book.plays]
        chosen = [self.hosts_of(play) for play in plays]
        everyone = list(dict.fromkeys(name for names in chosen for name in names))
        for number, names in enumerate(chosen):
            for name in names:
                self._last_play[name] = number
        self.emit(Version(__version__))
        books = [str(book.path) for book in self.playbooks]
        sizes = [len(book.plays) for book in self.playbooks]
        self.emit(RunStarted(self.options.mode, books, everyone, sizes))
        for text in [w for book in self.playbooks for w in book.warnings]:
            self.emit(Notice("warning", text))
        for text in self.shared.inventory.warnings:
            self.emit(Notice("warning", text))
        interrupted = False
        try:
            for number, play in enumerate(plays):
                # Groups may have grown while earlier plays ran.
                hosts = self.hosts_of(play) if number else chosen[0]
                if not self._run_play(number, play, hosts):
                    break
        except KeyboardInterrupt:
            interrupted = True
        finally:
            self.shared.connections.close()
        for text in dict.fromkeys(self.doubts):
            self.emit(Notice("warning", text))
        summary = self._summary(everyone, started, interrupted)
        self.emit(summary)
        return summary

    def _summary(self, everyone: Sequence[str], started: float, interrupted: bool) -> Summary:
        hosts = {name: dict(self._state(name).counts) for name in everyone}
        codes = {state.status for state in self.shared.states.values()}
        code = 0
        if interrupted:
            code = 130
        elif "failed" in codes:
            code = 1
        elif "unreachable" in codes:
            code = 4
        elif self.options.mode in ("plan", "drift") and any(
            counts.get("changed") for counts in hosts.values()
        ):
            code = 3
        return Summary(hosts, code, round(time.monotonic() - started, 3))

    def _batches(self, play: Play, hosts: list[str]) -> list[list[str]]:
        if play.serial is None:
            return [hosts] if hosts else []
        scope = Scope([play.vars, self.options.extra_vars], templar=self.shared.templar)
        told = self.shared.templar.render(play.serial, scope, mark=mark_of(play.serial))
        sizes = told if isinstance(told, list) else [told]
        batches: list[list[str]] = []
        left = list(hosts)
        number = 0
        while left:
            size = _batch_size(sizes[min(number, len(sizes) - 1)], len(hosts), play)
            batches.append(left[:size])
            left = left[size:]
            number += 1
        return batches

    def _prompted(self, play: Play) -> dict[str, Any]:
        """What the play's questions were answered with; extra variables answer them, too."""
        return {
            prompt.name: self._answer(prompt)
            for prompt in play.vars_prompt
            if prompt.name not in self.options.extra_vars
        }

    def _answer(self, prompt: VarsPrompt) -> Any:
        answer = prompt.default if self.ask is None else self.ask(prompt)
        if answer is None or not prompt.encrypt:
            return answer if prompt.unsafe else trusted(answer)
        known = {"answer": str(answer), "method": prompt.encrypt, "salt": prompt.salt or None}
        scope = Scope([known], templar=self.shared.templar)
        if prompt.private:
            self.redactor.add(str(answer))
        return self.shared.templar.evaluate("answer | password_hash(method, salt=salt)", scope)

    def _run_play(self, number: int, play: Play, hosts: list[str]) -> bool:
        """Runs a play; whether the run goes on behind it."""
        self._play = play
        self.shared.directory = play.directory
        for name in hosts:
            self.shared.enter(name, play.directory)
        hosts = [name for name in hosts if self._state(name).status == "ok"]
        self.emit(PlayStarted(play.name, hosts, _spelled(play.hosts)))
        prompts = self._prompted(play) if hosts else {}
        lost: set[str] = set()
        for batch in self._batches(play, hosts):
            batch_run = PlayRun(self.shared, play, batch, hosts, prompts=prompts, lost_before=lost)
            self._run_batch(number, batch_run)
            lost |= batch_run.lost
            if not batch_run.living() or self._too_many(play, batch_run):
                return False
            if batch_run.ended_for_good:
                break
        return True

    def _too_many(self, play: Play, done: PlayRun) -> bool:
        if done.lost and play.inherited.words.get("any_errors_fatal"):
            return True
        if play.max_fail_percentage is None:
            return False
        limit = float(play.max_fail_percentage)
        return len(done.lost) / len(done.hosts) * 100 > limit

    def _run_batch(self, number: int, play: PlayRun) -> None:
        runs = [HostRun(play, self._state(name)) for name in play.hosts]

        def done(run: HostRun) -> None:
            self.emit(HostLeft(run.host))
            if self._last_play.get(run.host) == number:
                self._gather_evidence(run.host)
                self.shared.connections.drop(run.host)
                self.emit(HostDone(run.host, dict(run.state.counts), run.state.round_trips))

        if not self.shared.connections.begun:
            self.shared.connections.begin(play.hosts)
        scheduler = Scheduler(self.options.forks, done)
        try:
            scheduler.run(runs)
        except KeyboardInterrupt:
            self._interrupt(scheduler)
            raise

    def _gather_evidence(self, host: str) -> None:
        """Of what has drifted on a host that is through; its connection still stands."""
        if self._evidence is None or self.shared.stopping.is_set():
            return
        state = self._state(host)
        if state.status == "unreachable":
            return
        line = self.shared.connections.line(host)
        before = line.round_trips
        for event in self._evidence.gather(host, line):
            self.emit(event)
        state.round_trips += line.round_trips - before

    def _interrupt(self, scheduler: Scheduler) -> None:
        """The first Ctrl-C lets each host end the task it is in, the second cuts."""
        self.shared.stopping.set()
        self.emit(Notice("warning", "stopping after the tasks that run now; again to cut off"))
        threading.Thread(target=self.shared.connections.stop, daemon=True).start()
        try:
            scheduler.wait()
        except KeyboardInterrupt:
            self.shared.connections.close()


def _spelled(pattern: Any) -> str:
    return ",".join(map(str, pattern)) if isinstance(pattern, list) else str(pattern)


def _ordered(names: list[str], order: str) -> list[str]:
    if order == "sorted":
        return sorted(names)
    if order == "reverse_sorted":
        return sorted(names, reverse=True)
    if order == "reverse_inventory":
        return names[::-1]
    if order == "shuffle":
        return random.sample(names, len(names))
    if order != "inventory":
        raise InputError(f"no order {order!r}")
    return names


def _batch_size(value: Any, total: int, play: Play) -> int:
    text = str(value).strip()
    try:
        size = int(float(text[:-1]) / 100 * total) if text.endswith("%") else int(text)
    except ValueError:
        raise PlaybookError(
            f"'serial' takes a number or a percentage, not {value!r}", mark=play.mark
        ) from None
    return max(1, size) if size or text.endswith("%") else total
