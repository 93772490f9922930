"""provision schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

__all__ = ["command"]


def _events() -> dict[str, Any]:
    from provision.reports.schema import events_schema

    return events_schema()


def _playbook() -> dict[str, Any]:
    from provision import actions
    from provision.actions.docs import action_schema
    from provision.playbook.schema import playbook_schema

    known = {name: action_schema(actions.action(name)) for name in actions.ACTION_FILES()}
    return playbook_schema(known)


def _inventory() -> dict[str, Any]:
    from provision.inventory.schema import inventory_schema

    return inventory_schema()


def _lock() -> dict[str, Any]:
    from provision.conda.schema import lock_schema

    return lock_schema()


_SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "events": _events,
    "inventory": _inventory,
    "lock": _lock,
    "playbook": _playbook,
}


def _print_actions() -> None:
    from provision import actions

    known = {name: actions.action(name).summary for name in sorted(actions.ACTION_FILES())}
    width = max(map(len, known))
    for name, summary in known.items():
        click.echo(f"{name.ljust(width)}  {summary}")


@click.command(name="schema")
@click.argument("kind", required=False, type=click.Choice(sorted(_SCHEMAS)))
@click.option("--actions", "list_actions", is_flag=True, help="Print the actions there are.")
def command(kind: str | None, list_actions: bool) -> int:
    """Print the JSON Schema of KIND: for editors, and for programs that read --json."""
    if list_actions:
        _print_actions()
        return 0
    if kind is None:
        raise click.UsageError(f"name one of {', '.join(sorted(_SCHEMAS))}, or --actions")
    click.echo(json.dumps(_SCHEMAS[kind](), indent=2))
    return 0
