"""The options that give vault passwords, shared by all commands that read secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from provision.secrets import VaultSecrets

__all__ = ["open_vault", "vault_options"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--vault-id",
        "vault_ids",
        multiple=True,
        metavar="[LABEL@]SOURCE",
        help="Password file, program or 'prompt' for secrets with this label.",
    ),
    click.option(
        "--vault-password-file",
        "--vault-pass-file",
        "vault_password_files",
        multiple=True,
        metavar="FILE",
        help="File or program that holds a vault password.",
    ),
    click.option(
        "-J",
        "--ask-vault-password",
        "--ask-vault-pass",
        "ask_vault_password",
        is_flag=True,
        help="Ask for the vault password.",
    ),
)


def vault_options(function: F) -> F:
    """Adds the parameters vault_ids, vault_password_files and ask_vault_password."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def open_vault(
    vault_ids: Sequence[str],
    vault_password_files: Sequence[str],
    ask_vault_password: bool,
    *,
    on_reveal: Callable[[str], object] | None = None,
    confirm: bool = False,
) -> VaultSecrets:
    """The passwords these options name; without any, those of the environment.

    `confirm` asks twice, for a password that is about to be set. Raises VaultError.
    """
    from provision.secrets import VaultSecrets
    from provision.secrets.passwords import read_password, split_vault_id

    def prompt(vault_id: str) -> str:
        return _prompt(vault_id, confirm)

    sources = [*vault_ids, *vault_password_files]
    if ask_vault_password:
        sources.append("prompt")
    if not sources:
        sources = _from_environment()
    passwords = []
    for source in sources:
        vault_id, place = split_vault_id(source)
        passwords.append((vault_id, read_password(vault_id, place, prompt)))
    if on_reveal is None:
        return VaultSecrets(passwords)
    return VaultSecrets(passwords, on_reveal)


def _from_environment() -> list[str]:
    """Ansible's own variables are honoured too: they are set where its playbooks are used."""
    for prefix in ("PROVISION", "ANSIBLE"):
        listed = os.environ.get(f"{prefix}_VAULT_IDENTITY_LIST", "")
        file = os.environ.get(f"{prefix}_VAULT_PASSWORD_FILE", "")
        sources = [item.strip() for item in listed.split(",") if item.strip()]
        if sources or file:
            return sources + ([file] if file else [])
    return []


def _prompt(vault_id: str, confirm: bool) -> str:
    from provision.errors import VaultError

    if not sys.stdin.isatty():
        raise VaultError(
            "cannot ask for the vault password: there is no terminal",
            hint="give --vault-password-file",
        )
    password: str = click.prompt(
        f"Vault password ({vault_id})", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return password
