"""How a run ended: what failed, a table of counts, and what it means in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provision.engine.events import Summary, TaskResult
from provision.reports.activity import Activity
from provision.reports.drifted import Drifted
from provision.reports.fold import fold_hosts, natural_key
from provision.reports.result import clean_lines
from provision.reports.style import Line, Span, Symbols
from provision.reports.text import clean, counted, pad, seconds
from provision.reports.things import impersonal

__all__ = ["Ending"]

_COLUMNS = ("ok", "changed", "unknown", "skipped", "failed", "unreachable", "rescued")
_ROWS = 40
_NAMES = 32  # columns for folded host names
_SEVERAL = 3  # hosts of one table row from which on a number says more than names

Counts = Mapping[str, int]


@dataclass(slots=True)
class Ending:
    """Gathers while the run goes on what its end will tell."""

    symbols: Symbols
    mode: str = "apply"
    check: bool = False
    verbosity: int = 0
    failures: dict[str, list[TaskResult]] = field(default_factory=dict)
    drifted: Drifted = field(init=False)

    def __post_init__(self) -> None:
        self.drifted = Drifted(self.symbols, self.verbosity)

    def take(self, result: TaskResult) -> None:
        if result.status in ("failed", "unreachable") and not result.ignored:
            self.failures.setdefault(result.host, []).append(result)
        elif self.mode == "drift":
            self.drifted.take(result)

    def lines(self, summary: Summary, activity: Activity) -> Iterator[Line]:
        """Everything that stands at the end."""
        yield ()
        yield from self._failed(summary)
        yield from self._table(summary, activity)
        yield from self._slowest(activity)
        if self.mode == "drift":
            yield from self.drifted.lines(summary)
        yield self._verdict(summary)

    # -- what failed ------------------------------------------------------------------

    def _failed(self, summary: Summary) -> Iterator[Line]:
        """The failures that were not rescued, the same ones of many hosts together."""
        same: dict[tuple[str, str, str, str], list[tuple[str, str]]] = {}
        for host, counts in summary.hosts.items():
            lost = counts.get("failed", 0) + counts.get("unreachable", 0)
            for result in self.failures.get(host, [])[-lost:] if lost else ():
                text = next(iter(clean_lines(result.msg)), "")
                where = result.where if result.status == "failed" else ""
                shared = impersonal(text, host) if result.status == "unreachable" else text
                key = (result.status, clean(result.task), shared, where)
                same.setdefault(key, []).append((host, text))
        if not same:
            return
        yield (Span("what failed", "bold"),)
        for (status, task, shared, where), told in same.items():
            text = told[0][1] if len(told) == 1 else shared
            words = ": ".join(word for word in (task, text) if word)
            names = fold_hosts((host for host, _ in told), _NAMES)
            place = [Span(f"  {clean(where)}", "dim")] if where else []
            yield (
                Span(f"{self.symbols.signs[status]} {names}", status),
                Span(f"  {words}"),
                *place,
            )
        yield ()

    # -- counts -----------------------------------------------------------------------

    def _table(self, summary: Summary, activity: Activity) -> Iterator[Line]:
        if not summary.hosts:
            return
        used = [c for c in _COLUMNS if any(n.get(c) for n in summary.hosts.values())] or ["ok"]
        rows = self._rows(summary.hosts, used, activity)
        names = max(len(name) for name, _, _ in rows)
        heads = [*used, *(("round trips", "time") if self.verbosity > 2 else ())]
        yield (Span("  ".join([" " * names, *(head.rjust(6) for head in heads)]), "dim"),)
        for name, counts, extra in rows:
            spans = [Span(pad(name, names))]
            for column in used:
                count = counts.get(column, 0)
                cell = "  " + str(count).rjust(max(6, len(column)))
                spans.append(Span(cell, _cell_style(column, count)))
            for head, text in zip(heads[len(used) :], extra, strict=False):
                spans.append(Span("  " + text.rjust(max(6, len(head)))))
            yield tuple(spans)
        shown = sum(1 for _ in rows)
        every = len(self._groups(summary.hosts, used, activity))
        if every > shown:
            left = f"{self.symbols.more} {counted(every - shown, 'more row')} (-v shows all)"
            yield (Span(left, "dim"),)
        yield ()

    def _groups(
        self, hosts: Mapping[str, Counts], used: Sequence[str], activity: Activity
    ) -> list[tuple[list[str], Counts, tuple[str, ...]]]:
        """Hosts with the same counts together, in natural order."""
        same: dict[object, tuple[list[str], Counts, tuple[str, ...]]] = {}
        for host in sorted(hosts, key=natural_key):
            extra: tuple[str, ...] = ()
            if self.verbosity > 2 and host in activity.hosts:
                told = activity.hosts[host]
                extra = (str(told.round_trips), seconds(max(0.0, told.took())))
            key = (tuple(hosts[host].get(column, 0) for column in used), extra)
            same.setdefault(key, ([], hosts[host], extra))[0].append(host)
        return list(same.values())

    def _rows(
        self, hosts: Mapping[str, Counts], used: Sequence[str], activity: Activity
    ) -> list[tuple[str, Counts, tuple[str, ...]]]:
        groups = self._groups(hosts, used, activity)
        if len(groups) > _ROWS and not self.verbosity:
            groups.sort(key=lambda group: -_gravity(group[1]))
            groups = groups[:_ROWS]
        return [(fold_hosts(names, _NAMES), counts, extra) for names, counts, extra in groups]

    # -- in words ---------------------------------------------------------------------

    def _slowest(self, activity: Activity) -> Iterator[Line]:
        host = activity.slowest()
        if host is None:
            return
        task, spent = host.longest()
        text = f"{host.name} took longest: {seconds(host.took())}"
        if spent >= host.took() / 3:
            text += f", of which {seconds(spent)} in {clean(task)}"
        yield (Span(text, "dim"),)

    def _verdict(self, summary: Summary) -> Line:
        hosts = summary.hosts
        lead = "interrupted: " if summary.exit_code == 130 else ""
        lead += f"{counted(len(hosts), 'host')} in {seconds(summary.duration_s)}"
        if not hosts:
            return (Span(f"{lead}: there was nothing to do"),)
        parts = [self._changes(hosts)]
        for status, words in (
            ("unknown", "unknown until run" if self._foresees() else "unknown"),
            ("failed", "failed"),
            ("unreachable", "unreachable"),
        ):
            hit = [host for host, counts in hosts.items() if counts.get(status)]
            if hit and status == "unknown":
                total = sum(hosts[host][status] for host in hit)
                parts.append(Span(f"{total} {words}", status))
            elif hit:
                names = fold_hosts(hit, _NAMES) if len(hit) <= _SEVERAL else f"{len(hit)} hosts"
                parts.append(Span(f"{names} {words}", status))
        spans = [Span(f"{lead}: ")]
        for index, part in enumerate(part for part in parts if part.text):
            spans += [Span(", "), part] if index else [part]
        return tuple(spans)

    def _foresees(self) -> bool:
        return self.check or self.mode == "plan"

    def _changes(self, hosts: Mapping[str, Counts]) -> Span:
        changed = [host for host, counts in hosts.items() if counts.get("changed")]
        total = sum(hosts[host]["changed"] for host in changed)
        if self.mode == "drift":
            return self._in_sync(hosts, changed)
        if not total:
            return Span("nothing to change" if self._foresees() else "nothing changed", "ok")
        made = " to make" if self._foresees() else ""
        words = f"{counted(total, 'change')}{made} on {counted(len(changed), 'host')}"
        return Span(words, "changed")

    def _in_sync(self, hosts: Mapping[str, Counts], changed: Sequence[str]) -> Span:
        good = sum(
            not any(counts.get(s) for s in ("changed", "failed", "unreachable"))
            for counts in hosts.values()
        )
        if not changed:
            if good == len(hosts):
                return Span("in sync" if good == 1 else "all in sync", "ok")
            return Span(f"{good} in sync", "ok")
        return Span(f"{len(changed)} drifted, {good} in sync", "changed")


def _gravity(counts: Counts) -> int:
    weights = {"failed": 8, "unreachable": 8, "changed": 2, "unknown": 1}
    return sum(weight for status, weight in weights.items() if counts.get(status))


def _cell_style(column: str, count: int) -> str:
    if not count:
        return "dim"
    return "changed" if column == "rescued" else column
