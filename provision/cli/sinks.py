"""Who is told of a run: opened from the options, closed when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TextIO, runtime_checkable

import click

if TYPE_CHECKING:
    from provision.engine.events import Sink
    from provision.reports.history import HistoryWriter
    from provision.reports.record import RunMeta

__all__ = ["close_sinks", "every_sink", "open_history", "open_sinks", "output_of", "wants_colour"]


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


def output_of(given: Mapping[str, Any]) -> str:
    """text, json or ansible; a harness that sets $COMPAT_EVENTS counts lines of the last."""
    if given["as_json"]:
        return "json"
    default = "ansible" if os.environ.get("COMPAT_EVENTS") else "text"
    return given.get("output") or default


def open_sinks(given: Mapping[str, Any], meta: RunMeta | None = None) -> list[Sink]:
    """The sinks that the options ask for. Raises InputError when a file cannot be written.

    `meta` is what the history fills with the run's circumstances, for others to read.
    """
    sinks: list[Sink] = []
    if given.get("junit"):
        from provision.reports.junit import JUnit

        sinks.append(JUnit(given["junit"]))
    if given.get("playbooks") and not given.get("no_history"):
        sinks.append(open_history(given, meta))
    output = output_of(given)
    if output == "ansible":
        from provision.reports.ansible_text import AnsibleText

        text = AnsibleText(
            sys.stdout, sys.stderr, verbosity=given["verbose"], diff=bool(given["diff"])
        )
        return [*sinks, text]
    if output == "json":
        from provision.reports.jsonlines import JsonLines

        return [*sinks, JsonLines(sys.stdout, verbosity=given["verbose"])]
    from provision.reports.console import Console
    from provision.reports.screen import is_live

    console = Console(
        sys.stdout,
        colour=wants_colour(sys.stdout),
        live=is_live(sys.stdout),
        verbosity=given["verbose"],
        diff=given["diff"] is not False,
        check=given["check"],
    )
    return [*sinks, console]


def open_history(given: Mapping[str, Any], meta: RunMeta | None = None) -> HistoryWriter:
    """What writes the run into the history. Nothing is opened before the run begins."""
    from provision.cli.arguments import arguments_of
    from provision.reports.history import HistoryWriter, default_path
    from provision.reports.history.origin import here

    return HistoryWriter(default_path(), meta or here(), arguments_of(given))


def close_sinks(sinks: Iterable[Sink]) -> None:
    """Lets every sink end, says which one could not keep what it was told; then raises the
    first of their errors."""
    sinks = list(sinks)
    errors: list[Exception] = []
    for sink in sinks:
        if isinstance(sink, _Closing):
            try:
                sink.close()
            except Exception as exc:
                errors.append(exc)
    for sink in every_sink(sinks):
        if trouble := getattr(sink, "trouble", ""):
            click.echo(f"warning: this run is not in the history: {trouble}", err=True)
    if errors:
        raise errors[0]


def every_sink(sinks: Iterable[Sink]) -> Iterator[Sink]:
    """The sinks and those they pass on to."""
    for sink in sinks:
        yield sink
        yield from every_sink(getattr(sink, "sinks", ()))
