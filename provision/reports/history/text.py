"""Runs of the past as lines for people and as plain values for programs."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from provision.reports.diffs import difference_lines
from provision.reports.fold import fold_hosts, natural_key
from provision.reports.history.comparing import Comparison, Difference
from provision.reports.history.reading import Drift, RunLine
from provision.reports.record import Cell, Record, RunMeta
from provision.reports.style import SIGNS, Palette
from provision.reports.text import clean, counted, pad, seconds

__all__ = [
    "comparison_lines",
    "record_json",
    "record_lines",
    "run_json",
    "run_table",
    "trend_json",
    "trend_lines",
    "when",
]

_SHOWN = ("drifted", "failed", "unreachable", "unknown", "accepted")
_NAMES = 40


def when(at: float) -> str:
    """A time in the reader's own zone."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def ended(meta: RunMeta) -> str:
    """`0`, `3`, `running` or `broke off`."""
    return meta.state if meta.exit_code is None else str(meta.exit_code)


def _totals(totals: dict[str, int], mode: str) -> str:
    words = {"drifted": "drifted" if mode == "drift" else "changed"}
    told = [f"{totals[key]} {words.get(key, key)}" for key in _SHOWN if totals.get(key)]
    return ", ".join(told) or ("all in sync" if mode == "drift" else "nothing")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(map(pad, row, widths)).rstrip() for row in rows]


# -- list ---------------------------------------------------------------------------------


def run_table(runs: Sequence[RunLine]) -> list[str]:
    if not runs:
        return ["no runs"]
    rows = [("run", "when", "who", "mode", "playbooks", "hosts", "took", "exit", "what")]
    for run in runs:
        meta = run.meta
        books = ", ".join(clean(book["path"].rpartition("/")[2]) for book in meta.playbooks)
        rows.append(
            (
                str(meta.number),
                when(meta.started_at),
                clean(meta.user),
                meta.mode + (" --check" if meta.arguments.get("check") else ""),
                books,
                str(run.totals.get("hosts", "")),
                seconds(meta.duration_s) if meta.exit_code is not None else "",
                ended(meta),
                _totals(run.totals, meta.mode) if meta.exit_code is not None else "",
            )
        )
    return _table(rows)


def run_json(run: RunLine) -> dict[str, Any]:
    return {**dataclasses.asdict(run.meta), "totals": run.totals}


# -- show ---------------------------------------------------------------------------------


def _arguments(arguments: dict[str, Any]) -> str:
    words: list[str] = []
    for name, value in arguments.items():
        option = "--" + name.replace("_", "-")
        for part in value if isinstance(value, list) else [value]:
            words += [option] if part is True else [option, str(part)]
    return shlex.join(words)


def _head(meta: RunMeta) -> list[str]:
    took = f"{when(meta.started_at)}, {seconds(meta.duration_s)}"
    lines = [f"run {meta.number}: {meta.mode}, {took}, exit {ended(meta)}"]
    origin = f", logged in from {meta.origin}" if meta.origin else ""
    lines.append(f"  by {clean(meta.user)} on {clean(meta.machine)}{clean(origin)}")
    lines.append(f"  in {clean(meta.directory)}, provision {meta.version}")
    for book in meta.playbooks:
        digest = f" (sha256 {book['sha256'][:12]})" if "sha256" in book else ""
        lines.append(f"  {clean(book['path'])}{digest}")
    if meta.git:
        state = ", with uncommitted changes" if meta.git.get("dirty") else ""
        branch = f" on {meta.git['branch']}" if meta.git.get("branch") else ""
        lines.append(clean(f"  git {str(meta.git.get('commit', ''))[:12]}{branch}{state}"))
    if meta.arguments:
        lines.append(clean(f"  {_arguments(meta.arguments)}"))
    return lines


def record_lines(record: Record) -> list[str]:
    lines = [*_head(record.meta), ""]
    same: dict[str, tuple[Cell, list[str]]] = {}
    for cell in sorted(record.cells, key=lambda c: (_order(record, c), natural_key(c.host))):
        key = repr((cell.thing, cell.mark, cell.msg, cell.diff, cell.items, cell.since))
        same.setdefault(key, (cell, []))[1].append(cell.host)
    for cell, hosts in same.values():
        thing = record.things[cell.thing]
        word = cell.verdict or cell.status
        since = f"  since {cell.since[:16].replace('T', ' ')}" if cell.since else ""
        name = clean(cell.task or thing.title)
        lines.append(f"{SIGNS.signs.get(cell.status, '~')} {fold_hosts(hosts, _NAMES)}"
                     f"  {name}  {word}{since}")  # fmt: skip
        lines += [f"│   {line}" for line in _below(cell)]
    lines.append(_totals(record.totals(), record.meta.mode))
    return lines


def _below(cell: Cell) -> Iterable[str]:
    plain = Palette(colour=False)
    yield from (clean(line) for line in cell.msg.splitlines())
    diffs = [(cell.diff, "")]
    diffs += [(item.diff, item.label) for item in cell.items]
    diffs += [(one.get("diff", []), "accepted") for one in cell.accepted]
    for diff, label in diffs:
        lead = f"[{clean(label)}] " if label else ""
        yield from (lead + plain.paint(line) for line in difference_lines(diff, SIGNS))
    for found in cell.evidence:
        yield clean(f"{found.get('about', '')}: {found.get('text', '')}")


def _order(record: Record, cell: Cell) -> int:
    return record.order.index(cell.thing) if cell.thing in record.order else cell.thing


def record_json(record: Record) -> dict[str, Any]:
    things = [dataclasses.asdict(record.things[index]) for index in record.order]
    position = {index: place for place, index in enumerate(record.order)}
    cells = [{**dataclasses.asdict(c), "thing": position[c.thing]} for c in record.cells]
    return {
        "run": dataclasses.asdict(record.meta),
        "totals": record.totals(),
        "things": things,
        "hosts": {name: row.counts for name, row in record.hosts.items()},
        "results": cells,
        "notices": record.notices,
    }


# -- compare ------------------------------------------------------------------------------


def _differences(title: str, found: Sequence[Difference]) -> list[str]:
    if not found:
        return []
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for one in found:
        alike.setdefault((one.task, one.word, one.keys), []).append(one.host)
    lines = [f"{title}:"]
    for (task, word, keys), hosts in alike.items():
        named = f": {', '.join(map(clean, keys))}" if keys else f": {word}"
        lines.append(f"  {fold_hosts(hosts, _NAMES)}  {clean(task)}{named}")
    return lines


def comparison_lines(found: Comparison) -> list[str]:
    both = [f"run {m.number} ({m.mode}, {when(m.started_at)})" for m in (found.one, found.other)]
    lines = [" → ".join(both)]
    lines += _differences("new", found.new)
    lines += _differences("over", found.over)
    lines += _differences("still", found.still)
    lines += _differences("was so, could not be looked at", found.unsure)
    for title, hosts in (("hosts new", found.hosts_new), ("hosts gone", found.hosts_gone)):
        if hosts:
            lines.append(f"{title}: {fold_hosts(hosts)}")
    if len(lines) == 1:
        lines.append("no difference")
    return lines


# -- trend --------------------------------------------------------------------------------


def trend_lines(
    runs: Sequence[tuple[RunLine, dict[str, int]]], drifts: Sequence[Drift]
) -> list[str]:
    rows = [("run", "when", "mode", "exit", "what")]
    for run, own in runs:
        meta = run.meta
        what = _totals(own, meta.mode)
        rows.append((str(meta.number), when(meta.started_at), meta.mode, ended(meta), what))
    lines = _table(rows)
    if drifts:
        lines += ["", f"{counted(len(drifts), 'drift')}, those that go on first:"]
    for drift in drifts:
        until = "now" if drift.ended_at is None else when(drift.ended_at)
        lines.append(
            f"  {when(drift.first_at)} (run {drift.first_run}) to {until}"
            f"  {clean(drift.task)}: {clean(drift.key)}"
        )
    return lines


def trend_json(
    runs: Sequence[tuple[RunLine, dict[str, int]]], drifts: Sequence[Drift]
) -> dict[str, Any]:
    return {
        "runs": [{**run_json(run), "host": own} for run, own in runs],
        "drifts": [dataclasses.asdict(drift) for drift in drifts],
    }
