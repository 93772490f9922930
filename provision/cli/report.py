"""provision report: a run of the past as a file."""

from __future__ import annotations

from pathlib import Path

import click

from provision.errors import InputError

__all__ = ["command"]

_FILE = click.Path(path_type=Path)


@click.command(name="report")
@click.argument("run", default="last")
@click.option("--html", type=_FILE, metavar="FILE", help="One page, nothing else needed.")
@click.option("--markdown", type=_FILE, metavar="FILE", help="A short text for people.")
@click.option("--mail", type=_FILE, metavar="FILE", help="The same as a mail's source.")
@click.option("--prometheus", type=_FILE, metavar="FILE", help="For the textfile collector.")
@click.option("--file", type=_FILE, metavar="FILE", help="Another history than $PROVISION_HISTORY.")
def command(
    run: str,
    html: Path | None,
    markdown: Path | None,
    mail: Path | None,
    prometheus: Path | None,
    file: Path | None,
) -> None:
    """Write reports of RUN: a number from `provision history list`, `last`, `last-1`, …"""
    from provision.cli.history import open_history
    from provision.cli.reporting import makers_of

    given = {"html": html, "markdown": markdown, "mail": mail, "prometheus": prometheus}
    history = open_history(file)
    makers = makers_of(given, history)
    if not makers:
        raise InputError("say what to write", hint="--html FILE, --markdown FILE, …")
    record = history.record(history.number(run))
    for make in makers:
        make(record)
