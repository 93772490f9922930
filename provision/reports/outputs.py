"""What commands printed, host by host: `provision run`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TextIO

from provision.engine.events import Event, Notice, RunStarted, TaskResult
from provision.reports.style import Line, Palette, Span, symbols_for
from provision.reports.text import cells, clean, pad
from provision.reports.writer import Writer

__all__ = ["Outputs"]

_TEXTS = ("stdout", "stderr")
_BORING = frozenset({"cmd", "start", "end", "delta", "stdout_lines", "stderr_lines", "rc"})
_NAMES = 24


class Outputs:
    """Prints each host's answer as soon as it is there, every line behind the host's name."""

    def __init__(self, stream: TextIO, *, colour: bool = False) -> None:
        self.writer = Writer(stream)
        self.palette = Palette(colour)
        self.symbols = symbols_for(stream)
        self._width = 0

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, RunStarted):
            names = max((cells(clean(host)) for host in event.hosts), default=0)
            self._width = min(_NAMES, names)
        elif isinstance(event, TaskResult):
            bad = event.status in ("failed", "unreachable")
            name = f"{pad(clean(event.host), self._width)} {self.symbols.rail} "
            rail = Span(name, "failed" if bad else "ok")
            self._write((rail, *line) for line in self._lines(event))
        elif isinstance(event, Notice):
            host = f"{event.host}: " if event.host else ""
            self._write([(Span(event.level, event.level), Span(f": {clean(host + event.msg)}"))])

    def close(self) -> None:
        """Raises BrokenPipeError, ProvisionError when not all could be written."""
        self.writer.check()

    def _write(self, lines: Iterator[Line] | list[Line]) -> None:
        self.writer.write("".join(self.palette.paint(line) + "\n" for line in lines))

    def _lines(self, event: TaskResult) -> Iterator[Line]:
        rc = event.data.get("rc")
        texts = [str(event.data.get(name) or "").rstrip("\n") for name in _TEXTS]
        said = [line for text in texts if text for line in text.split("\n")]
        yield from ((Span(clean(line)),) for line in said)
        if event.status in ("failed", "unreachable"):
            why = f"exit status {rc}" if rc is not None else clean(event.msg)
            yield (Span(f"{event.status}: {why}", "failed"),)
            if event.hint:
                yield (Span(f"hint: {clean(event.hint)}"),)
        elif not said and rc is None:
            yield (Span(self._result(event), event.status),)

    def _result(self, event: TaskResult) -> str:
        """An action's result, which is no program's output."""
        told = {key: value for key, value in event.data.items() if key not in _BORING}
        text = f": {clean(event.msg)}" if event.msg else ""
        shown = json.dumps(told, ensure_ascii=False, default=str) if told else ""
        return f"{event.status}{text} {clean(shown)}".rstrip()
