"""Events written down in YAML, fed to a report with a clock of its own. See cases/README.md."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from provision.engine import events
from provision.engine.events import Event, HostDone, ItemResult, Summary, TaskResult
from provision.reports.console import Console

__all__ = ["CASES", "Clock", "Stream", "play_case", "scripted"]

CASES = Path(__file__).parent / "cases"

_CLASSES: dict[str, type[Event]] = {
    cls.type: cls
    for cls in vars(events).values()
    if isinstance(cls, type) and issubclass(cls, Event) and cls.type
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Stream(io.TextIOWrapper):
    """A stream of some encoding that remembers."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


def _event(kind: str, given: Mapping[str, Any]) -> Event:
    fields = dict(given)
    if kind == "task":
        fields["items"] = [ItemResult(**item) for item in fields.get("items", [])]
    return _CLASSES[kind](**fields)


def scripted(entries: list[Any]) -> Iterator[Event | float | None]:
    """Events; a number is the time it has become, None a tick. `host` may be a list."""
    counts: dict[str, dict[str, int]] = {}
    for entry in entries:
        if entry == "tick":
            yield None
            continue
        ((kind, given),) = entry.items()
        if kind == "at":
            yield float(given)
            continue
        named = given.get("host") if kind in ("task", "start", "progress", "host", "notice") else ""
        for host in named if isinstance(named, list) else [named]:
            event = _event(kind, {**given, "host": host} if host else given)
            if isinstance(event, TaskResult):
                status = "ok" if event.ignored else event.status
                mine = counts.setdefault(event.host, {})
                mine[status] = mine.get(status, 0) + 1
            if isinstance(event, HostDone) and not event.counts:
                event.counts = dict(counts.get(event.host, {}))
            if isinstance(event, Summary) and not event.hosts:
                event.hosts = {name: dict(told) for name, told in counts.items()}
            yield event


def play_case(path: Path) -> str:
    """What the console prints for the case in `path`."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    options = dict(case.get("options", {}))
    stream = Stream(options.pop("encoding", "utf-8"))
    clock = Clock()
    console = Console(stream, now=clock, ticking=False, **options)
    for step in scripted(case["events"]):
        if step is None:
            console.tick()
        elif isinstance(step, float):
            clock.now = step
        else:
            console(step)
    console.close()
    return stream.text()
