"""Where vault passwords come from: files, programs, and a prompt that the caller provides."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from provision.errors import Mark, VaultError
from provision.secrets.envelope import DEFAULT_ID

__all__ = ["Prompt", "read_password", "split_vault_id"]

Prompt = Callable[[str], str]  # from a vault id to the password typed for it
_PROMPTS = ("prompt", "prompt_ask_vault_pass")


def split_vault_id(text: str) -> tuple[str, str]:
    """`LABEL@SOURCE` in two; without a label it is "default"."""
    label, at, source = text.partition("@")
    return (label or DEFAULT_ID, source) if at else (DEFAULT_ID, text)


def read_password(vault_id: str, source: str, prompt: Prompt) -> bytes:
    """The password of `vault_id` from a file, from a program's output, or typed.

    A program whose name ends in `-client` (before its extension) is told which vault id is
    wanted with --vault-id. Raises VaultError.
    """
    if source in _PROMPTS:
        password = prompt(vault_id).strip().encode()
        return _checked(password, Mark("prompt"))
    path = Path(source).expanduser()
    mark = Mark(str(path))
    if not path.is_file():
        raise VaultError("no such vault password file", mark=mark)
    if os.access(path, os.X_OK):
        return _checked(_run(path, vault_id), mark)
    try:
        return _checked(path.read_bytes().strip(), mark)
    except OSError as exc:
        raise VaultError(
            "cannot read vault password file", mark=mark, why=exc.strerror or ""
        ) from exc


def _checked(password: bytes, mark: Mark) -> bytes:
    if not password:
        raise VaultError("the vault password is empty", mark=mark)
    return password


def _run(path: Path, vault_id: str) -> bytes:
    client = path.stem.endswith("-client")
    arguments = ["--vault-id", vault_id] if client else []
    mark = Mark(str(path))
    try:
        # It may ask its user something, so it keeps our input and terminal, without a limit.
        done = subprocess.run(
            [str(path.absolute()), *arguments], capture_output=True, stdin=None, check=False
        )
    except OSError as exc:
        hint = "a password file that is no program must not be executable: chmod -x"
        raise VaultError(
            "cannot run vault password program", mark=mark, why=exc.strerror or "", hint=hint
        ) from exc
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        what = f"vault password program failed with exit code {done.returncode}"
        if client and done.returncode == 2:
            what = f"vault password program knows no password for vault id {vault_id!r}"
        raise VaultError(what, mark=mark, why=said)
    return done.stdout.strip(b"\r\n")
