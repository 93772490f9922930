"""Plays, results and notices as the lines of the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from provision.engine.events import Notice, PlayStarted
from provision.reports.fold import fold_hosts
from provision.reports.ledger import Told
from provision.reports.result import ResultView
from provision.reports.style import Line, Palette, Span, wrap_line
from provision.reports.text import cells, clean, counted

__all__ = ["Page"]

_NAMES = 24  # columns for host names; longer ones stand out
_BODY = 60  # lines under one head, unless asked for more
_HANGING = "    "
_NARROW = 20  # columns below which nothing is made to fit


class Page:
    """Gathers painted lines until somebody takes them.

    `width` gives the columns of a terminal; without it no line is broken.
    """

    def __init__(self, view: ResultView, palette: Palette, width: Callable[[], int] | None) -> None:
        self.view = view
        self.palette = palette
        self._width = width
        self._names = 8
        self._text: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._text)

    def take(self) -> str:
        """The lines so far, which are then no longer here."""
        text = "".join(self._text)
        self._text.clear()
        return text

    def hosts(self, names: Sequence[str]) -> None:
        """Makes the column wide enough for these hosts, alone or folded."""
        longest = max((cells(clean(name)) for name in names), default=0)
        folded = len(fold_hosts(names)) if len(names) > 1 else 0
        self._names = min(_NAMES, max(8, longest, folded))

    def line(self, line: Line) -> None:
        """One line; on a terminal words are not broken at its edge."""
        pieces = [line]
        if self._width is not None:
            width = max(_NARROW, self._width())
            if sum(cells(span.text) for span in line) > width:
                first, *rest = wrap_line(line, width - len(_HANGING))
                pieces = [first, *((Span(_HANGING), *piece) for piece in rest)]
        self._text += [self.palette.paint(piece) + "\n" for piece in pieces]

    def play(self, event: PlayStarted) -> None:
        hosts = fold_hosts(event.hosts, 40) if event.hosts else "no hosts"
        if len(event.hosts) > 3 and " " not in hosts:
            hosts += f" ({counted(len(event.hosts), 'host')})"
        title = Span(f"{self.view.symbols.play} {clean(event.play or 'play')}", "bold")
        self.line((title, Span(f"  {clean(hosts)}", "dim")))

    def block(self, told: Told) -> None:
        """A result of some hosts. What was told before of others is not told again."""
        result = told.result
        names = fold_hosts(map(clean, told.hosts), 60)
        head = self.view.head(names, self._names, result, told.duration_s)
        body = self.view.body(result)
        if told.before and body:
            as_on = f"  as on {fold_hosts(map(clean, told.before), _NAMES)}"
            head, body = (*head, Span(as_on, "dim")), []
        self.line(head)
        rail = Span(f"{self.view.symbols.rail}   ", result.status)
        for line in self._fitting(body, len(rail.text)):
            self.line((rail, *line))

    def _fitting(self, body: list[Line], rail: int) -> Iterable[Line]:
        """The lines under a head: not too many, and none wider than the terminal."""
        if len(body) > _BODY and not self.view.verbosity:
            left = counted(len(body) - _BODY, "more line")
            more = Span(f"{self.view.symbols.more} {left} (-v shows all)", "dim")
            body = [*body[:_BODY], (more,)]
        if self._width is None:
            return body
        width = max(_NARROW, self._width() - rail)
        return [piece for line in body for piece in wrap_line(line, width)]

    def notice(self, notice: Notice, hosts: Sequence[str]) -> None:
        where = f"{fold_hosts(map(clean, hosts), 60)}: " if hosts else ""
        first, *rest = [clean(line) for line in notice.msg.rstrip("\n").split("\n")]
        self.line((Span(notice.level, notice.level), Span(f": {where}{first}")))
        for text in rest:
            self.line((Span(f"  {text}"),))
