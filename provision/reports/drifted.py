"""The end of a drift run: who has drifted, in what, since when, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from provision.engine.events import Evidence, Summary, TaskResult
from provision.reports.fold import fold_hosts, natural_key
from provision.reports.style import Line, Span, Symbols
from provision.reports.text import clean, counted, cut
from provision.reports.things import differing

__all__ = ["Drifted"]

_NAMES = 32  # columns for folded host names
_TASKS = 20  # told of one host, unless asked for more
_FOUND = 4  # pieces of evidence told of one task, unless asked for more
_LONG = 200


@dataclass(slots=True)
class _Thing:
    """What one task found on one host."""

    names: tuple[str, ...] = ()
    since: str = ""
    found: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Drifted:
    """Gathers what a drift run finds."""

    symbols: Symbols
    verbosity: int = 0
    hosts: dict[str, dict[str, _Thing]] = field(default_factory=dict)
    accepted: int = 0

    def take(self, result: TaskResult) -> None:
        self.accepted += len(result.accepted)
        if result.status == "changed":
            thing = self._thing(result.host, result.task or result.action)
            thing.names += tuple(differing(result))
            thing.since = min(filter(None, (thing.since, result.since)), default="")

    def prove(self, evidence: Evidence) -> None:
        thing = self._thing(evidence.host, evidence.task)
        for one in evidence.found:
            about = f"{one['about']}: " if one.get("about") else ""
            at = f" ({_moment(one['at'])})" if one.get("at") else ""
            thing.found.append(clean(f"{about}{one.get('text', '')}{at}"))

    def _thing(self, host: str, task: str) -> _Thing:
        return self.hosts.setdefault(host, {}).setdefault(task, _Thing())

    def lines(self, summary: Summary) -> Iterator[Line]:
        """Hosts that have drifted alike are told together."""
        alike: dict[object, list[str]] = {}
        for host in sorted(summary.hosts, key=natural_key):
            if summary.hosts[host].get("changed"):
                things = self.hosts.get(host, {})
                key = tuple((task, thing.names) for task, thing in things.items())
                alike.setdefault(key, []).append(host)
        for hosts in alike.values():
            yield from self._group(hosts)
        if self.accepted:
            more = "" if self.verbosity else " (-v tells which)"
            yield (Span(f"{counted(self.accepted, 'accepted deviation')}{more}", "dim"),)

    def _group(self, hosts: list[str]) -> Iterator[Line]:
        things = self.hosts.get(hosts[0], {})
        count = sum(len(thing.names) for thing in things.values())
        has, each = ("has", "") if len(hosts) == 1 else ("have", " each")
        text = f"{fold_hosts(hosts, _NAMES)} {has} drifted: {counted(count, 'thing')}{each}"
        yield (Span(text, "changed"),)
        rail = Span(f"{self.symbols.rail} ", "changed")
        for number, (task, thing) in enumerate(things.items()):
            if number >= _TASKS and not self.verbosity:
                rest = counted(len(things) - number, "more task")
                yield (rail, Span(f"{self.symbols.more} {rest} (-v shows all)", "dim"))
                return
            names = cut(", ".join(map(clean, thing.names)), _LONG, self.symbols.more)
            yield (rail, Span(f"{clean(task)}: {names}"), *self._since(hosts, task))
            yield from ((rail, Span(f"  {line}", "dim")) for line in self._found(hosts, task))

    def _since(self, hosts: list[str], task: str) -> list[Span]:
        told = [self.hosts[host][task].since for host in hosts]
        first = min(filter(None, told), default="")
        return [Span(f"  since {_when(first)}", "dim")] if first else []

    def _found(self, hosts: list[str], task: str) -> list[str]:
        """Evidence, with the hosts it holds for when there are several."""
        same: dict[str, list[str]] = {}
        for host in hosts:
            for text in self.hosts[host][task].found:
                same.setdefault(text, []).append(host)
        lines = [
            text if told == hosts else f"{fold_hosts(told, _NAMES)}: {text}"
            for text, told in same.items()
        ]
        if len(lines) > _FOUND and not self.verbosity:
            left = len(lines) - _FOUND
            lines = [*lines[:_FOUND], f"{self.symbols.more} {left} more (-v shows all)"]
        return lines


def _when(iso: str) -> str:
    """A time of the controller's clock; what is no time stays as it is."""
    try:
        return _shown(datetime.fromisoformat(iso))
    except ValueError:
        return clean(iso)


def _moment(at: float) -> str:
    return _shown(datetime.fromtimestamp(at).astimezone())


def _shown(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
