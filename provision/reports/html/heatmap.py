"""Hosts × things. A table like any other: headers name every cell, colours only help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from provision.reports.fold import fold_hosts, natural_key
from provision.reports.html.groups import CLASSES, Group, word_of
from provision.reports.html.markup import Html, tag, text
from provision.reports.record import BLANK, Record
from provision.reports.text import counted

__all__ = ["heatmap", "shown_things"]

_PLAIN = {".": Html("<td>ok"), "-": Html("<td class=s>n/a"), "h": Html("<td class=s>follows")}
_NEVER = Html("<td class=n>")
_Row = tuple[list[str], Sequence[str]]  # hosts that share it, and their marks
_CHUNK = 100  # rows of one table: a browser lays out those that are seen
_NAME = 44  # characters of a thing's name above its column


def shown_things(record: Record) -> list[int]:
    """Things that say how something is on some host, in the playbook's order."""
    told: set[int] = set()
    for row in record.hosts.values():
        told.update(i for i, mark in enumerate(row.marks) if mark in ".~ax?")
    named = {i for i in told if not record.things[i].handler}
    return [index for index in record.order if index in named]


def heatmap(record: Record, groups: Iterable[Group], mode: str) -> Iterator[Html]:
    columns = shown_things(record)
    if not columns and not any(row.marks for row in record.hosts.values()):
        return
    links = {(c.host, c.thing): group for group in groups for c in group.cells}
    head = "".join(_heads(record, columns))
    words = {mark: word_of(mark, mode) for mark in CLASSES}
    rows = _rows(record)
    yield Html("<div class=map tabindex=0 role=region aria-labelledby=map>")
    for first in range(0, len(rows), _CHUNK):
        part = rows[first : first + _CHUNK]
        size = f"{160 + 25 * len(columns)}px {220 + 25 * len(part)}px"
        yield Html(f'<div class=ch style="contain-intrinsic-size:{size}"><table class=hm>')
        yield tag("caption", _caption(part, len(rows) > _CHUNK))
        yield Html(f"<thead><tr><th scope=col>Host{head}<tbody>\n")
        for hosts, marks in part:
            yield _row(hosts, marks, columns, links, words)
        yield Html("</table></div>\n")
    yield Html("</div>\n")


def _caption(rows: Sequence[_Row], several: bool) -> str:
    if not several:
        return "How each host stands to each thing; what differs is a link to it"
    return f"Hosts {rows[0][0][0]} to {rows[-1][0][-1]}"


def _heads(record: Record, columns: Sequence[int]) -> Iterator[str]:
    plays = {record.things[index].play for index in columns}
    for index in columns:
        thing = record.things[index]
        name = thing.title
        whole = f"{thing.play}: {name}" if len(plays) > 1 and thing.play else name
        short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        yield f'<th scope=col title="{text(whole)}"><span>{text(short)}</span>'


def _rows(record: Record) -> list[_Row]:
    """Rows with the worst first; hosts of which there is nothing to tell share one."""
    quiet: dict[tuple[str, ...], list[str]] = {}
    loud: list[_Row] = []
    for host in sorted(record.hosts, key=natural_key):
        marks = record.hosts[host].marks
        if any(mark in CLASSES for mark in marks):
            loud.append(([host], marks))
        else:
            quiet.setdefault(tuple("".join(marks).rstrip()), []).append(host)
    order = list(CLASSES)
    loud.sort(key=lambda row: min(order.index(mark) for mark in row[1] if mark in CLASSES))
    return [*loud, *((hosts, marks) for marks, hosts in quiet.items())]


def _row(
    hosts: list[str],
    marks: Sequence[str],
    columns: Sequence[int],
    links: dict[tuple[str, int], Group],
    words: dict[str, str],
) -> Html:
    host = hosts[0]
    worst = next((CLASSES[mark] for mark in CLASSES if mark in marks), "k")
    parts = [f"<tr class=r-{worst}><th scope=row>{_name(hosts)}"]
    lost = "!" in marks
    if lost:
        at = next(index for index, mark in enumerate(marks) if mark == "!")
        number = links[host, at].number
        parts.append(f"<td class=u colspan={len(columns)}><a href=#g{number}>unreachable</a>")
        return Html("".join([*parts, "\n"]))
    for index in columns:
        mark = marks[index] if index < len(marks) else BLANK
        plain = _PLAIN.get(mark)
        if plain is not None:
            parts.append(plain)
        elif mark in CLASSES:
            number = links[host, index].number
            parts.append(f"<td class={CLASSES[mark]}><a href=#g{number}>{words[mark]}</a>")
        else:
            parts.append(_NEVER)
    parts.append("\n")
    return Html("".join(parts))


def _name(hosts: list[str]) -> Html:
    if len(hosts) == 1:
        return text(hosts[0])
    if len(hosts) <= 3:
        return text(fold_hosts(hosts))
    head = tag("summary", f"{counted(len(hosts), 'host')} alike")
    return tag("details", head, fold_hosts(hosts), tag("span", " ".join(hosts), hidden=True))
