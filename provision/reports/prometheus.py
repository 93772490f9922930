"""Metrics in Prometheus' text format, for node_exporter's textfile collector.

The age of the last good run is `time() - provision_last_good_run_timestamp_seconds`; it goes on
growing when nobody runs provision any more, which an age in the file would not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import ProvisionError
from provision.reports.record import Record

if TYPE_CHECKING:
    from provision.reports.history import History

__all__ = ["Good", "exposition", "last_good"]

#: When the last run ended that could look at everything, and the last with all in sync.
Good = tuple[float | None, float | None]

_CLASSES = {
    "in_sync": ".",
    "drifted": "~",
    "accepted": "a",
    "unknown": "?",
    "failed": "x",
    "unreachable": "!",
}
_LOOKED = (0, 3)
_METRICS = ("provision_last_good_run_timestamp_seconds", "provision_last_in_sync_timestamp_seconds")


def last_good(record: Record, history: History | None, path: Path) -> Good:
    """From this run, the history, or else what the file said before it is replaced."""
    meta = record.meta
    now = meta.ended_at
    good = now if meta.exit_code in _LOOKED else None
    in_sync = now if meta.exit_code == 0 else None
    before: Good = _in_file(path, record)
    if history is not None and meta.number:
        try:
            scope = history.scope(meta.number)
            kept = (history.last_at(scope, _LOOKED), history.last_at(scope, (0,)))
            before = (kept[0] or before[0], kept[1] or before[1])
        except ProvisionError:
            pass  # the file's own memory is enough
    return good or before[0], in_sync or before[1]


def _in_file(path: Path, record: Record) -> Good:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None, None
    wanted = _labels(playbook=_playbook(record))
    found: list[float | None] = []
    for metric in _METRICS:
        said = [line for line in lines if line.startswith(metric + wanted + " ")]
        try:
            found.append(float(said[0].rpartition(" ")[2]) if said else None)
        except ValueError:
            found.append(None)
    return found[0], found[1]


def _playbook(record: Record) -> str:
    return ",".join(book["path"].rpartition("/")[2] for book in record.meta.playbooks)


def _quoted(value: str) -> str:
    value = re.sub("[\ud800-\udfff]", "?", value)
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{key}="{_quoted(value)}"' for key, value in labels.items()) + "}"


def _metric(name: str, about: str, rows: list[tuple[str, float]]) -> Iterator[str]:
    if not rows:
        return
    yield f"# HELP {name} {about}\n# TYPE {name} gauge\n"
    for labels, value in rows:
        yield (
            f"{name}{labels} {value:.10g}\n"
            if abs(value) < 1e9
            else f"{name}{labels} {value:.3f}\n"
        )


def exposition(record: Record, good: Good) -> Iterator[str]:
    """The file's text. Hosts, classes and the playbook's name are labels."""
    meta = record.meta
    book = _playbook(record)
    things = [
        (_labels(playbook=book, host=host, **{"class": word}), float(row.marks.count(mark)))
        for host, row in record.hosts.items()
        for word, mark in _CLASSES.items()
    ]
    yield from _metric("provision_things", "Things of a host by how it stands to them.", things)
    up = [
        (_labels(playbook=book, host=host), float("!" not in row.marks))
        for host, row in record.hosts.items()
    ]
    yield from _metric("provision_host_reachable", "Whether the host could be reached.", up)
    own = _labels(playbook=book)
    yield from _metric(
        "provision_run_duration_seconds", "Of the last run.", [(own, meta.duration_s)]
    )
    yield from _metric(
        "provision_run_timestamp_seconds", "End of the last run.", [(own, meta.ended_at)]
    )
    code = -1 if meta.exit_code is None else meta.exit_code
    yield from _metric(
        "provision_run_exit_code", "Of the last run; 3 is drift.", [(own, float(code))]
    )
    abouts = ("End of the last run that could look at everything.", "End of the last run in sync.")
    for name, about, at in zip(_METRICS, abouts, good, strict=True):
        if at is not None:
            yield from _metric(name, about, [(own, at)])
