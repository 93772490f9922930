"""What is not as it should be: the same on several hosts once, each with diff and evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from provision.engine.events import TaskResult
from provision.reports.diffs import difference_lines
from provision.reports.fold import fold_hosts, natural_key
from provision.reports.html.markup import Html, join, tag, text
from provision.reports.record import Cell, Record
from provision.reports.style import SIGNS, Line
from provision.reports.text import counted
from provision.reports.things import differing

__all__ = ["CLASSES", "Group", "grouped", "section", "when", "word_of"]

#: mark → CSS class; the order is that of importance.
CLASSES = {"x": "x", "!": "u", "~": "d", "?": "q", "a": "a"}
_WORDS = {"x": "failed", "!": "unreachable", "~": "drifted", "?": "unknown", "a": "accepted"}
_TAGS = {"added": "ins", "removed": "del", "dim": "i"}
_LINES = 300  # of one diff
_HOSTS = 60  # characters of folded names in a head
_SPARE_HOSTS = 300  # named where there is no room for more
_NAMED = 6  # keys in a head
_MOST = 2000  # groups; beyond it the ways in which one thing differs are told together
_BUDGET = 1_500_000  # characters of all bodies together; what goes beyond names its keys only


@dataclass(slots=True)
class Group:
    """Hosts with the same result for a thing."""

    number: int
    cell: Cell
    title: str
    play: str
    order: int
    cells: list[Cell] = field(default_factory=list)
    various: bool = False  # each of the hosts in its own way

    @property
    def hosts(self) -> list[str]:
        return sorted((cell.host for cell in self.cells), key=natural_key)


def word_of(mark: str, mode: str) -> str:
    if mark == "~" and mode != "drift":
        return "would change" if mode == "plan" else "changed"
    return _WORDS[mark]


def when(at: float) -> str:
    """A time in the zone of whoever makes the report."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _iso_when(since: str) -> str:
    try:
        return when(datetime.fromisoformat(since).timestamp())
    except ValueError:
        return since


def grouped(record: Record) -> list[Group]:
    """The most important first, then as the playbook has them."""
    place = {thing: position for position, thing in enumerate(record.order)}
    found: dict[object, Group] = {}
    for cell in record.cells:
        if cell.mark not in CLASSES:
            continue
        key = (cell.thing, cell.mark, cell.task, _likeness(cell))
        group = found.get(key)
        if group is None:
            thing = record.things[cell.thing]
            title = cell.task or thing.title
            group = Group(0, cell, title, thing.play, place.get(cell.thing, 0))
            found[key] = group
        group.cells.append(cell)
    rank = {mark: position for position, mark in enumerate(CLASSES)}
    ordered = sorted(
        _bounded(list(found.values())), key=lambda g: (rank[g.cell.mark], g.order, -len(g.cells))
    )
    for number, group in enumerate(ordered, 1):
        group.number = number
    return ordered


def _bounded(groups: list[Group]) -> list[Group]:
    """At most about `_MOST`: the ones with few hosts are told together, thing by thing."""
    if len(groups) <= _MOST:
        return groups
    groups.sort(key=lambda group: -len(group.cells))
    kept, rest = groups[: _MOST // 2], groups[_MOST // 2 :]
    merged: dict[tuple[int, str], Group] = {}
    for group in rest:
        key = (group.cell.thing, group.cell.mark)
        into = merged.get(key)
        if into is None:
            merged[key] = group
        else:
            into.cells += group.cells
            into.various = True
    return [*kept, *merged.values()]


def _likeness(cell: Cell) -> str:
    def bare(diff: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{k: v for k, v in entry.items() if k != "since"} for entry in diff]

    items = [(i.label, i.status, i.msg, bare(i.diff)) for i in cell.items]
    return repr((cell.msg, bare(cell.diff), items, cell.hint, cell.output, cell.accepted))


# -- rendering ----------------------------------------------------------------------------


def section(groups: Iterable[Group], mode: str) -> Iterator[Html]:
    left = _BUDGET
    for group in groups:
        body = join(_body(group)) if left > 0 and not group.various else _spare(group)
        left -= len(body)
        kind = CLASSES[group.cell.mark]
        summary = tag("summary", *_head(group, mode))
        yield tag("details", summary, body, class_=f"g {kind}", id=f"g{group.number}")
        yield Html("\n")


def _keys(cell: Cell) -> list[str]:
    if cell.mark != "~":
        return []
    return differing(TaskResult(status="changed", diff=cell.diff, items=cell.items, msg=cell.msg))


def _head(group: Group, mode: str) -> Iterator[Html]:
    cell = group.cell
    yield tag("b", word_of(cell.mark, mode), class_="w")
    yield Html(" ")
    yield tag("span", group.title, class_="t")
    yield Html(" ")
    hosts = group.hosts
    names = fold_hosts(hosts, _HOSTS)
    more = f" ({len(hosts)} hosts)" if len(hosts) > 3 else ""
    yield tag("span", names + more, class_="h")
    keys = _keys(cell)
    told = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if keys[_NAMED:] else "")
    said = "in various ways" if group.various else told or cell.msg.split("\n")[0]
    if said:
        yield Html(" ")
        yield tag("span", said[:300], class_="m")
    since = min((one.since for one in group.cells if one.since), default="")
    if since:
        yield Html(" ")
        yield tag("span", "since ", tag("time", _iso_when(since), datetime=since), class_="s")


def _spare(group: Group) -> Html:
    named = dict.fromkeys(key for cell in group.cells[:200] for key in _keys(cell))
    keys = ", ".join(list(named)[:50])
    note = "This report is large: the rest is in the history (provision history show)."
    hosts = tag("p", ", ".join(group.hosts[:_SPARE_HOSTS]))
    return tag("div", tag("p", keys), hosts, tag("p", note), class_="b")


def _body(group: Group) -> Iterator[Html]:
    cell = group.cell
    inside: list[Html] = []
    if group.play:
        inside.append(tag("p", f"Play: {group.play}", class_="n"))
    if (cell.msg and "\n" in cell.msg) or (cell.msg and _keys(cell)):
        inside.append(_pre(_plain(cell.msg)))
    inside += _diff("", cell.diff)
    for item in cell.items:
        if item.msg and not item.diff:
            inside.append(tag("p", f"[{item.label}] {item.status}: {item.msg}"))
        inside += _diff(item.label, item.diff)
    for one in cell.accepted:
        told = f"Accepted by {one.get('by', '')} until {one.get('until', '')}: "
        inside.append(
            tag("p", told, str(one.get("reason", "")), tag("i", f" {one.get('where', '')}"))
        )
        inside += _diff("", one.get("diff") or [])
    if cell.output:
        inside.append(_pre(_plain(cell.output)))
    if cell.hint:
        inside.append(tag("p", tag("b", "Hint: "), cell.hint))
    if cell.where:
        inside.append(tag("p", "Task: ", tag("code", cell.where), class_="n"))
    hosts = group.hosts
    if len(hosts) > 3:
        inside.append(tag("p", tag("b", counted(len(hosts), "host") + ": "), ", ".join(hosts)))
    inside += _evidence(group)
    yield tag("div", *inside, class_="b")


def _plain(value: str) -> list[Html]:
    return [text(line) for line in value.rstrip("\n").split("\n")[:_LINES]]


def _pre(lines: Iterable[Html]) -> Html:
    return tag("pre", Html("\n".join(lines)), tabindex=0)


def _diff(label: str, diff: list[dict[str, object]]) -> list[Html]:
    if not diff:
        return []
    told: list[Html] = []
    for line in difference_lines(diff, SIGNS):
        if len(told) >= _LINES:
            told.append(tag("i", "… more lines: provision history show"))
            break
        told.append(_line(line))
    head = [tag("p", tag("b", f"[{label}]"))] if label else []
    return [*head, _pre(told)]


def _line(line: Line) -> Html:
    parts = []
    for span in line:
        name = _TAGS.get(span.style)
        parts.append(tag(name, span.text) if name else text(span.text))
    return join(parts)


def _evidence(group: Group) -> list[Html]:
    """Evidence of each host; the same of several hosts once."""
    same: dict[str, list[Cell]] = {}
    for cell in group.cells:
        if cell.evidence:
            same.setdefault(repr(cell.evidence), []).append(cell)
    told = []
    for cells in same.values():
        rows = [_row(found) for found in cells[0].evidence]
        names = fold_hosts([cell.host for cell in cells], _HOSTS)
        caption = tag("caption", f"Evidence on {names}")
        heads = tag("tr", *(tag("th", word, scope="col") for word in ("When", "What", "Evidence")))
        told.append(tag("table", caption, heads, *rows, class_="e"))
    return told


def _row(found: dict[str, object]) -> Html:
    at = found.get("at")
    moment = when(float(at)) if isinstance(at, int | float) else ""
    cells = [tag("td", moment), tag("td", str(found.get("about", "")))]
    return tag("tr", *cells, tag("td", str(found.get("text", ""))))
