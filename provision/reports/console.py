"""Text for people, made from events.

One line for each task and the hosts that ended it alike, what differs under a rail, failures
at once, totals at the end. On a terminal the last lines tell what the hosts do now; elsewhere
a line now and then does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from provision.actions.base import ASKING
from provision.engine.events import (
    Event,
    Evidence,
    HostDone,
    HostLeft,
    Notice,
    PlayStarted,
    Progress,
    RunStarted,
    Summary,
    TaskResult,
    TaskStarted,
)
from provision.reports.activity import Activity
from provision.reports.ledger import Ledger
from provision.reports.live import live_lines, pulse
from provision.reports.notices import Notices
from provision.reports.page import Page
from provision.reports.result import ResultView
from provision.reports.screen import Screen
from provision.reports.style import Palette, Span, symbols_for
from provision.reports.text import cut
from provision.reports.totals import Ending
from provision.reports.writer import Writer

__all__ = ["Console"]

_FRAME_S = 0.1  # between two pictures on a terminal
_LOOK_S = 0.5  # between two looks at what is due, elsewhere
_PULSE_S = (15.0, 30.0, 60.0)  # silence after which a log gets a sign of life


class Console:
    """Renders events to a stream. Takes events and ticks from any thread.

    verbosity: 0 shows what changed, failed or is unknown; 1 also what is in sync or skipped,
    and all output of what failed; 2 also what tasks returned; 3 also durations and round trips.
    `live`: the stream is a terminal, keep a picture of what goes on at its bottom; `size` gives
    its columns and lines, by default the stream's own. `now` is the clock; with `ticking` false
    nobody but the caller calls `tick`.
    """

    internal = True  # also told when a host leaves a play

    def __init__(
        self,
        stream: TextIO,
        *,
        colour: bool = False,
        live: bool = False,
        verbosity: int = 0,
        diff: bool = True,
        check: bool = False,
        now: Callable[[], float] = time.monotonic,
        size: Callable[[], tuple[int, int]] | None = None,
        ticking: bool = True,
    ) -> None:
        palette = Palette(colour)
        self.symbols = symbols_for(stream)
        self.writer = Writer(stream)
        self.screen = screen = Screen(self.writer, palette, size) if live else None
        self.view = ResultView(self.symbols, check=check, verbosity=verbosity, diff=diff)
        self.page = Page(self.view, palette, (lambda: screen.size()[0]) if screen else None)
        self.ending = Ending(self.symbols, check=check, verbosity=verbosity)
        self.activity = Activity()
        self.ledger = Ledger(())
        self.notices = Notices()
        self._now = now
        self._ticking = ticking
        self._spoke = 0.0  # when something was last written
        self._pulses = 0
        self._looked = 0.0
        self._over = False
        self._change = threading.Condition()
        self._ticker: threading.Thread | None = None

    # -- events -----------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        with self._change:
            now = self._now()
            self.activity.take(event, now)
            at_once = self._take(event, now)
            if self.screen is not None:
                if isinstance(event, Progress) and event.phase == ASKING:
                    self._tell(now)
                    self._write()
                elif at_once:
                    self._change.notify()
            elif at_once or now - self._looked >= _LOOK_S:
                self._tell(now)
                self._write()
            if isinstance(event, Summary):
                self._end(event, now)

    def _take(self, event: Event, now: float) -> bool:
        """Takes an event up; whether there may be something to tell at once."""
        if isinstance(event, TaskResult):
            return self._result(event, now)
        if isinstance(event, TaskStarted):
            self.ledger.begin(event.host)
        elif isinstance(event, HostLeft | HostDone):
            self.ledger.end(event.host)
            return True
        elif isinstance(event, PlayStarted):
            self._tell(now, everything=True)
            self.ledger = Ledger(event.hosts)
            self.page.play(event)
            return True
        elif isinstance(event, RunStarted):
            self._start(event, now)
        elif isinstance(event, Evidence):
            self.ending.drifted.prove(event)
        elif isinstance(event, Notice):
            self.notices.add(event, now)
            return not event.host
        return False

    def _result(self, result: TaskResult, now: float) -> bool:
        self.ending.take(result)
        if not self.view.shown(result):
            self.ledger.quiet(result)
            return False
        urgent = result.status in ("failed", "unreachable") and not result.ignored
        self.ledger.add(result, self.view.identity(result), now, urgent=urgent)
        return urgent

    def _start(self, event: RunStarted, now: float) -> None:
        self.view = self.page.view = replace(self.view, mode=event.mode)
        self.ending.mode = event.mode
        self.page.hosts(event.hosts)
        self._spoke = now
        if self._ticking:
            if self.screen is not None:
                self.screen.watch()
            self._ticker = threading.Thread(target=self._tick_on, name="console", daemon=True)
            self._ticker.start()

    # -- telling ----------------------------------------------------------------------

    def _tell(self, now: float, *, everything: bool = False) -> None:
        self._looked = now
        for notice, hosts in self.notices.due(now, everything=everything):
            self.page.notice(notice, hosts)
        for told in self.ledger.due(now, everything=everything):
            self.page.block(told)

    def _write(self) -> None:
        """Prints what has been gathered; on a terminal, no live lines are left."""
        if self.screen is not None:
            self.screen.clear(self.page.take())
        elif self.page:
            self._spoke, self._pulses = self._now(), 0
            self.writer.write(self.page.take())

    # -- time -------------------------------------------------------------------------

    def _tick_on(self) -> None:
        pause = _FRAME_S if self.screen is not None else _LOOK_S
        with self._change:
            while not self._over:
                self._change.wait(pause)
                if not self._over:
                    self.tick()

    def tick(self) -> None:
        """Time has passed: tells what has become due and draws what goes on."""
        with self._change:
            now = self._now()
            if self.screen is not None and self.activity.asking():
                return  # the terminal is the question's
            self._tell(now)
            if self.screen is None:
                self._pulse(now)
                self._write()
                return
            self.screen.stop_if_asked()
            width, height = self.screen.size()
            live = live_lines(self.activity, self.symbols, now, width, height)
            self.screen.show(self.page.take(), live, width)

    def _pulse(self, now: float) -> None:
        """A sign of life where nobody sees a picture."""
        wait = _PULSE_S[min(self._pulses, len(_PULSE_S) - 1)]
        if self.page or now - self._spoke < wait:
            return
        pulses = self._pulses + 1
        self.page.line((Span(cut(pulse(self.activity, self.symbols, now), 200), "dim"),))
        self._write()
        self._pulses = pulses

    # -- the end ----------------------------------------------------------------------

    def _end(self, summary: Summary, now: float) -> None:
        self._tell(now, everything=True)
        for line in self.ending.lines(summary, self.activity):
            self.page.line(line)
        self._stop()

    def _stop(self) -> None:
        self._over = True
        self._change.notify_all()
        self._write()
        if self.screen is not None:
            self.screen.unwatch()

    def close(self) -> None:
        """Ends the output, also of a run that broke off. Raises BrokenPipeError, ProvisionError."""
        with self._change:
            if not self._over:
                self._tell(self._now(), everything=True)
                self._stop()
        self.writer.check()
