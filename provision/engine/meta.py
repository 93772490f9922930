"""`meta`: tasks that act on the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provision.engine.events import Notice, TaskResult
from provision.engine.requests import AFTER, Program, Sync
from provision.errors import PlaybookError
from provision.playbook import Task

if TYPE_CHECKING:
    from provision.engine.hostrun import HostRun

__all__ = ["EndHost", "EndRole", "meta"]


class EndHost(Exception):
    """meta: end_host, end_play, end_batch."""


class EndRole(Exception):
    """meta: end_role."""


#: What is said when the condition does not hold, behind "conditional evaluated to False".
_OTHERWISE = {
    "clear_facts": ", not clearing facts and fact cache for {host}",
    "clear_host_errors": ", not clearing host error state for {host}",
    "end_batch": ", continuing current batch",
    "end_host": ", continuing execution for {host}",
    "end_play": ", continuing play",
    "end_role": ", continuing role {role} for {host}",
    "flush_handlers": ", not running handlers for {host}",
}
_FOR_ALL = frozenset({"clear_host_errors", "end_batch", "end_play"})
_UNCONDITIONAL = frozenset({"noop", "refresh_inventory", "reset_connection"})


def meta(run: HostRun, task: Task) -> Program:
    """Does what the task says. Raises EndHost, EndRole, PlaybookError."""
    word = str(task.args.get("_meta") or next(iter(task.args), "")).strip()
    run.performer.flush()
    if word in _FOR_ALL and len(run.play.hosts) > 1 and not run.play.linear:
        yield Sync(run.place(task))
        run.check_end()
    if word not in _UNCONDITIONAL:
        wanted = yield from run._known(task, run.preparer.wanted, task)
        if not wanted:
            _skipped(run, task, word)
            if word in _FOR_ALL and len(run.play.hosts) > 1:
                yield Sync(run.place(task, AFTER))
                run.check_end()
            return
    _say(run, _SAID.get(word, word).format(host=run.host, role=_role(task)))
    if word == "flush_handlers":
        yield from run.run_handlers(run.place(task)[:-1])
    else:
        yield from _act(run, task, word)


#: What is told with -vv when it is done.
_SAID = {
    "clear_facts": "facts cleared",
    "clear_host_errors": "cleared host errors",
    "end_batch": "ending batch",
    "end_host": "ending play for {host}",
    "end_play": "ending play",
    "end_role": "ending role {role} for {host}",
    "flush_handlers": "triggered running handlers for {host}",
    "refresh_inventory": "inventory successfully refreshed",
    "reset_connection": "reset connection",
}


def _act(run: HostRun, task: Task, word: str) -> Program:
    if word == "end_host":
        run.state.ended = True
        raise EndHost
    if word in ("end_play", "end_batch"):
        run.play.ended = True
        run.play.ended_for_good = run.play.ended_for_good or word == "end_play"
        if len(run.play.hosts) > 1:
            yield Sync(run.place(task, AFTER))
        raise EndHost
    if word == "end_role":
        raise EndRole
    if word == "clear_facts":
        run.state.facts.clear()
    elif word == "reset_connection":
        run.play.run.connections.drop(run.host)
    elif word == "clear_host_errors":
        _clear(run)
        if len(run.play.hosts) > 1:
            yield Sync(run.place(task, AFTER))
    elif word == "refresh_inventory":
        run.play.run.refresh_inventory()
    elif word != "noop":
        raise PlaybookError(f"invalid meta action requested: {word}", mark=task.mark)


def _clear(run: HostRun) -> None:
    for name in tuple(run.play.lost):
        run.play.run.state(name).status = "ok"
    run.play.lost.clear()


def _role(task: Task) -> str:
    return task.inherited.role.name if task.inherited.role else ""


def _say(run: HostRun, text: str) -> None:
    if run.options.verbosity > 1:
        run.play.run.emit(Notice("meta", text))


def _skipped(run: HostRun, task: Task, word: str) -> None:
    rest = _OTHERWISE.get(word, "").format(host=run.host, role=_role(task))
    reason = f"{word} conditional evaluated to False{rest}"
    if not run.options.verbosity:
        return
    data: dict[str, Any] = {"msg": word, "skip_reason": reason, "skipped": True}
    run.play.run.emit(
        TaskResult(
            host=run.host,
            play=run.play.play.name,
            task=task.title,
            action="meta",
            status="skipped",
            msg=reason,
            data=data,
            where=str(task.mark),
            place=str(task.mark),
        )
    )
    _say(run, reason)
