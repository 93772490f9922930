"""Runs playbooks on this machine under several host names, with real local agents."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provision.engine.events import Event, Sink, Summary, TaskResult
from provision.engine.options import RunOptions
from provision.engine.run import Run
from provision.engine.vocabulary import ActionVocabulary
from provision.errors import ConnectFailed
from provision.inventory import load_inventory
from provision.playbook import Files, load_playbook
from provision.templating import LookupContext, Scope, Templar, trusted
from provision.transport.base import Connection, Target
from provision.transport.local import LocalConnector

__all__ = ["Ran", "run_playbook"]


class Nowhere:
    """Connects to hosts that are not there."""

    def connect(self, target: Target) -> Connection:
        raise ConnectFailed("nobody answers", host=target.host)

    def dial(self, target: Target) -> None:
        pass

    def close(self) -> None:
        pass


class Ran:
    """What a run said."""

    def __init__(self, events: Sequence[Event], summary: Summary) -> None:
        self.events = events
        self.summary = summary
        self.results = [event for event in events if isinstance(event, TaskResult)]

    def of(self, host: str) -> list[TaskResult]:
        return [result for result in self.results if result.host == host]

    def lines(self, host: str) -> list[str]:
        """`task: status` or `task: status: msg` of one host, in order."""
        return [f"{r.task}: {r.status}" + (f": {r.msg}" if r.msg else "") for r in self.of(host)]

    def result(self, host: str, task: str) -> TaskResult:
        return next(r for r in self.of(host) if r.task == task)


def run_playbook(
    project: Path,
    text: str,
    *,
    hosts: Sequence[str] = ("a",),
    extra: Mapping[str, Any] | None = None,
    inventory: str = "",
    sinks: Sequence[Sink] = (),
    **options: Any,
) -> Ran:
    """Runs the playbook `text` from `project`; every host is this machine."""
    path = project / "play.yml"
    path.write_text(textwrap.dedent(text))
    source = project / "hosts.ini"
    source.write_text(inventory or "\n".join(f"{h} ansible_connection=local" for h in hosts))
    found = load_inventory([str(source)])
    templar = Templar(
        search_path=[project],
        lookup_context=LookupContext(
            basedir=project,
            select_hosts=lambda pattern: [host.name for host in found.select(pattern)],
        ),
    )
    given = {k: trusted(v) if isinstance(v, str) else v for k, v in (extra or {}).items()}

    def render(value: Any, layers: Sequence[Mapping[str, Any]]) -> Any:
        return templar.render(value, Scope(layers, templar=templar))

    files = Files(ActionVocabulary(), render=render, extra_vars=given)
    options.setdefault("batch_local", True)  # as on a distant host
    events: list[Event] = []
    run = Run(
        [load_playbook(path, files)],
        found,
        RunOptions(extra_vars=given, project=project, **options),
        sinks=[*sinks, events.append],
        connectors={"local": LocalConnector, "ssh": Nowhere},
        templar=templar,
        files=files,
    )
    summary = run.execute()
    return Ran(events, summary)
