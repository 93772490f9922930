"""The lines at the bottom of a terminal while a run goes on, and their like for a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provision.engine.events import Progress
from provision.reports.activity import Activity, HostActivity
from provision.reports.fold import fold_hosts
from provision.reports.style import Line, Span, Symbols
from provision.reports.text import amount, cells, clean, clock, counted, cut, pad, seconds

__all__ = ["live_lines", "pulse"]

_BAR = 16  # columns
_SETTLED_S = 0.7  # tasks shorter than this would only make the rows flicker
_ROWS = 8
_NAME = 24  # columns for a host's name
_TASK = 14  # columns that a task's name should keep
_DROPPED = {4: 1, 3: 0, 2: 2, 1: 3}  # the column to do without, by the number of those left
_SPIN_S = 0.1


def live_lines(
    activity: Activity, symbols: Symbols, now: float, width: int, height: int
) -> list[Line]:
    """A row for each of the hosts that have been at something longest, then the status line.
    No line is wider than `width - 1`."""
    busy = activity.running()
    shown = [h for h in busy if h.progress is not None or now - h.since >= _SETTLED_S]
    rows = min(_ROWS, max(0, height // 2 - 1), max(0, height - 2))
    if len(shown) > rows:
        shown = shown[: max(0, rows - 1)]
    spin = symbols.spinner[int(now / _SPIN_S) % len(symbols.spinner)]
    lines = _rows(shown, symbols, now, width - 1)
    hidden = len(busy) - len(shown)
    if rows and shown and hidden:
        lines.append((Span(f"  {symbols.more} {hidden} more at work", "dim"),))
    room = width - 1 - len("^C")  # echoed where the cursor is, it must not break the line
    lines.append(_status(activity, symbols, now, room, spin, busy[0] if busy else None))
    return lines


def _rows(hosts: Sequence[HostActivity], symbols: Symbols, now: float, width: int) -> list[Line]:
    """`  gpu02  env bert  link  ━━━━━━────  62/110 packages  12 s`, in columns."""
    names = [cut(clean(host.name), _NAME, symbols.more) for host in hosts]
    told = [[*_progress_parts(host.progress, symbols), seconds(now - host.since)] for host in hosts]
    lead = 2 + max(map(cells, names), default=0) + 2
    columns = list(range(4))
    while columns:  # a narrow terminal: rather the task's name than the bar, then the rest
        widths = [max((cells(cell[at]) for cell in told), default=0) for at in columns]
        tail = sum(2 + wide for wide in widths if wide)
        if width - lead - tail >= _TASK:
            break
        columns.remove(_DROPPED[len(columns)])
    else:
        widths, tail = [], 0
    room = max(0, width - lead - tail)
    task = min(room, max((cells(clean(host.task)) for host in hosts), default=0))
    lines: list[Line] = []
    for host, name, parts in zip(hosts, names, told, strict=True):
        ends = [
            "  " + (parts[at].rjust(wide) if at > 1 else pad(parts[at], wide))
            for at, wide in zip(columns, widths, strict=True)
            if wide
        ]
        title = pad(cut(clean(host.task), task, symbols.more), task)
        lines.append((Span(f"  {pad(name, lead - 4)}  ", "bold"), Span(title + "".join(ends))))
    return lines


def _progress_parts(progress: Progress | None, symbols: Symbols) -> tuple[str, str, str]:
    if progress is None:
        return "", "", ""
    bar = ""
    if progress.total > 0:
        bar = _bar(progress.done / progress.total, symbols)
    return clean(progress.phase), bar, amount(progress.done, progress.total, progress.unit)


def _bar(share: float, symbols: Symbols) -> str:
    full, half, empty = symbols.bar
    halves = int(min(max(share, 0.0), 1.0) * _BAR * 2)
    text = full * (halves // 2) + (half if halves % 2 else "")
    return text + empty * (_BAR - len(text))


def _status(
    activity: Activity,
    symbols: Symbols,
    now: float,
    width: int,
    spin: str,
    longest: HostActivity | None,
) -> Line:
    """`⠙ 3 of 30 hosts done, 26 running, 1 failed · longest: gpu02 env bert 12 s · 0:42`"""
    spans = [Span(f"{spin} {_counts(activity)}")]
    bad = activity.count("failed", "unreachable")
    if bad:
        spans.append(Span(f", {bad} failed", "failed"))
    end = f" {symbols.dot} {clock(now - activity.begun)}"
    used = sum(cells(span.text) for span in spans)
    if longest is not None:
        words = f"{longest.name}: {clean(longest.task)} {seconds(now - longest.since)}"
        room = width - used - cells(end) - 3
        if room >= 16:
            spans.append(Span(f" {symbols.dot} {cut(words, room, symbols.more)}", "dim"))
    spans.append(Span(end))
    text = "".join(span.text for span in spans)
    return tuple(spans) if cells(text) <= width else (Span(cut(text, width, symbols.more)),)


def _counts(activity: Activity) -> str:
    over = activity.count("done", "failed", "unreachable")
    words = f"{over} of {counted(len(activity.hosts), 'host')} done"
    running = activity.count("running")
    return f"{words}, {running} running" if running else words


def pulse(activity: Activity, symbols: Symbols, now: float) -> str:
    """One line that says how far a run is, for a log: hosts at the same thing together."""
    parts = [f"{clock(now - activity.begun)}  {_counts(activity)}"]
    same: dict[tuple[str, str], list[HostActivity]] = {}
    for host in activity.running():
        phase = host.progress.phase if host.progress else ""
        same.setdefault((host.task, phase), []).append(host)
    for (task, phase), hosts in list(same.items())[:4]:
        words = [fold_hosts((h.name for h in hosts), 40) + ":", clean(task), clean(phase)]
        if share := _share(hosts):
            words.append(share)
        words.append(seconds(now - hosts[0].since))
        parts.append(" ".join(word for word in words if word))
    return f"{symbols.more} " + "; ".join(parts)


def _share(hosts: Iterable[HostActivity]) -> str:
    """How far the last of them is."""
    known = [h.progress for h in hosts if h.progress is not None and h.progress.total]
    if not known:
        return ""
    last = min(known, key=lambda progress: progress.done / progress.total)
    return amount(last.done, last.total, last.unit)
