"""provision inventory: who is in it and where each variable comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.playoptions import inventory_option
from provision.cli.vaultoptions import open_vault, vault_options
from provision.diagnostics import did_you_mean
from provision.errors import InventoryError

if TYPE_CHECKING:
    from provision.inventory import Inventory, Layer

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])
_ENCRYPTED = "(encrypted)"

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_playbook_dir = click.option(
    "--playbook-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read the group_vars and host_vars in this directory too.",
)


def _source_options(function: F) -> F:
    return inventory_option(_playbook_dir(vault_options(function)))


@click.group(name="inventory")
def command() -> None:
    """List hosts and groups and explain their variables."""


def _load(sources: tuple[str, ...], passwords: Mapping[str, Any]) -> Inventory:
    from provision.cli.running import default_inventory
    from provision.inventory import load_inventory
    from provision.secrets import yaml_tags

    vault = open_vault(**passwords)
    return load_inventory(sources or default_inventory(), tags=yaml_tags(vault), vault=vault)


def _warn(inventory: Inventory) -> None:
    for text in inventory.warnings:
        click.echo(f"warning: {text}", err=True)


def _plain(value: Any) -> Any:
    """What JSON has no word for; encrypted values in Ansible's own spelling."""
    from provision.secrets import VaultValue

    if isinstance(value, VaultValue):
        return {"__ansible_vault": value.ciphertext}
    return str(value)


def _dump(value: Any) -> None:
    click.echo(json.dumps(_masked(value), indent=4, default=_plain, ensure_ascii=False))


def _masked(value: Any) -> Any:
    from provision.secrets import Redactor

    return Redactor().redact_value(_keep_vaults(value))


def _keep_vaults(value: Any) -> Any:
    """Encrypted values as they stand in their file; they give nothing away."""
    from provision.secrets import VaultValue

    if isinstance(value, VaultValue):
        return _plain(value)
    if isinstance(value, dict):
        return {str(key): _keep_vaults(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_keep_vaults(item) for item in value]
    return value


def _text(value: Any) -> str:
    """One line for a person."""
    from provision.secrets import SecretStr, VaultValue

    if isinstance(value, VaultValue):
        return _ENCRYPTED
    if isinstance(value, str) and not isinstance(value, SecretStr) and "\n" not in value:
        return value
    return json.dumps(_masked(value), default=_plain, ensure_ascii=False)


@command.command("list")
@click.argument("pattern", required=False, default="all")
@click.option("-l", "--limit", metavar="PATTERN", help="Only hosts that match this too.")
@_json
@_source_options
def list_(
    pattern: str,
    limit: str | None,
    as_json: bool,
    inventories: tuple[str, ...],
    playbook_dir: Path | None,
    **passwords: Any,
) -> None:
    """Print the hosts PATTERN means, one a line.

    With --json, the object that `ansible-inventory --list` prints.
    """
    inventory = _load(inventories, passwords)
    hosts = inventory.select(pattern, limit=limit)
    if as_json:
        from provision.inventory.show import as_json as listing

        _dump(listing(inventory, hosts, playbook_dir=playbook_dir))
    else:
        for host in hosts:
            click.echo(host.name)
    _warn(inventory)


@command.command()
@click.argument("group", required=False, default="all")
@click.option("--vars", "with_vars", is_flag=True, help="Show each host's variables.")
@_source_options
def graph(
    group: str,
    with_vars: bool,
    inventories: tuple[str, ...],
    playbook_dir: Path | None,
    **passwords: Any,
) -> None:
    """Print the tree of groups and hosts below GROUP."""
    from provision.inventory.show import graph_lines

    inventory = _load(inventories, passwords)
    members = inventory.members(group)
    variables: dict[str, dict[str, str]] = {}
    if with_vars:
        for host in members:
            values = inventory.variables(host, playbook_dir=playbook_dir)
            variables[host] = {name: _text(value) for name, value in values.items()}
    for line in graph_lines(inventory, group, variables):
        click.echo(line)
    _warn(inventory)


@command.command()
@click.argument("name")
@_json
@_source_options
def host(
    name: str,
    as_json: bool,
    inventories: tuple[str, ...],
    playbook_dir: Path | None,
    **passwords: Any,
) -> None:
    """Print a host's groups and variables. With --json, its variables alone."""
    inventory = _load(inventories, passwords)
    values = inventory.variables(name, playbook_dir=playbook_dir)
    if as_json:
        _dump(values)
    else:
        click.echo(f"host {name}")
        click.echo(f"  from    {inventory.inventory_file(name) or 'implied'}")
        click.echo(f"  groups  {', '.join(inventory.group_names(name)) or 'none'}")
        for key, value in values.items():
            click.echo(f"  {key} = {_text(value)}")
    _warn(inventory)


@command.command("vars")
@click.argument("name")
@click.argument("variable", required=False)
@click.option("--explain", is_flag=True, help="Show every place that sets it, and which counts.")
@_json
@_source_options
def vars_(
    name: str,
    variable: str | None,
    explain: bool,
    as_json: bool,
    inventories: tuple[str, ...],
    playbook_dir: Path | None,
    **passwords: Any,
) -> None:
    """Print a host's variables, or the one named VARIABLE."""
    inventory = _load(inventories, passwords)
    values = inventory.variables(name, playbook_dir=playbook_dir)
    if variable is not None:
        if variable not in values:
            raise InventoryError(
                f"host {name!r} has no variable {variable!r}", hint=did_you_mean(variable, values)
            )
        values = {variable: values[variable]}
    layers = inventory.explain(name, variable, playbook_dir=playbook_dir)
    if as_json:
        _dump({key: _candidates_json(layers, key) for key in values} if explain else values)
    else:
        for key, value in values.items():
            click.echo(f"{key} = {_text(value)}")
            if explain:
                for line in _candidates(layers, key):
                    click.echo(line)
    _warn(inventory)


def _place(layer: Layer, name: str) -> str:
    mark = layer.mark_of(name)
    return _short(str(mark)) if mark else layer.source


def _short(place: str) -> str:
    here = f"{Path.cwd()}/"
    return place.removeprefix(here)


def _setting(layers: list[Layer], name: str) -> list[Layer]:
    """The layers that set `name`, the one that counts first."""
    return [layer for layer in reversed(layers) if name in layer.values]


def _candidates(layers: list[Layer], name: str) -> Iterator[str]:
    rows = [
        (layer.level, _place(layer, name), _text(layer.values[name]))
        for layer in _setting(layers, name)
    ]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for number, (level, place, text) in enumerate(rows):
        sign = ">" if number == 0 else " "
        yield f"  {sign} {level:<{first}}  {place:<{second}}  {text}"


def _candidates_json(layers: list[Layer], name: str) -> dict[str, Any]:
    rows = []
    for layer in _setting(layers, name):
        mark = layer.mark_of(name)
        rows.append({
            "level": layer.level,
            "source": layer.source,
            "line": mark.line if mark else 0,
            "column": mark.column if mark else 0,
            "value": layer.values[name],
        })  # fmt: skip
    return {"value": rows[0]["value"], "candidates": rows}
