"""Sends batches and turns answers into results, variables and notifications."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from provision.actions.base import Blob, Call, Outcome, RawCommand
from provision.engine.connections import HostLine, Identity
from provision.engine.entries import Entry, Part, TaskFailed, outcome_of, registered, showable
from provision.engine.events import ItemResult, Notice, Progress, TaskResult, TaskStarted
from provision.engine.hostvars import HostState
from provision.errors import InputError, ProvisionError, Unreachable
from provision.playbook.model import Task
from provision.templating import Pending, Scope
from provision.transport.link import Link, Step
from provision.yamlsource import mark_of

if TYPE_CHECKING:
    from provision.engine.playrun import PlayRun

__all__ = ["Performer", "Stopped"]

_HIDDEN = "the output has been hidden because of no_log"
_SETUP = "setup"


class Stopped(Exception):
    """The user asked the run to stop."""


class Performer:
    """One host's batches in one play."""

    def __init__(self, play: PlayRun, state: HostState) -> None:
        self.play = play
        self.run = play.run
        self.state = state
        self.batch: list[Entry] = []
        self.notified: set[str] = set()
        self.unknowns = 0
        self._facts_wanted = False
        self._position = 0

    # -- gathering a batch ------------------------------------------------------------

    def add(self, entry: Entry) -> None:
        """Takes an entry up; sends what must be sent before the next task can be looked at."""
        task = entry.task
        calls = [p for p in entry.parts if p.outcome is None and isinstance(p.planned, Call)]
        alone = self._alone(entry)
        if self.batch and (alone or (calls and not self._same_line(entry))):
            self.flush()
        self._position += 1
        self.batch.append(entry)
        for part in entry.parts:
            if part.outcome is None and isinstance(part.planned, Outcome):
                part.outcome = part.planned
        if all(part.outcome is not None for part in entry.parts):
            self._finish_local(entry)
        elif task.register:
            self.state.registers.await_(task.register, self._position)
        if alone or self._must_settle(entry):
            self.flush()

    def _alone(self, entry: Entry) -> bool:
        """Several steps with decisions between them, or another host's doing."""
        task = entry.task
        if entry.delegate or task.until is not None:
            return True
        return any(
            part.outcome is None and not isinstance(part.planned, Call | Outcome)
            for part in entry.parts
        )

    def _same_line(self, entry: Entry) -> bool:
        for other in reversed(self.batch):
            if any(isinstance(part.planned, Call) for part in other.parts):
                return other.identity == entry.identity
        return True

    def _must_settle(self, entry: Entry) -> bool:
        """Whether going on before the answer could run what must not run."""
        task = entry.task
        if task.failed_when is not None and not isinstance(task.failed_when, bool):
            return True
        if task.changed_when is not None and not isinstance(task.changed_when, bool):
            return True
        return any(p.outcome is not None and p.outcome.status == "failed" for p in entry.parts)

    def learn(self, name: str) -> None:
        """Does what is needed for the pending variable `name` to be known."""
        if name == "facts":
            self._facts_wanted = True
            self.flush()
            if not self.state.facts.gathered:
                self._gather_now()
        elif name == "cheap facts":
            self.flush()
            if self.state.cheap_facts is None:
                with self._line("").link(Identity()) as link:
                    self._greet(link)
        else:
            self.flush()

    # -- sending ----------------------------------------------------------------------

    def _line(self, delegate: str) -> HostLine:
        return self.run.connections.line(delegate or self.state.name)

    def _greet(self, link: Link, delegate: str = "") -> None:
        if self.state.cheap_facts is None and not delegate:
            self.state.cheap_facts = link.facts(self._deadline())

    def _deadline(self) -> float | None:
        limit = self.run.options.host_timeout_s
        return None if limit is None else time.monotonic() + limit

    def flush(self) -> dict[str, Any] | None:
        """Sends the batch and takes the answers; returns the last task's registered result.

        Raises TaskFailed for the first failure that nobody ignores, Unreachable, Stopped.
        """
        batch, self.batch = self.batch, []
        if not batch and not self._facts_wanted:
            return None
        first = self._position - len(batch) + 1
        last: dict[str, Any] | None = None
        self._send(batch)
        for offset, entry in enumerate(batch):
            if any(part.outcome is None for part in entry.parts):
                self._undo(first + offset - 1)
                if self.run.stopping.is_set():
                    raise Stopped
                raise Unreachable("the host did not answer for this task", host=self.state.name)
            try:
                last = self._complete(entry)
            except TaskFailed:
                self._undo(first + offset)
                raise
        self._undo(None)
        return last

    def _undo(self, after: int | None) -> None:
        """Takes back what entries behind position `after` have set; None keeps everything."""
        for kept in (self.state.included, self.state.registers):
            if after is None:
                kept.commit()
            else:
                kept.undo(after)

    def next_position(self) -> int:
        """The position that the entry being prepared will have."""
        return self._position + 1

    def _send(self, batch: list[Entry]) -> None:
        calls = [(entry, part) for entry in batch for part in entry.parts if part.outcome is None]
        if not calls and not self._facts_wanted:
            return
        alone = calls[0][0] if calls and self._alone(calls[0][0]) else None
        try:
            if alone is not None:
                self._perform_alone(alone)
            else:
                self._perform(calls)
        except Unreachable as exc:
            self._answer_lost(batch, exc)
            raise

    def _answer_lost(self, batch: list[Entry], exc: Unreachable) -> None:
        """Reports what was answered before the line broke, and who was hit."""
        for entry in batch:
            if all(part.outcome is not None for part in entry.parts):
                self._complete(entry)
                continue
            exc.host = exc.host or self.state.name
            break

    def _steps(self, calls: list[tuple[Entry, Part]]) -> list[Step]:
        steps = []
        for index, (entry, part) in enumerate(calls):
            call = part.planned
            assert isinstance(call, Call)
            task = entry.task
            decides = task.failed_when is not None or entry.ignore_errors
            steps.append(
                Step(
                    index=index,
                    mod=call.mod,
                    args=call.args,
                    check=part.check if call.check is None else call.check,
                    diff=entry.show_diff,
                    env=entry.environment,
                    timeout_s=call.timeout_s or entry.timeout_s,
                    go_on=decides,
                    group=id(entry) if entry.looped else None,
                )
            )
        return steps

    def _perform(self, calls: list[tuple[Entry, Part]]) -> None:
        """Sends calls as one batch; facts that are wanted travel at its end."""
        steps = self._steps(calls)
        if self._facts_wanted:
            steps.append(Step(len(steps), _SETUP, self._setup_args(), go_on=True))
        if calls:
            self.run.emit(TaskStarted(self.state.name, calls[0][0].title))
        identity = calls[0][0].identity if calls else Identity()
        for said in self._exchange(calls, steps, identity, ""):
            index = said["i"]
            outcome = outcome_of(said)
            if index == len(calls):
                self._take_facts(outcome)
                continue
            part = calls[index][1]
            call = part.planned
            assert isinstance(call, Call)
            part.outcome = self._finished(call, outcome)
            if index + 1 < len(calls) and calls[index + 1][0] is not calls[index][0]:
                self.run.emit(TaskStarted(self.state.name, calls[index + 1][0].title))

    def _finished(self, call: Call, outcome: Outcome) -> Outcome:
        if call.finish is None:
            return outcome
        try:
            return call.finish(outcome)
        except InputError as exc:
            return Outcome("failed", exc.what, data={"_where": str(exc.mark or "")})

    def _exchange(
        self, calls: list[tuple[Entry, Part]], steps: list[Step], identity: Identity, delegate: str
    ) -> Any:
        """Runs steps on an agent and yields their results."""
        blobs: dict[str, Blob] = {}
        for _, part in calls:
            if isinstance(part.planned, Call):
                blobs.update({blob.sha256: blob for blob in part.planned.blobs})

        def content(digest: str) -> BinaryIO | None:
            return blobs[digest].open() if digest in blobs else None

        def on_data(index: int, size: int, pieces: Any) -> None:
            planned = calls[index][1].planned
            if isinstance(planned, Call) and planned.receive is not None:
                planned.receive(size, pieces)

        line = self._line(delegate)
        before = line.round_trips
        try:
            with line.link(identity) as link:
                for said in link.run(
                    steps, blobs=content, deadline=self._deadline(), on_data=on_data
                ):
                    if said["type"] == "result":
                        yield said
                    elif said["type"] == "progress" and said["i"] < len(calls):
                        self._say_progress(calls[said["i"]][0].title, said)
                self._greet(link, delegate)
        finally:
            self.state.round_trips += line.round_trips - before

    def _say_progress(self, title: str, said: Mapping[str, Any]) -> None:
        self.progress(
            title,
            phase=str(said.get("phase", "")),
            done=float(said.get("done", 0)),
            total=float(said.get("total", 0)),
            unit=str(said.get("unit", "")),
        )

    def progress(
        self, title: str, *, phase: str, done: float = 0, total: float = 0, unit: str = ""
    ) -> None:
        self.run.emit(Progress(self.state.name, title, phase, done, total, unit))

    # -- one task at a time -----------------------------------------------------------

    def _perform_alone(self, entry: Entry) -> None:
        self.run.emit(TaskStarted(self.state.name, entry.title))
        for part in entry.parts:
            if part.outcome is not None:
                continue
            if entry.task.until is None:
                part.outcome = self._run_part(entry, part)
            else:
                part.outcome = self._until(entry, part)

    def _run_part(self, entry: Entry, part: Part) -> Outcome:
        planned = part.planned
        if isinstance(planned, Outcome):
            return planned
        if isinstance(planned, Call):
            return self._call(entry, part, planned)
        if isinstance(planned, RawCommand):
            from provision.engine.raw import run_raw

            line = self._line(entry.delegate)
            done = run_raw(line, entry.identity, planned, entry.timeout_s)
            if done.data.get("python"):
                self.run.connections.add_interpreter(line.host, str(done.data["python"]))
            return done
        try:
            call = next(planned)
            while True:
                call = planned.send(self._call(entry, part, call))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        except Unreachable:
            raise
        except ProvisionError as exc:
            where = str(exc.mark or entry.task.mark)
            text = f"{exc.what}: {exc.why}" if exc.why else exc.what
            return Outcome("failed", text, data={"_where": where, "_hint": exc.hint})
        finally:
            planned.close()

    def _call(self, entry: Entry, part: Part, call: Call) -> Outcome:
        once = Part(part.scope, call, part.check)
        steps = self._steps([(entry, once)])
        name = entry.delegate or self.state.name
        if call.fresh:
            if self.run.stopping.is_set():
                raise Stopped
            self.run.connections.drop(name)
            if not entry.delegate:
                self.state.cheap_facts = None
        try:
            for said in self._exchange([(entry, once)], steps, entry.identity, entry.delegate):
                return self._finished(call, outcome_of(said))
            raise Unreachable("the host did not answer", host=name)
        except Unreachable as exc:
            if not call.lost_ok:
                raise
            return Outcome("unreachable", f"{exc.what}: {exc.why}" if exc.why else exc.what)

    def _until(self, entry: Entry, part: Part) -> Outcome:
        task = entry.task
        templar = self.run.templar
        retries = int(templar.render(3 if task.retries is None else task.retries, part.scope))
        delay = float(templar.render(task.delay, part.scope))
        attempt = 0
        while True:
            attempt += 1
            outcome = self._run_part(entry, part)
            result = registered(outcome)
            result["attempts"] = attempt
            outcome.data["attempts"] = part.attempts = attempt
            scope = part.scope.child({task.register: result} if task.register else {})
            if templar.condition(task.until, scope, mark=mark_of(task.until) or task.mark):
                return outcome
            if attempt > retries:
                outcome.status = "failed"
                outcome.msg = outcome.msg or f"not so after {attempt} attempts"
                return outcome
            if part.check and outcome.status == "unknown":
                return outcome
            self.progress(entry.title, phase="retry", done=attempt, total=retries)
            if self.run.stopping.wait(delay):
                raise Stopped
            part.planned = self._again(entry, part)

    def _again(self, entry: Entry, part: Part) -> Any:
        """A generator cannot be run twice; calls can."""
        if isinstance(part.planned, Call | Outcome | RawCommand):
            return part.planned
        from provision.engine.preparer import Preparer

        preparer = Preparer(self.play, self.state, self)
        preparer.open()
        return preparer._part(entry, part.scope).planned

    # -- facts ------------------------------------------------------------------------

    def _setup_args(self) -> dict[str, Any]:
        subset = self.play.play.gather_subset
        return {"gather_subset": list(subset)} if isinstance(subset, list) else {}

    def _gather_now(self) -> None:
        self._facts_wanted = True
        self._perform([])

    def _take_facts(self, outcome: Outcome) -> None:
        self._facts_wanted = False
        if outcome.status == "failed":
            raise Unreachable(f"facts cannot be gathered: {outcome.msg}", host=self.state.name)
        self.state.facts.update(outcome.facts or outcome.data.get("ansible_facts", {}))
        self.state.facts.gathered = True

    # -- results ----------------------------------------------------------------------

    def take_effects(self, action: str, outcome: Outcome, position: int | None) -> None:
        """Applies what an outcome sets: facts, variables, groups, hosts."""
        if outcome.status in ("failed", "unreachable"):
            return
        kept = self.state.included if action == "include_vars" else self.state.registers
        for name, value in outcome.host_vars.items():
            kept.put(name, value, position)
        if outcome.facts:
            self.state.facts.update(outcome.facts)
        inventory = self.run.inventory
        for group in outcome.groups:
            inventory.add_group(str(group), hosts=[self.state.name])
        for new in outcome.new_hosts:
            inventory.add_host(new["name"], new.get("groups", ()), new.get("vars", {}))

    def _finish_local(self, entry: Entry) -> None:
        """An entry that needs no host: what it sets is visible to the next task at once."""
        for part in entry.parts:
            assert part.outcome is not None
            self._decide(entry, part)
            if entry.task.action != _SETUP:
                self.take_effects(entry.task.action, part.outcome, self._position)
        if entry.task.register:
            self.state.registers.put(entry.task.register, self._result(entry), self._position)

    def _decide(self, entry: Entry, part: Part) -> None:
        """changed_when and failed_when, once for each part."""
        task, outcome = entry.task, part.outcome
        assert outcome is not None
        if outcome.status in ("skipped", "unreachable"):
            return
        if outcome.status == "unknown":
            self.unknowns += 1
            return
        result = registered(outcome)
        scope = part.scope.child({task.register: result}) if task.register else part.scope
        try:
            if task.changed_when is not None and outcome.status != "failed":
                outcome.status = "changed" if self._holds(task.changed_when, scope, task) else "ok"
            if task.failed_when is not None:
                if self._holds(task.failed_when, scope, task):
                    outcome.data["failed_when_result"] = True
                    outcome.status = "failed"
                else:
                    outcome.data["failed_when_result"] = False
                    if outcome.status == "failed":
                        was = result.get("changed") or outcome.data.pop("changed", False)
                        outcome.status = "changed" if was else "ok"
        except Pending:
            raise
        except InputError as exc:
            outcome.status = "failed"
            outcome.msg = exc.what
            outcome.data["_where"] = str(exc.mark or task.mark)

    def _holds(self, conditions: Any, scope: Scope, task: Task) -> bool:
        listed = conditions if isinstance(conditions, list) else [conditions]
        return all(
            self.run.templar.condition(c, scope, mark=mark_of(c) or task.mark) for c in listed
        )

    def _result(self, entry: Entry) -> dict[str, Any]:
        """What `register` keeps of the whole task."""
        results = [self._part_result(entry, part) for part in entry.parts]
        if not entry.looped:
            return results[0]
        total: dict[str, Any] = {
            "results": results,
            "changed": any(r["changed"] for r in results),
            "failed": any(r["failed"] for r in results),
            "msg": "All items completed",
        }
        if not results:
            total.update(skipped=True, skipped_reason="No items in the list", msg="")
        elif all(r.get("skipped") for r in results):
            total.update(skipped=True, msg="All items skipped")
        elif total["failed"]:
            total["msg"] = "One or more items failed"
        return total

    def _part_result(self, entry: Entry, part: Part) -> dict[str, Any]:
        assert part.outcome is not None
        result = registered(part.outcome)
        result.pop("_where", None)
        result.pop("_hint", None)
        if entry.looped:
            loop = entry.task.loop
            name = loop.loop_var if loop else "item"
            result[name] = part.item
            result["ansible_loop_var"] = name
        return result

    def _complete(self, entry: Entry) -> dict[str, Any]:
        """Reports a task whose parts are all answered. Raises TaskFailed."""
        local = all(isinstance(part.planned, Outcome) for part in entry.parts)
        if not local:
            for part in entry.parts:
                assert part.outcome is not None
                self._decide(entry, part)
                if entry.task.action == _SETUP:
                    self._take_facts(part.outcome)
                else:
                    self.take_effects(entry.task.action, part.outcome, None)
        result = self._result(entry)
        if entry.task.register:
            self.state.registers.put(entry.task.register, result)
        status = self._status(entry)
        ignored = status == "failed" and entry.ignore_errors
        if status == "changed":
            self._notify(entry)
        self._report(entry, status, ignored)
        if status == "failed" and not ignored:
            raise TaskFailed(entry.task, result)
        return result

    def _status(self, entry: Entry) -> str:
        statuses = {part.outcome.status for part in entry.parts if part.outcome}
        for status in ("unreachable", "failed", "changed", "unknown", "ok"):
            if status in statuses:
                return status
        return "skipped"

    def _notify(self, entry: Entry) -> None:
        for name in entry.task.inherited.notify:
            rendered = self.run.templar.render(name, entry.scope)
            for word in rendered if isinstance(rendered, list) else [rendered]:
                self.notified.add(str(word))

    def count(self, status: str) -> None:
        self.state.counts[status] = self.state.counts.get(status, 0) + 1

    def _report(self, entry: Entry, status: str, ignored: bool) -> None:
        task = entry.task
        self.count("ok" if ignored else status)
        event = TaskResult(
            host=self.state.name,
            play=self.play.play.name,
            task=entry.title,
            action=task.action,
            status=status,
            duration_s=round(sum(p.outcome.duration_s for p in entry.parts if p.outcome), 4),
            ignored=ignored,
            handler=task.is_handler,
            delegated_to=entry.delegate,
            where=str(task.mark),
            place=str(task.mark),
        )
        if entry.no_log:
            event.msg = _HIDDEN if status != "skipped" else ""
            self.run.emit(event)
            return
        if entry.looped:
            event.items = [self._item(part, entry) for part in entry.parts]
            first = next((p for p in entry.parts if p.outcome and p.outcome.status == status), None)
        else:
            first = entry.parts[0] if entry.parts else None
        if first is not None and first.outcome is not None:
            outcome = first.outcome
            event.msg = outcome.msg or str(outcome.data.get("msg") or "")
            event.hint = str(outcome.data.pop("_hint", "") or "")
            event.where = str(outcome.data.pop("_where", "") or event.where)
            event.traceback = outcome.traceback
            event.attempts = first.attempts
            if not entry.looped:
                event.diff = showable(outcome) if entry.show_diff else []
                event.data = dict(outcome.data)
        self.run.emit(event)
        self._warn(entry)

    def _warn(self, entry: Entry) -> None:
        for part in entry.parts:
            for text in part.outcome.warnings if part.outcome else ():
                self.run.emit(Notice("warning", text, self.state.name))

    def _item(self, part: Part, entry: Entry) -> ItemResult:
        assert part.outcome is not None
        diff = showable(part.outcome) if entry.show_diff else []
        msg = part.outcome.msg or str(part.outcome.data.get("msg") or "")
        return ItemResult(part.label, part.outcome.status, msg, diff, part.outcome.data)

    # -- ends -------------------------------------------------------------------------

    def rescued(self) -> None:
        """A failure that a rescue section has dealt with does not count."""
        failed = self.state.counts.get("failed", 0)
        if failed:
            self.state.counts["failed"] = failed - 1
            self.state.counts["rescued"] = self.state.counts.get("rescued", 0) + 1

    def unreachable(self, exc: Unreachable) -> None:
        self.state.status = "unreachable"
        self.count("unreachable")
        self.run.emit(self._ending("unreachable", exc))

    def broken(self, exc: ProvisionError) -> None:
        """A mistake that shows only while the host is on its way."""
        self.state.status = "failed"
        self.count("failed")
        self.run.emit(self._ending("failed", exc))

    def _ending(self, status: str, exc: ProvisionError) -> TaskResult:
        return TaskResult(
            host=self.state.name,
            play=self.play.play.name,
            task="connect" if status == "unreachable" else "",
            action="",
            status=status,
            msg=f"{exc.what}: {exc.why}" if exc.why else exc.what,
            where=str(exc.mark or ""),
            hint=exc.hint,
        )
