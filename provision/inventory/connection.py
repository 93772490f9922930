"""How to reach a host, read from its rendered variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provision.errors import InventoryError, Mark
from provision.yamlsource import mark_of

__all__ = ["ConnectionVars", "connection_vars"]


@dataclass(frozen=True, slots=True)
class ConnectionVars:
    """Connection settings of one host; None where its variables say nothing.

    `connection` is Ansible's word: ssh, paramiko, local and so on; the caller decides which
    ones it has. `known_hosts` is the path of a file of host keys, `timeout_s` for connecting.
    """

    host: str | None = None
    port: int | None = None
    user: str | None = None
    connection: str | None = None
    private_key_file: str | None = None
    private_key_passphrase: str | None = None
    password: str | None = None
    become: bool | None = None
    become_user: str | None = None
    become_method: str | None = None
    become_password: str | None = None
    become_flags: str | None = None
    become_exe: str | None = None
    python_interpreter: str | None = None
    shell_executable: str | None = None
    remote_tmp: str | None = None
    ssh_executable: str | None = None
    ssh_args: str | None = None
    ssh_common_args: str | None = None
    ssh_extra_args: str | None = None
    host_key_checking: bool | None = None
    known_hosts: str | None = None
    timeout_s: float | None = None

    def __repr__(self) -> str:
        """Without passwords: this ends up in tracebacks and logs."""
        return f"ConnectionVars(host={self.host!r}, port={self.port!r}, user={self.user!r})"


# Of several names that are set, the last one counts, as in Ansible's own connections.
_TEXT = {
    "host": ("inventory_hostname", "ansible_host", "ansible_ssh_host"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "connection": ("ansible_connection",),
    "private_key_file": ("ansible_private_key_file", "ansible_ssh_private_key_file"),
    "private_key_passphrase": (
        "ansible_private_key_passphrase",
        "ansible_ssh_private_key_passphrase",
    ),
    "password": ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
    "become_user": ("ansible_become_user", "ansible_sudo_user"),
    "become_method": ("ansible_become_method",),
    "become_password": ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"),
    "become_flags": ("ansible_become_flags", "ansible_sudo_flags"),
    "become_exe": ("ansible_become_exe", "ansible_sudo_exe"),
    "python_interpreter": ("ansible_python_interpreter",),
    "shell_executable": ("ansible_shell_executable",),
    "remote_tmp": ("ansible_remote_tmp",),
    "ssh_executable": ("ansible_ssh_executable",),
    "ssh_args": ("ansible_ssh_args",),
    "ssh_common_args": ("ansible_ssh_common_args",),
    "ssh_extra_args": ("ansible_ssh_extra_args",),
    "known_hosts": ("provision_known_hosts",),
}
_BOOL = {
    "become": ("ansible_become",),
    "host_key_checking": ("ansible_host_key_checking", "ansible_ssh_host_key_checking"),
}
_TRUE = frozenset({"yes", "y", "on", "1", "true", "t"})
_FALSE = frozenset({"no", "n", "off", "0", "false", "f"})


def _last(variables: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    """The name and value that count; the value is None when none is set."""
    for name in reversed(names):
        value = variables.get(name)
        if value is not None:
            return name, value
    return names[0], None


def _place(variables: Mapping[str, Any], name: str) -> Mark | None:
    return mark_of(variables[name]) or mark_of(variables, name)


def _bad(variables: Mapping[str, Any], name: str, wanted: str) -> InventoryError:
    value = variables[name]
    # A password of the wrong type must not be shown.
    shown = type(value).__name__ if "pass" in name else repr(value)
    return InventoryError(f"{name} must be {wanted}, not {shown}", mark=_place(variables, name))


def _text(variables: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    name, value = _last(variables, names)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)  # an all-digit user or password written without quotes
    raise _bad(variables, name, "a string")


def _bool(variables: Mapping[str, Any], names: tuple[str, ...]) -> bool | None:
    name, value = _last(variables, names)
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _bad(variables, name, "true or false")


def _port(variables: Mapping[str, Any]) -> int | None:
    name, value = _last(variables, ("ansible_port", "ansible_ssh_port"))
    if value is None or value == "":
        return None
    try:
        port = int(str(value))
    except ValueError:
        port = 0
    if isinstance(value, bool) or not 0 < port < 65536:
        raise _bad(variables, name, "a port from 1 to 65535")
    return port


def _timeout(variables: Mapping[str, Any]) -> float | None:
    name, value = _last(variables, ("ansible_timeout", "ansible_ssh_timeout"))
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise _bad(variables, name, "a number of seconds above 0")
    return seconds


def connection_vars(variables: Mapping[str, Any]) -> ConnectionVars:
    """Read `variables`, templates already rendered. Raises InventoryError for a wrong value.

    Without any of ansible_host's names, `host` is inventory_hostname.
    """
    texts = {field: _text(variables, names) for field, names in _TEXT.items()}
    bools = {field: _bool(variables, names) for field, names in _BOOL.items()}
    settings: dict[str, Any] = {
        **{field: text or None for field, text in texts.items()},
        **bools,
        "port": _port(variables),
        "timeout_s": _timeout(variables),
    }
    return ConnectionVars(**settings)
