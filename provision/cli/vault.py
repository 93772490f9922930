"""provision vault: files and values encrypted in ansible-vault's format."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.vaultoptions import open_vault, vault_options
from provision.errors import InputError, Mark, VaultError

if TYPE_CHECKING:
    from provision.secrets import VaultSecrets

__all__ = ["command"]

_STDIN = "-"
_INDENT = " " * 10  # as ansible-vault indents, so that both tools' output looks alike

_files = click.argument("files", nargs=-1, metavar="[FILE]...")
_output = click.option(
    "--output", metavar="FILE", help="Write here instead of replacing FILE; - is standard output."
)
_encrypt_id = click.option(
    "--encrypt-vault-id", metavar="LABEL", help="Which of several vault ids to encrypt with."
)


@click.group(name="vault")
def command() -> None:
    """Encrypt and decrypt files and values as ansible-vault does."""


def _read(name: str) -> tuple[bytes, Mark]:
    from provision.secrets.files import read_bytes

    if name == _STDIN:
        return sys.stdin.buffer.read(), Mark("standard input")
    return read_bytes(Path(name)), Mark(name)


def _write(name: str, data: bytes) -> None:
    from provision.secrets.files import write_atomically

    if name == _STDIN:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_atomically(Path(name), data)


def _convert(
    files: tuple[str, ...], output: str | None, convert: Callable[[bytes, Mark], bytes], done: str
) -> None:
    """Read and convert every file before the first one is written."""
    names = files or (_STDIN,)
    if output and len(names) > 1:
        raise InputError("--output takes one file to convert")
    results = [(name, convert(*_read(name))) for name in names]
    for name, data in results:
        target = output or name
        _write(target, data)
        if target != _STDIN:
            click.echo(f"{done}: {target}", err=True)


@command.command()
@_files
@_output
@_encrypt_id
@vault_options
def encrypt(
    files: tuple[str, ...], output: str | None, encrypt_vault_id: str | None, **passwords: Any
) -> None:
    """Encrypt files in place, or standard input to standard output."""
    from provision.secrets.vault import is_encrypted

    vault = open_vault(**passwords, confirm=True)

    def convert(data: bytes, where: Mark) -> bytes:
        if is_encrypted(data):
            raise VaultError("already encrypted", mark=where)
        return vault.encrypt(data, encrypt_vault_id).encode()

    _convert(files, output, convert, "encrypted")


@command.command()
@_files
@_output
@vault_options
def decrypt(files: tuple[str, ...], output: str | None, **passwords: Any) -> None:
    """Decrypt files in place, or standard input to standard output."""
    vault = open_vault(**passwords)
    _convert(files, output, vault.decrypt, "decrypted")


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@vault_options
def view(files: tuple[str, ...], **passwords: Any) -> None:
    """Print the plain text of encrypted files."""
    vault = open_vault(**passwords)
    for plain in [vault.decrypt(*_read(name)) for name in files]:
        _write(_STDIN, plain)


@command.command()
@click.argument("file")
@vault_options
def edit(file: str, **passwords: Any) -> None:
    """Edit an encrypted file with $EDITOR. Its vault id and password stay."""
    from provision.secrets.files import edit_plain

    vault = open_vault(**passwords)
    data, where = _read(file)
    plain = vault.decrypt(data, where)
    edited = edit_plain(plain, Path(file).name)
    if edited == plain:
        click.echo(f"unchanged: {file}", err=True)
        return
    _write(file, vault.replace(data, where, edited).encode())
    click.echo(f"encrypted: {file}", err=True)


@command.command()
@click.argument("file")
@_encrypt_id
@vault_options
def create(file: str, encrypt_vault_id: str | None, **passwords: Any) -> None:
    """Write a new encrypted file with $EDITOR."""
    from provision.secrets.files import edit_plain

    if Path(file).exists():
        raise InputError(f"{file} is there already", hint=f"provision vault edit {file}")
    vault = open_vault(**passwords, confirm=True)
    vault.encrypt(b"", encrypt_vault_id)  # complain before the user has typed anything
    plain = edit_plain(b"", Path(file).name)
    _write(file, vault.encrypt(plain, encrypt_vault_id).encode())
    click.echo(f"encrypted: {file}", err=True)


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--new-vault-id", metavar="[LABEL@]SOURCE", help="Password and label to encrypt with from now."
)
@click.option(
    "--new-vault-password-file",
    "--new-vault-pass-file",
    metavar="FILE",
    help="Password to encrypt with from now.",
)
@vault_options
def rekey(
    files: tuple[str, ...],
    new_vault_id: str | None,
    new_vault_password_file: str | None,
    **passwords: Any,
) -> None:
    """Encrypt files with another password."""
    old = open_vault(**passwords)
    new = _new_vault(new_vault_id, new_vault_password_file)

    def convert(data: bytes, where: Mark) -> bytes:
        return new.encrypt(old.decrypt(data, where)).encode()

    _convert(files, None, convert, "rekeyed")


def _new_vault(vault_id: str | None, file: str | None) -> VaultSecrets:
    if vault_id and file:
        raise InputError("give --new-vault-id or --new-vault-password-file, not both")
    source = vault_id or file or "prompt"
    return open_vault((source,), (), False, confirm=True)


@command.command("encrypt-string")
@click.argument("strings", nargs=-1, metavar="[STRING]...")
@click.option(
    "-n", "--name", "names", multiple=True, metavar="NAME", help="Variable name of each STRING."
)
@click.option("--stdin-name", metavar="NAME", help="Encrypt standard input under this name.")
@click.option("-p", "--prompt", "ask", is_flag=True, help="Ask for the string.")
@_output
@_encrypt_id
@vault_options
def encrypt_string(
    strings: tuple[str, ...],
    names: tuple[str, ...],
    stdin_name: str | None,
    ask: bool,
    output: str | None,
    encrypt_vault_id: str | None,
    **passwords: Any,
) -> None:
    """Encrypt strings as values for a YAML file.

    A STRING on the command line can be seen by other users of this machine and stays in the
    shell's history: prefer --prompt or standard input.
    """
    vault = open_vault(**passwords)
    texts = list(strings)
    if ask:
        texts.append(click.prompt("String to encrypt", hide_input=True, err=True))
    labels: list[str | None] = list(names)
    if stdin_name or not texts:
        texts.append(sys.stdin.buffer.read().decode("utf-8"))
        labels = [*labels[: len(texts) - 1], stdin_name] if stdin_name else labels
    if len(labels) > len(texts):
        raise InputError(f"{len(labels)} names for {len(texts)} strings")
    labels += [None] * (len(texts) - len(labels))
    blocks = [
        _yaml_value(vault.encrypt(text, encrypt_vault_id), label)
        for text, label in zip(texts, labels, strict=True)
    ]
    _write(output or _STDIN, "".join(blocks).encode())


def _yaml_value(encrypted: str, name: str | None) -> str:
    lines = "".join(f"{_INDENT}{line}\n" for line in encrypted.splitlines())
    return f"{name + ': ' if name else ''}!vault |\n{lines}"
