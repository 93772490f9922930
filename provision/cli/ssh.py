"""provision ssh: a login with the inventory's own settings, through the system's ssh."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from provision.cli.playoptions import inventory_option
from provision.cli.vaultoptions import open_vault, vault_options
from provision.errors import InputError

if TYPE_CHECKING:
    from provision.inventory import ConnectionVars, Inventory

__all__ = ["command", "ssh_arguments"]

_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")  # ssh's own


# As with ssh itself, what follows HOST belongs to the command.
@click.command(context_settings={"allow_interspersed_args": False})
@inventory_option
@click.option("-u", "-l", "--user", metavar="USER", help="Log in as this user.")
@click.option("--private-key", "--key-file", metavar="FILE")
@click.option("--accept-new-host-keys", is_flag=True, help="Record unknown hosts' keys.")
@vault_options
@click.argument("host")
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def command(
    inventories: tuple[str, ...],
    user: str | None,
    private_key: str | None,
    accept_new_host_keys: bool,
    host: str,
    cmd: tuple[str, ...],
    **passwords: Any,
) -> None:
    """Log in to HOST of the inventory, or run CMD there.

    The system's ssh takes over, with the user, port, key, known hosts and ssh arguments that
    the inventory has for HOST. Put `--` before CMD.
    """
    found = _connection_vars(inventories, passwords, host)
    words = cmd[1:] if cmd[:1] == ("--",) else cmd
    if found.connection == "local":
        argv = _local_arguments(words)
    else:
        argv = ssh_arguments(
            found,
            host,
            words,
            user=user,
            private_key=private_key,
            accept_new=accept_new_host_keys,
        )
    if shutil.which(argv[0]) is None:
        raise InputError(f"there is no {argv[0]} on this machine", hint="install an OpenSSH client")
    sys.stdout.flush()
    os.execvp(argv[0], argv)  # noqa: S606 - an argument list, no shell to go through


def ssh_arguments(
    found: ConnectionVars,
    host: str,
    words: Sequence[str] = (),
    *,
    user: str | None = None,
    private_key: str | None = None,
    accept_new: bool = False,
) -> list[str]:
    """The ssh command line for a host. Of options that are given twice, ssh takes the first."""
    argv = [found.ssh_executable or "ssh"]
    login = user or found.user
    if login:
        argv += ["-l", login]
    if found.port:
        argv += ["-p", str(found.port)]
    key = private_key or found.private_key_file
    if key:
        argv += ["-i", os.path.expanduser(key), "-o", "IdentitiesOnly=yes"]  # noqa: PTH111
    if found.known_hosts:
        files = (found.known_hosts, *_KNOWN_HOSTS)
        argv += ["-o", "UserKnownHostsFile=" + " ".join(_config_word(file) for file in files)]
    if accept_new or found.host_key_checking is False:
        argv += ["-o", "StrictHostKeyChecking=accept-new"]
    if found.timeout_s:
        argv += ["-o", f"ConnectTimeout={max(1, round(found.timeout_s))}"]
    for text in (found.ssh_args, found.ssh_common_args, found.ssh_extra_args):
        argv += shlex.split(text or "")
    return [*argv, "--", found.host or host, *words]


def _config_word(path: str) -> str:
    return f'"{path}"' if " " in path else path


def _local_arguments(words: Sequence[str]) -> list[str]:
    """As ssh would: one shell for the words, or a shell for the user."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    return [shell, "-c", " ".join(words)] if words else [shell]


def _connection_vars(
    sources: tuple[str, ...], passwords: Mapping[str, Any], host: str
) -> ConnectionVars:
    from provision.cli.running import default_inventory
    from provision.inventory import connection_vars, load_inventory
    from provision.secrets import yaml_tags

    vault = open_vault(**passwords)
    inventory = load_inventory(sources or default_inventory(), tags=yaml_tags(vault), vault=vault)
    name = inventory.host(host).name
    return connection_vars({**_settings(inventory, name), "inventory_hostname": name})


def _settings(inventory: Inventory, host: str) -> dict[str, Any]:
    """The variables that may say how to reach the host, rendered."""
    variables = inventory.variables(host)
    names = [name for name in variables if name.startswith(("ansible_", "provision_"))]
    settings: dict[str, Any] = {name: variables[name] for name in names}
    if any("{{" in value or "{%" in value for value in settings.values() if isinstance(value, str)):
        from provision.templating import Scope, Templar

        scope = Scope([variables, inventory.magic(host)], templar=Templar())
        settings = {name: scope[name] for name in names}
    return settings


if __name__ == "__main__":
    command()
