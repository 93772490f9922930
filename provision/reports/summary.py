"""A drift run in a few lines for people: Markdown for chats and issues, plain text for mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime

from provision.engine.events import TaskResult
from provision.reports.fold import fold_hosts, natural_key
from provision.reports.record import Cell, Record
from provision.reports.text import clean, seconds
from provision.reports.things import differing

__all__ = ["headline", "mail", "markdown"]

_GROUPS = 40
_HOSTS = 60
_KEYS = 6
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~&@])")


def headline(record: Record) -> str:
    """One sentence: how many hosts drifted, failed, could not be reached."""
    rows = record.hosts.values()
    told = []
    for mark, word in (("~", "drifted"), ("!", "unreachable"), ("x", "failed")):
        hit = [host for host, row in record.hosts.items() if mark in row.marks]
        if hit:
            told.append(f"{len(hit)} {word}")
    good = sum(not set("~!x") & set(row.marks) for row in rows)
    if record.meta.mode != "drift":
        told = [part.replace("drifted", "changed") for part in told]
    if not told:
        return f"all {len(record.hosts)} in sync" if len(record.hosts) != 1 else "in sync"
    return ", ".join([*told, f"{good} in sync"])


def _grouped(record: Record) -> list[tuple[Cell, list[str]]]:
    place = {thing: position for position, thing in enumerate(record.order)}
    found: dict[object, tuple[Cell, list[str]]] = {}
    for cell in record.cells:
        if cell.mark in "~x!":
            key = (cell.thing, cell.mark, cell.task, cell.msg, tuple(_keys(cell)))
            found.setdefault(key, (cell, []))[1].append(cell.host)
    ranks = "x!~"
    return sorted(
        found.values(), key=lambda one: (ranks.index(one[0].mark), place.get(one[0].thing, 0))
    )


def _keys(cell: Cell) -> list[str]:
    if cell.mark != "~":
        return [cell.msg.split("\n")[0]] if cell.msg else []
    return differing(TaskResult(status="changed", diff=cell.diff, items=cell.items, msg=cell.msg))


def _told(cell: Cell) -> str:
    keys = _keys(cell)
    more = f" and {len(keys) - _KEYS} more" if len(keys) > _KEYS else ""
    return ", ".join(keys[:_KEYS]) + more


def _word(record: Record, cell: Cell) -> str:
    if cell.mark == "x":
        return "failed"
    if cell.mark == "!":
        return "unreachable"
    return "drifted" if record.meta.mode == "drift" else "changed"


def _since(record: Record, cell: Cell, hosts: list[str]) -> str:
    known = set(hosts)
    dates = [c.since for c in record.cells if c.thing == cell.thing and c.host in known and c.since]
    return min(dates)[:16].replace("T", " ") + " UTC" if dates else ""


def _about(record: Record) -> str:
    meta = record.meta
    started = datetime.fromtimestamp(meta.started_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    books = ", ".join(book["path"].rpartition("/")[2] for book in meta.playbooks)
    number = f", run {meta.number}" if meta.number else ""
    return f"{books}, {started}, {seconds(meta.duration_s)}{number}"


# -- Markdown -----------------------------------------------------------------------------


def _md(value: str) -> str:
    """Text in which nothing is markup, nobody is mentioned and no link is made."""
    escaped = _SPECIAL.sub(r"\\\1", clean(value))
    return escaped.replace("://", ":\u200b//")


def markdown(record: Record) -> Iterator[str]:
    yield f"**{_md(record.meta.mode)}: {_md(headline(record))}**\n\n"
    yield f"{_md(_about(record))}\n"
    groups = _grouped(record)
    if groups:
        yield "\n"
    for cell, hosts in groups[:_GROUPS]:
        task = cell.task or record.things[cell.thing].title
        names = fold_hosts(sorted(hosts, key=natural_key), _HOSTS)
        since = _since(record, cell, hosts)
        told = f"- {_word(record, cell)}: **{_md(task)}** on {_md(names)}"
        told += f": {_md(_told(cell))}" if _told(cell) else ""
        yield told + (f" (since {since})" if since else "") + "\n"
    if len(groups) > _GROUPS:
        yield f"- and {len(groups) - _GROUPS} more\n"
    accepted = record.totals()["accepted"]
    unknown = record.totals()["unknown"]
    if accepted or unknown:
        yield f"\n{accepted} accepted, {unknown} unknown\n"


# -- mail ---------------------------------------------------------------------------------


def mail(record: Record) -> Iterator[str]:
    """The source of a mail without its recipients, as `sendmail` or `msmtp` take it."""
    subject = clean(f"provision {record.meta.mode}: {headline(record)}")
    moment = datetime.fromtimestamp(record.meta.ended_at or record.meta.started_at, UTC)
    yield f"Subject: {Header(subject, 'utf-8' if not subject.isascii() else 'us-ascii').encode()}\n"
    yield f"Date: {format_datetime(moment)}\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
    yield "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    yield f"{clean(headline(record))}\n{clean(_about(record))}\n\n"
    groups = _grouped(record)
    for cell, hosts in groups[:_GROUPS]:
        task = clean(cell.task or record.things[cell.thing].title)
        names = fold_hosts(sorted(hosts, key=natural_key), _HOSTS)
        yield f"{_word(record, cell)}: {task} on {clean(names)}\n"
        if _told(cell):
            yield f"    {clean(_told(cell))}\n"
        since = _since(record, cell, hosts)
        if since:
            yield f"    since {since}\n"
    if len(groups) > _GROUPS:
        yield f"and {len(groups) - _GROUPS} more\n"
