"""Who is told of a run: opened from the options, closed when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TextIO, runtime_checkable

if TYPE_CHECKING:
    from provision.engine.events import Sink

__all__ = ["close_sinks", "open_sinks", "wants_colour"]


@runtime_checkable
class _Closing(Protocol):
    def close(self) -> None: ...


def wants_colour(stream: TextIO) -> bool:
    """NO_COLOR and FORCE_COLOR decide; else whether it is a terminal that knows colours."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")


def open_sinks(given: Mapping[str, Any]) -> list[Sink]:
    """The sinks that the options ask for. Raises InputError when a file cannot be written."""
    sinks: list[Sink] = []
    if given.get("junit"):
        from provision.reports.junit import JUnit

        sinks.append(JUnit(given["junit"]))
    if given["as_json"]:
        from provision.reports.jsonlines import JsonLines

        return [*sinks, JsonLines(sys.stdout, verbosity=given["verbose"])]
    from provision.reports.console import Console
    from provision.reports.screen import is_live

    console = Console(
        sys.stdout,
        colour=wants_colour(sys.stdout),
        live=is_live(sys.stdout),
        verbosity=given["verbose"],
        diff=given["diff"],
        check=given["check"],
    )
    return [*sinks, console]


def close_sinks(sinks: Iterable[Sink]) -> None:
    """Lets every sink end; then raises the first of their errors."""
    errors: list[Exception] = []
    for sink in sinks:
        if isinstance(sink, _Closing):
            try:
                sink.close()
            except Exception as exc:
                errors.append(exc)
    if errors:
        raise errors[0]
