"""The whole page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from provision.reports.html.groups import CLASSES, grouped, section, when, word_of
from provision.reports.html.heatmap import heatmap
from provision.reports.html.markup import Html, join, tag, text
from provision.reports.record import Record, RunMeta
from provision.reports.text import counted, seconds

__all__ = ["RunPoint", "render"]

#: A run for the timeline: what it was, and its totals by verdict.
RunPoint = tuple[RunMeta, dict[str, int]]
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'"


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def render(record: Record, runs: Sequence[RunPoint] = ()) -> Iterator[str]:
    """The page in pieces. `runs` are those before and including this one, the oldest first."""
    mode = record.meta.mode
    groups = grouped(record)
    title = headline(record)
    script = _asset("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield tag("meta", http_equiv="Content-Security-Policy", content=_POLICY.format(digest))
    yield '\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="color-scheme" content="light dark">\n'
    yield tag("title", f"{title} · provision {mode}")
    yield f"\n<style>\n{_asset('style.css')}</style>\n</head>\n<body>\n"
    yield '<a class="skip" href="#differs">Skip to what differs</a>\n'
    yield tag("header", tag("h1", title), _about(record.meta), _filters(record, mode))
    yield '\n<main>\n<section aria-labelledby="differs"><h2 id="differs" tabindex="-1">'
    yield ("What differs" if mode == "drift" else "What was told") + "</h2>\n"
    if groups:
        yield from section(groups, mode)
    else:
        yield '<p class="good">Nothing: every host is as the playbook describes it.</p>\n'
    yield '<p id="none" hidden>Nothing matches the filters.</p>\n</section>\n'
    yield '<section aria-labelledby="map"><h2 id="map">Hosts and things</h2>\n'
    yield _legend(mode)
    yield from heatmap(record, groups, mode)
    yield "</section>\n"
    if runs:
        yield from _timeline(runs)
    if record.notices:
        yield from _notices(record)
    yield f"</main>\n<script>{script}</script>\n</body>\n</html>\n"


def headline(record: Record) -> str:
    """What a reader wants to know in ten seconds."""
    hosts = record.hosts.values()
    total = len(record.hosts)
    drifted = sum("~" in row.marks for row in hosts)
    failed = sum("x" in row.marks for row in hosts)
    lost = sum("!" in row.marks for row in hosts)
    if record.meta.mode == "drift":
        told = f"{drifted} of {counted(total, 'host')} drifted"
    else:
        told = f"{record.meta.mode}: {drifted} of {counted(total, 'host')} changed"
    parts = [told] if drifted or not (failed or lost) else []
    parts += [f"{lost} unreachable"] if lost else []
    parts += [f"{failed} failed"] if failed else []
    if record.meta.mode == "drift" and not (drifted or failed or lost):
        return f"All {counted(total, 'host')} in sync" if total > 1 else "In sync"
    return ", ".join(parts)


def _about(meta: RunMeta) -> Html:
    books = ", ".join(book["path"].rpartition("/")[2] for book in meta.playbooks)
    told = [f"{when(meta.started_at)}, took {seconds(meta.duration_s)}", books]
    if meta.user:
        told.append(f"by {meta.user} on {meta.machine}")
    if meta.git.get("commit"):
        dirty = " with uncommitted changes" if meta.git.get("dirty") else ""
        told.append(f"git {meta.git['commit'][:10]}{dirty}")
    if meta.number:
        told.append(f"run {meta.number}")
    if meta.exit_code is None:
        told.append(f"this run {'has not ended' if meta.state == 'running' else meta.state}")
    return tag("p", " · ".join(part for part in told if part), class_="n")


def _filters(record: Record, mode: str) -> Html:
    """Boxes that work by style alone; the text field is shown by the script."""
    totals = record.totals()
    kinds = [*CLASSES.items(), (".", "k")]
    words = {**{mark: word_of(mark, mode) for mark in CLASSES}, ".": "in sync"}
    keys = {"x": "failed", "!": "unreachable", "~": "drifted", "?": "unknown", "a": "accepted",
            ".": "in sync"}  # fmt: skip
    chips = [tag("legend", "Show")]
    for mark, kind in kinds:
        count = totals[keys[mark]]
        if not count and kind not in ("d", "k"):
            continue
        box = tag("input", type="checkbox", id=f"f-{kind}", checked=True)
        label = f" {words[mark]} "
        chips.append(tag("label", box, label, tag("b", str(count)), class_=f"c {kind}"))
    search = tag(
        "label", "Host or thing ", tag("input", type="search", id="q"), hidden=True, id="ql"
    )
    return tag("form", tag("fieldset", *chips, search), role="search", aria_label="Filters")


def _legend(mode: str) -> Html:
    words = [("k", "in sync"), *((kind, word_of(mark, mode)) for mark, kind in CLASSES.items())]
    words += [("s", "does not apply"), ("n", "not looked at")]
    parts = [join([tag("span", "", class_=f"l {kind}"), f" {word}"]) for kind, word in words]
    return tag("ul", *(tag("li", part) for part in parts), class_="legend")


def _timeline(runs: Sequence[RunPoint]) -> Iterator[Html]:
    yield Html('<section aria-labelledby="runs"><h2 id="runs">Last runs</h2>\n')
    most = max((totals.get("drifted", 0) for _, totals in runs), default=0) or 1
    bars = []
    for meta, totals in runs:
        share = 8 + round(92 * totals.get("drifted", 0) / most) if totals.get("drifted") else 8
        bars.append(tag("i", style=f"height:{share}%", class_=_colour(meta)))
    yield tag("div", *bars, class_="strip", aria_hidden="true")
    yield Html('<div class="map" tabindex="0" role="region" aria-labelledby="runs"><table>')
    heads = ("When", "Run", "Drifted", "Failed", "Unreachable", "Unknown", "Took", "Ended with")
    yield tag("tr", *(tag("th", head, scope="col") for head in heads))
    for meta, totals in reversed(runs):
        code = meta.state if meta.exit_code is None else str(meta.exit_code)
        numbers = [str(totals.get(k, 0)) for k in ("drifted", "failed", "unreachable", "unknown")]
        cells = [str(meta.number), *numbers, seconds(meta.duration_s), code]
        first = tag("th", when(meta.started_at), scope="row")
        yield tag("tr", first, *(tag("td", cell) for cell in cells), class_=_colour(meta))
        yield Html("\n")
    yield Html("</table></div>\n</section>\n")


def _colour(meta: RunMeta) -> str:
    return {0: "k", 1: "x", 3: "d", 4: "u"}.get(
        -1 if meta.exit_code is None else meta.exit_code, "q"
    )


def _notices(record: Record) -> Iterator[Html]:
    yield Html('<section aria-labelledby="notes"><h2 id="notes">Notices</h2>\n<ul>')
    for notice in record.notices:
        host = f"{notice['host']}: " if notice.get("host") else ""
        yield tag("li", f"{notice['level']}: {host}", text(notice["msg"]))
    yield Html("</ul>\n</section>\n")
