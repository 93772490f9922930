"""The live lines, as a terminal shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from provision.engine.events import (
    Event,
    HostDone,
    PlayStarted,
    Progress,
    RunStarted,
    Summary,
    TaskResult,
    TaskStarted,
)
from provision.reports.console import Console

from tests.reports.scripted import Clock, Stream

_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|([^\x1b])", re.DOTALL)


class Terminal:
    """What stands on a terminal that breaks lines anew when its width changes.

    Knows what the screen uses: back to the line's start, up, erase to the end. Everything
    else is written behind what is there.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.text = ""
        self._row: int | None = None  # where the cursor was moved to

    def _starts(self) -> list[int]:
        """Where in the text each row begins."""
        starts: list[int] = []
        at = 0
        for line in self.text.split("\n"):
            starts += range(at, at + max(len(line), 1), self.width)
            at += len(line) + 1
        return starts

    def feed(self, data: str) -> None:
        for code, kind, char in _TOKEN.findall(data):
            rows = self._starts()
            if char == "\r":
                self._row = len(rows) - 1
            elif char:
                assert self._row is None, "written over what stands there"
                self.text += char
            elif kind == "A":
                assert self._row is not None
                self._row -= int(code)
            elif kind == "J":
                assert self._row is not None
                assert self._row >= 0
                self.text = self.text[: rows[self._row]]
                self._row = None
            else:
                assert kind == "m" or code + kind in ("?2026h", "?2026l")

    def rows(self) -> list[str]:
        return self.text.split("\n")


class Show:
    """A console on a terminal, with time and size to turn."""

    def __init__(self, width: int = 80, height: int = 24, **options: object) -> None:
        self.clock = Clock()
        self.height = height
        self.stream = Stream()
        self.terminal = Terminal(width)
        self.console = Console(
            self.stream,
            live=True,
            now=self.clock,
            size=lambda: (self.terminal.width, self.height),
            ticking=False,
        )
        self._fed = 0

    def __call__(self, events: Iterable[Event], at: float | None = None) -> list[str]:
        """What stands there after these events and a tick."""
        if at is not None:
            self.clock.now = at
        for event in events:
            self.console(event)
        self.console.tick()
        return self.look()

    def look(self) -> list[str]:
        said = self.stream.text()
        self.terminal.feed(said[self._fed :])
        self._fed = len(said)
        return self.terminal.rows()


HOSTS = ["gpu01", "gpu02", "gpu03"]
START = [RunStarted("apply", ["s.yml"], HOSTS), PlayStarted("p", HOSTS)]


def _spun(rows: list[str]) -> list[str]:
    """Without the spinner, which turns with the clock."""
    return [re.sub("^[⠀-⣿] ", "* ", row) for row in rows]


def test_rows_of_hosts_and_the_status_line() -> None:
    show = Show()
    rows = show([*START, *(TaskStarted(host, "environment a") for host in HOSTS)], at=0)
    assert _spun(rows) == [
        "▸ p  gpu[01-03]",
        "* 0 of 3 hosts done, 3 running · gpu01: environment a 0.0 s · 0:00",
    ]
    rows = show([Progress("gpu02", "environment a", "link", 30, 60, "packages")], at=12.4)
    assert _spun(rows) == [
        "▸ p  gpu[01-03]",
        "  gpu01  environment a                                          12 s",
        "  gpu02  environment a  link  ━━━━━━━━────────  30/60 packages  12 s",
        "  gpu03  environment a                                          12 s",
        "* 0 of 3 hosts done, 3 running · gpu01: environment a 12 s · 0:12",
    ]


def test_results_go_above_and_nothing_is_left_at_the_end() -> None:
    show = Show()
    show([*START, *(TaskStarted(host, "slow") for host in HOSTS)], at=0)
    show([], at=5)
    result = [TaskResult(host=host, task="slow", status="changed", where="s:1:1") for host in HOSTS]
    rows = show([*result, HostDone("gpu01", {"changed": 1})], at=6)
    assert _spun(rows) == [
        "▸ p  gpu[01-03]",
        "~ gpu[01-03]  slow  changed",
        "* 1 of 3 hosts done, 2 running · 0:06",
    ]
    show.console(Summary({host: {"changed": 1} for host in HOSTS}, 0, 6.0))
    show.console.close()
    assert show.look() == [
        "▸ p  gpu[01-03]",
        "~ gpu[01-03]  slow  changed",
        "",
        "            changed",
        "gpu[01-03]        1",
        "",
        "3 hosts in 6.0 s: 3 changes on 3 hosts",
        "",
    ]


def test_a_failure_is_there_with_the_next_picture() -> None:
    show = Show()
    show([*START, *(TaskStarted(host, "slow") for host in HOSTS)], at=0)
    bad = TaskResult(host="gpu02", task="slow", status="failed", msg="no", where="s:1:1")
    rows = show([bad, HostDone("gpu02", {"failed": 1})], at=0.1)
    assert _spun(rows) == [
        "▸ p  gpu[01-03]",
        "✗ gpu02       slow  failed",
        "│   no",
        "│   --> s:1:1",
        "* 1 of 3 hosts done, 2 running, 1 failed · gpu01: slow 0.1 s · 0:00",
    ]


@pytest.mark.parametrize("width", [79, 60, 45, 33, 20])
def test_a_terminal_that_becomes_narrower_keeps_no_remains(width: int) -> None:
    show = Show(width=80)
    show([*START, *(TaskStarted(host, "a task with a longer title") for host in HOSTS)], at=0)
    wide = show([Progress("gpu02", "a task with a longer title", "link", 3, 6, "x")], at=9)
    assert len(wide) == 5
    show.terminal.width = width
    rows = show([], at=10)
    assert len(rows) == 5
    assert rows[0] == "▸ p  gpu[01-03]"
    assert all(len(row) < width for row in rows[1:])
    show.terminal.width = 80
    assert _spun(show([], at=9)) == _spun(wide)


@pytest.mark.parametrize("height", [2, 3, 5, 8, 24, 50])
def test_the_live_lines_never_fill_the_terminal(height: int) -> None:
    hosts = [f"n{number}" for number in range(40)]
    show = Show(height=height)
    show([RunStarted("apply", [], hosts), *(TaskStarted(host, "x") for host in hosts)], at=0)
    rows = show([], at=9)
    assert len(rows) <= max(1, height // 2)
    assert "0 of 40 hosts done, 40 running" in rows[-1]
    if len(rows) > 2:
        assert rows[-2] == f"  … {40 - len(rows) + 2} more at work"


def test_a_question_has_the_terminal_to_itself() -> None:
    show = Show()
    show([*START, *(TaskStarted(host, "x") for host in HOSTS)], at=0)
    show.console(Progress("gpu02", "ready", "asking"))
    assert show.look() == ["▸ p  gpu[01-03]", ""]
    show.terminal.text += "Ready? yes\n"
    bad = TaskResult(host="gpu01", task="x", status="failed", msg="no", where="s:1:1")
    assert show([bad], at=2)[-2:] == ["Ready? yes", ""]
    rows = show([TaskResult(host="gpu02", task="ready")], at=3)
    assert rows[1:4] == ["Ready? yes", "✗ gpu01       x  failed", "│   no"]
    assert rows[-1].endswith("0:03")


def test_nothing_is_drawn_twice() -> None:
    show = Show()
    show([*START, TaskStarted("gpu01", "x")], at=5)
    before = show.stream.text()
    show([], at=5)
    assert show.stream.text() == before


def test_long_lines_are_broken_at_words_with_their_rail() -> None:
    show = Show(width=40)
    words = "one two three four five six seven eight nine ten eleven"
    bad = TaskResult(host="gpu02", task="x", status="failed", msg=words)
    rows = show([*START, bad], at=0)
    assert rows[1:4] == [
        "✗ gpu02       x  failed",
        "│   one two three four five six seven",
        "│   eight nine ten eleven",
    ]
