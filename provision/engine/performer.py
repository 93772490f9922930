"""Sends batches and turns answers into results, variables and notifications."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from provision.actions import action
from provision.actions.base import Blob, Call, Outcome, RawCommand
from provision.engine.connections import HostLine, Identity
from provision.engine.effects import take_effects
from provision.engine.entries import Entry, Part, TaskFailed, outcome_of
from provision.engine.events import Progress, TaskStarted
from provision.engine.hostvars import HostState
from provision.engine.telling import Teller, status_of
from provision.engine.verdict import decide, is_done, leave, patience
from provision.errors import InputError, ProvisionError, Unreachable
from provision.playbook.model import Task
from provision.transport.link import Link, Step

if TYPE_CHECKING:
    from provision.engine.playrun import PlayRun

__all__ = ["Performer", "Stopped"]

_SETUP = "setup"


class Stopped(Exception):
    """The user asked the run to stop."""


def _nobody(_entry: Entry, _names: list[str]) -> None:
    """Nobody is told."""


def _as_it_was(_entry: Entry, part: Part) -> Any:
    return part.planned


def _brings_facts(task: Task) -> bool:
    """What later tasks read of facts is not known before this one has answered."""
    try:
        return action(task.action).sets_facts
    except LookupError:  # the engine's own
        return False


class Performer:
    """One host's batches in one play."""

    def __init__(self, play: PlayRun, state: HostState) -> None:
        self.play = play
        self.run = play.run
        self.state = state
        self.batch: list[Entry] = []
        self.unknowns = 0
        self.roles_run: list[object] = []  # roles of which a task has done something
        self.teller = Teller(play, state)
        #: Told of names that a task has notified; raises for one that nobody answers to.
        self.notify: Callable[[Entry, list[str]], None] = _nobody
        #: Makes anew what an action has planned, for another attempt.
        self.replan: Callable[[Entry, Part], Any] = _as_it_was
        self._facts_wanted = False
        self._position = 0

    # -- gathering a batch ------------------------------------------------------------

    def add(self, entry: Entry) -> None:
        """Takes an entry up; sends what must be sent before the next task can be looked at."""
        task = entry.task
        if self._insists(entry):
            for part in entry.parts:
                if not part.decided:
                    part.outcome = None  # what is planned is done in the loop of attempts
        calls = [p for p in entry.parts if p.outcome is None and isinstance(p.planned, Call)]
        alone = self._alone(entry)
        if self.batch and (alone or (calls and not self._same_line(entry))):
            self.flush()
        self._position += 1
        entry.position = self._position
        self.batch.append(entry)
        if all(part.outcome is not None for part in entry.parts):
            self._finish_local(entry)
        elif task.register:
            self.state.registers.await_(task.register, self._position)
        if alone or self._must_settle(entry):
            self.flush()

    def _alone(self, entry: Entry) -> bool:
        """Several steps with decisions between them, or another host's doing."""
        open_ = [part for part in entry.parts if part.outcome is None]
        if not open_:
            return False
        if self._insists(entry):
            return True
        first = open_[0].frame
        return any(
            not isinstance(part.planned, Call)
            or part.frame.delegate
            or part.frame.ignore_unreachable
            or part.frame.throttle
            or part.frame.async_s
            or part.frame.identity != first.identity
            for part in open_
        )

    @staticmethod
    def _insists(entry: Entry) -> bool:
        """Whether the task may be tried several times."""
        return entry.task.until is not None or entry.task.retries is not None

    def _same_line(self, entry: Entry) -> bool:
        wanted = next(part.frame.identity for part in entry.parts if part.outcome is None)
        for other in reversed(self.batch):
            for part in other.parts:
                if part.outcome is None:
                    return part.frame.identity == wanted
        return True

    def _must_settle(self, entry: Entry) -> bool:
        """Whether going on before the answer could run what must not run."""
        task = entry.task
        if task.failed_when is not None and not isinstance(task.failed_when, bool):
            return True
        if task.changed_when is not None and not isinstance(task.changed_when, bool):
            return True
        if _brings_facts(task):
            return True
        for part in entry.parts:
            if part.outcome is not None and part.outcome.status == "failed":
                return True
            if isinstance(part.planned, Call) and part.planned.receive is not None:
                return True  # what it brings here may be read by the next
        return False

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
            frame = part.frame
            decides = task.failed_when is not None or frame.ignore_errors
            steps.append(
                Step(
                    index=index,
                    mod=call.mod,
                    args=call.args,
                    check=frame.check if call.check is None else call.check,
                    diff=frame.show_diff,
                    env=frame.environment,
                    timeout_s=call.timeout_s or frame.timeout_s,
                    mods=tuple(call.mods),
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
        identity = calls[0][1].frame.identity if calls else Identity()
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
            if part.outcome is None:
                self._attempt(entry, part)

    def run_part(self, entry: Entry, part: Part) -> None:
        """One turn of a loop that goes in order. Raises TaskFailed of what was sent before,
        Unreachable, Stopped."""
        if part.outcome is None:
            self.flush()
            self._attempt(entry, part)
        elif self._insists(entry) and not part.decided:
            self._attempt(entry, part)
        decide(entry.task, part, self.run.templar)
        self._apply(entry, part, self._position + 1)

    def _attempt(self, entry: Entry, part: Part) -> None:
        """Does a part, as often as its task says."""
        with self.play.throttled(entry.task, part.frame.throttle):
            if self._insists(entry):
                self._until(entry, part)
            else:
                part.outcome = self._run_part(entry, part)

    def _run_part(self, entry: Entry, part: Part) -> Outcome:
        try:
            return self._run_planned(entry, part)
        except Unreachable as exc:
            if not part.frame.ignore_unreachable:
                raise
            self.run.connections.drop(part.frame.delegate or self.state.name)
            text = f"{exc.what}: {exc.why}" if exc.why else exc.what
            return Outcome("unreachable", text, data={"changed": False, "msg": text})

    def _run_planned(self, entry: Entry, part: Part) -> Outcome:
        planned = part.planned
        if part.frame.async_s and not part.frame.check:
            return self._in_background(entry, part)
        if isinstance(planned, Outcome):
            return planned
        if isinstance(planned, Call):
            return self._call(entry, part, planned)
        if isinstance(planned, RawCommand):
            from provision.engine.raw import run_raw

            line = self._line(part.frame.delegate)
            done = run_raw(line, part.frame.identity, planned, part.frame.timeout_s)
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
        once = Part(part.scope, call, part.frame)
        steps = self._steps([(entry, once)])
        frame = part.frame
        name = frame.delegate or self.state.name
        if call.fresh:
            if self.run.stopping.is_set():
                raise Stopped
            self.run.connections.drop(name)
            if not frame.delegate:
                self.state.cheap_facts = None
        try:
            for said in self._exchange([(entry, once)], steps, frame.identity, frame.delegate):
                return self._finished(call, outcome_of(said))
            raise Unreachable("the host did not answer", host=name)
        except Unreachable as exc:
            if not call.lost_ok:
                raise
            return Outcome("unreachable", f"{exc.what}: {exc.why}" if exc.why else exc.what)

    def _in_background(self, entry: Entry, part: Part) -> Outcome:
        call = part.planned
        if not isinstance(call, Call) or call.blobs or call.receive:
            text = f"This action ({entry.task.action}) does not support async."
            return Outcome("failed", text, data={"msg": text})
        from provision.engine.background import run_in_background

        step = self._steps([(entry, Part(part.scope, call, part.frame))])[0]
        limit = replace(part.frame, timeout_s=None)
        done = run_in_background(
            replace(step, timeout_s=part.frame.async_s, index=0),
            part.frame,
            lambda call: self._call(entry, Part(part.scope, call, limit), call),
            self.run.stopping.wait,
        )
        return self._finished(call, done) if done.data.get("finished") else done

    def _until(self, entry: Entry, part: Part) -> None:
        task, templar = entry.task, self.run.templar
        retries, delay = patience(task, part.scope, templar)
        for attempt in range(1, retries + 2):
            part.decided = False
            part.outcome = outcome = self._run_part(entry, part)
            if retries:
                outcome.data["attempts"] = part.attempts = attempt
            decide(task, part, templar)
            if not retries or is_done(task, part, templar):
                return
            if part.frame.check and outcome.status == "unknown":
                return
            if attempt > retries:
                break
            self.progress(entry.title, phase="retry", done=attempt, total=retries)
            if self.run.stopping.wait(delay):
                raise Stopped
            part.planned = self._again(entry, part)
        outcome.data["attempts"] = part.attempts = retries
        outcome.data["failed"] = True
        if "failed_when_result" in outcome.data:
            return  # its word is the last one
        if outcome.status != "failed":
            outcome.data.setdefault("changed", outcome.status == "changed")
        outcome.status = "failed"
        outcome.msg = outcome.msg or f"not so after {retries + 1} attempts"

    def _again(self, entry: Entry, part: Part) -> Any:
        """A generator cannot be run twice; calls can."""
        if isinstance(part.planned, Call | RawCommand):
            return part.planned
        return self.replan(entry, part)

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

    def _apply(self, entry: Entry, part: Part, position: int | None) -> None:
        """What a part sets becomes visible, once."""
        outcome = part.outcome
        if part.applied or outcome is None or outcome.status in ("failed", "unreachable"):
            return
        part.applied = True
        if entry.task.action == _SETUP and not part.frame.delegate:
            self._take_facts(outcome)
        else:
            take_effects(self.run, self.state, entry.task, part, position)

    def _finish_local(self, entry: Entry) -> None:
        """An entry that needs no host: what it sets is visible to the next task at once."""
        for part in entry.parts:
            decide(entry.task, part, self.run.templar)
            self._count_unknown(part)
            self._apply(entry, part, self._position)
        if entry.task.register:
            self.state.registers.put(entry.task.register, self._result(entry), self._position)

    def _count_unknown(self, part: Part) -> None:
        if part.outcome is not None and part.outcome.status == "unknown":
            self.unknowns += 1

    def _result(self, entry: Entry) -> dict[str, Any]:
        return self.teller.registered(entry)

    def _complete(self, entry: Entry) -> dict[str, Any]:
        """Reports a task whose parts are all answered. Raises TaskFailed."""
        for part in entry.parts:
            if not part.decided:
                decide(entry.task, part, self.run.templar)
                self._count_unknown(part)
            leave(part)
            self._apply(entry, part, None)
        result = self._result(entry)
        if entry.task.register:
            self.state.registers.settle(entry.task.register, result, entry.position)
        status = status_of(entry)
        frames = [p.frame for p in entry.parts if p.outcome and p.outcome.status == status]
        ignored = status == "failed" and any(frame.ignore_errors for frame in frames)
        ignored = ignored or status == "unreachable"
        self.teller.tell(entry, status, ignored)
        if status == "changed":
            self._notify(entry)
        role = entry.task.inherited.role
        ran = role is not None and status not in ("skipped", "unreachable")
        if ran and role not in self.roles_run:
            self.roles_run.append(role)
        if status == "failed" and not ignored:
            raise TaskFailed(entry.task, result)
        return result

    def _notify(self, entry: Entry) -> None:
        names: list[str] = []
        for part in entry.parts:
            if part.outcome is None or part.outcome.status == "skipped":
                continue
            for name in entry.task.inherited.notify:
                rendered = self.run.templar.render(name, part.scope)
                names += map(str, rendered if isinstance(rendered, list) else [rendered])
        if names:
            self.notify(entry, names)

    # -- ends -------------------------------------------------------------------------

    def rescued(self) -> None:
        """A failure that a rescue section has dealt with does not count."""
        failed = self.state.counts.get("failed", 0)
        if failed:
            self.state.counts["failed"] = failed - 1
            self.state.counts["rescued"] = self.state.counts.get("rescued", 0) + 1

    def unreachable(self, exc: Unreachable) -> None:
        self.state.status = "unreachable"
        self.teller.ending("unreachable", exc)

    def broken(self, exc: ProvisionError) -> None:
        """A mistake that shows only while the host is on its way."""
        self.state.status = "failed"
        self.teller.ending("failed", exc)
