"""A terminal whose last lines are drawn anew while others scroll away above them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, TextIO

from provision.reports.style import Line, Palette
from provision.reports.text import cells
from provision.reports.writer import Writer

__all__ = ["Screen", "is_live", "terminal_size"]

# A terminal that knows synchronized output shows what stands between these at once.
_HOLD, _SHOW = "\x1b[?2026h", "\x1b[?2026l"


def is_live(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Columns and lines; 80 × 24 where the terminal does not say."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return size.columns or 80, size.lines or 24


class Screen:
    """Keeps `live` lines below what has been printed. Not for two threads at once."""

    def __init__(
        self, writer: Writer, palette: Palette, size: Callable[[], tuple[int, int]] | None = None
    ) -> None:
        self.writer = writer
        self.palette = palette
        self.size = size or (lambda: terminal_size(writer.stream))
        self._drawn: list[int] = []  # columns of each live line on the screen
        self._last = ""
        self._before: Any = None  # who handled SIGTSTP
        self._asked = False

    def show(self, text: str, live: Sequence[Line], width: int) -> None:
        """Prints `text` (whole lines) above, and `live` in place of what was there."""
        below = "\n".join(self.palette.paint(line) for line in live)
        if not text and below == self._last:
            return
        start = self._back(width)
        self._drawn = [sum(cells(span.text) for span in line) for line in live]
        self._last = below
        self.writer.write(f"{_HOLD}{start}{text}{below}{_SHOW}")

    def clear(self, text: str = "") -> None:
        """Takes the live lines away and prints `text`."""
        if self._drawn:
            text = self._back(self.size()[0]) + text
            self._drawn, self._last = [], ""
        if text:
            self.writer.write(text)

    def _back(self, width: int) -> str:
        """Moves to where the live lines begin, and erases from there.

        A terminal that has become narrower has broken them into more lines than were drawn.
        """
        if not self._drawn:
            return ""
        rows = sum(max(1, -(-columns // max(width, 1))) for columns in self._drawn)
        up = f"\x1b[{rows - 1}A" if rows > 1 else ""
        return f"\r{up}\x1b[J"

    # -- job control ------------------------------------------------------------------

    def watch(self) -> None:
        """From now on Ctrl-Z is this screen's to carry out, in `stop_if_asked`: the shell must
        not write into the live lines, nor may they be drawn over what it has written."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTSTP, self._on_stop)

    def unwatch(self) -> None:
        if self._before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTSTP, self._before)
            self._before = None

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True

    def stop_if_asked(self) -> None:
        """Takes the live lines away and stops this process until the shell continues it."""
        if self._asked:
            self._asked = False
            self.clear()
            # to this thread, or it would draw on until another one has taken the signal
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
