"""What commands printed, host by host: `provision run`."""

from __future__ import annotations

import json
from typing import TextIO

from provision.engine.events import Event, TaskResult

__all__ = ["Outputs"]

_TEXTS = ("stdout", "stderr")
_BORING = frozenset({"cmd", "start", "end", "delta", "stdout_lines", "stderr_lines", "rc"})


class Outputs:
    """Prints each host's answer as soon as it is there; hosts with the same one are told so by
    standing in the same column."""

    def __init__(self, stream: TextIO, *, colour: bool = False) -> None:
        self.stream = stream
        self.colour = colour
        self._width = 0

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def __call__(self, event: Event, /) -> None:
        if not isinstance(event, TaskResult):
            return
        self._width = max(self._width, len(event.host))
        bad = event.status in ("failed", "unreachable")
        rail = self._paint(event.host.ljust(self._width) + " │", "31" if bad else "32")
        for line in self._lines(event):
            self.stream.write(f"{rail} {line}\n")
        self.stream.flush()

    def _lines(self, event: TaskResult) -> list[str]:
        lines = [line for name in _TEXTS for line in str(event.data.get(name) or "").splitlines()]
        rc = event.data.get("rc")
        if event.status in ("failed", "unreachable"):
            why = f"exit status {rc}" if rc is not None else event.msg
            lines.append(self._paint(f"{event.status}: {why}", "31"))
            if event.hint:
                lines.append(f"hint: {event.hint}")
        elif not lines and rc is None:
            told = {k: v for k, v in event.data.items() if k not in _BORING}
            text = f": {event.msg}" if event.msg else ""
            lines.append(f"{event.status}{text} {json.dumps(told, default=str) if told else ''}")
        return lines
