"""What several commands of `provision env` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.errors import InputError

if TYPE_CHECKING:
    from provision.conda.channels import ChannelMap

__all__ = ["channel_map", "notice", "source_options", "table"]

F = TypeVar("F", bound=Callable[..., Any])

_SOURCES = (
    click.option(
        "--channel-alias", metavar="URL", envvar="PROVISION_CHANNEL_ALIAS",
        help="Where plain channel names live.",
    ),
    click.option(
        "--mirror", "mirrors", multiple=True, metavar="CHANNEL=URL",
        help="A channel, or the start of an address, and where it is read instead.",
    ),
    click.option(
        "--index-url", default="", metavar="URL", envvar="PROVISION_INDEX_URL",
        help="Package index of the pip section; by default the file's or pip's own.",
    ),
)  # fmt: skip


def source_options(function: F) -> F:
    """Adds the options that say where packages come from."""
    for option in reversed(_SOURCES):
        function = option(function)
    return function


def channel_map(given: Mapping[str, Any]) -> ChannelMap:
    """Raises InputError."""
    from provision.conda.channels import ChannelMap
    from provision.conda.vendor import CHANNEL_ALIAS

    mirrors = {}
    for text in given["mirrors"]:
        name, sep, url = text.rpartition("=")
        if not sep or "://" not in url:
            raise InputError(f"--mirror takes CHANNEL=URL, not {text!r}")
        mirrors[name] = url
    return ChannelMap(given["channel_alias"] or CHANNEL_ALIAS, mirrors)


def notice(text: str) -> None:
    """What goes on, for whoever watches; never on standard output."""
    if sys.stderr.isatty():
        click.echo(f"{text} …", err=True)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they must be; the first row is the head."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
