"""The commands and their options."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import click
from provision.cli import COMMANDS, cli

from docs.pages.text import MADE, cell, page

__all__ = ["command_pages"]

_SHARED = 5  # options in common with `apply` from which on they are only named


def command_pages() -> dict[Path, str]:
    """By their paths under docs/."""
    return {Path("cli.md"): page(_cli_lines())}


def _cli_lines() -> Iterator[str]:
    yield from ("# Commands", "", MADE, "", f"{cli.help}", "")
    root = click.Context(cli, info_name="provision")
    told: dict[str, str] = {}
    for name in sorted(COMMANDS):
        if importlib.util.find_spec(f"provision.cli.{name}") is None:
            continue
        command = cli.get_command(root, name)
        if command is not None:
            context = click.Context(command, root, info_name=name)
            yield from _command_lines(command, context, 2, told)


def _command_lines(
    command: click.Command, ctx: click.Context, level: int, told: dict[str, str]
) -> Iterator[str]:
    """One command and those below it. `told` are the options of `apply`, row by row."""
    yield from (f"{'#' * level} {ctx.command_path}", "")
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield from ("```", usage, "```", "")
    if command.help:
        yield from (_prose(command.help), "")
    rows = _option_rows(command, ctx)
    shared = [names for names, row in rows.items() if told.get(names) == row]
    if len(shared) < _SHARED:
        shared = []
    if ctx.command_path == "provision apply":
        told.update(rows)
    own = [row for names, row in rows.items() if names not in shared]
    if own:
        yield from ("| option | what |", "|---|---|", *own, "")
    if shared:
        listed = ", ".join(f"`{names.split(',')[0].split()[0]}`" for names in shared)
        yield from (f"As in [provision apply](#provision-apply): {listed}.", "")
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None and not inner.hidden:
                below = click.Context(inner, ctx, info_name=name)
                yield from _command_lines(inner, below, level + 1, told)


def _option_rows(command: click.Command, ctx: click.Context) -> dict[str, str]:
    """The options but --help, each as a row of a table."""
    rows = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if isinstance(param, click.Option) and record and "--help" not in param.opts:
            rows[record[0]] = f"| `{cell(record[0])}` | {cell(record[1])} |"
    return rows


def _prose(text: str) -> str:
    """Help text as Markdown: what click leaves as it is (\\b) becomes a block."""
    parts = []
    for part in text.strip().split("\n\n"):
        kept = part.lstrip("\n")
        if kept.startswith("\b"):
            parts.append("```\n" + kept.lstrip("\b\n") + "\n```")
        else:
            parts.append(" ".join(kept.split()))
    return "\n\n".join(parts)
