"""`group_vars/` and `host_vars/` beside an inventory or a playbook, read when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from provision import yamlsource
from provision.errors import InputError, InventoryError, Mark, VaultError, YamlError
from provision.yamlsource import Tags, mark_of

__all__ = ["Decrypter", "VarsFiles", "read_text"]

_HEADER = b"$ANSIBLE_VAULT;"
_EXTENSIONS = ("", ".yml", ".yaml", ".json")


class Decrypter(Protocol):
    """What encrypted files need: `provision.secrets.VaultSecrets` is one."""

    def decrypt(self, data: bytes | str, where: Mark) -> bytes: ...

    def conceal(self, value: Any) -> Any:
        """`value` with each string in it known as secret."""


def read_text(path: Path, vault: Decrypter | None) -> tuple[str, bool]:
    """The text of `path`, decrypted if need be, and whether it was encrypted.

    Raises InputError when it cannot be read, VaultError when it cannot be decrypted.
    """
    mark = Mark(str(path))
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise InputError("cannot read file", mark=mark, why=exc.strerror or "") from exc
    encrypted = data.startswith(_HEADER)
    if encrypted:
        if vault is None:
            raise VaultError(
                "this file is encrypted and no vault password was given",
                mark=mark,
                hint="give --vault-password-file or --ask-vault-pass",
            )
        data = vault.decrypt(data, mark)
    try:
        return data.decode("utf-8"), encrypted
    except UnicodeDecodeError as exc:
        raise YamlError("not UTF-8 text", mark=mark, why=str(exc)) from exc


class VarsFiles:
    """Finds and reads variable files; each directory is listed and each file read once."""

    def __init__(
        self,
        tags: Tags | None = None,
        vault: Decrypter | None = None,
        warnings: list[str] | None = None,
    ) -> None:
        self._tags = tags
        self._vault = vault
        self._warnings = warnings if warnings is not None else []
        self._listed: dict[Path, frozenset[str]] = {}
        self._read: dict[Path, Mapping[str, object]] = {}

    def find(self, base: Path, kind: str, name: str) -> list[Path]:
        """Files of `base/kind` for the host or group `name`, weakest first.

        `kind` is "group_vars" or "host_vars". The first of NAME (a file or a directory),
        NAME.yml, NAME.yaml, NAME.json that exists is taken, as in Ansible.
        """
        folder = base / kind
        present = self._listing(folder)
        if not present:
            return []
        for extension in _EXTENSIONS:
            if name + extension in present:
                path = folder / (name + extension)
                return _files_below(path) if path.is_dir() else [path]
        return []

    def _listing(self, folder: Path) -> frozenset[str]:
        names = self._listed.get(folder)
        if names is None:
            try:
                names = frozenset(entry.name for entry in folder.iterdir())
            except (FileNotFoundError, NotADirectoryError):
                names = frozenset()
            except OSError as exc:
                raise InputError(
                    "cannot list directory", mark=Mark(str(folder)), why=exc.strerror or ""
                ) from exc
            self._listed[folder] = names
        return names

    def read(self, path: Path) -> Mapping[str, object]:
        """The variables of one file. Raises InputError and its kinds."""
        found = self._read.get(path)
        if found is None:
            found = self._read[path] = self._load(path)
        return found

    def _load(self, path: Path) -> Mapping[str, object]:
        text, encrypted = read_text(path, self._vault)
        file = str(path)
        data = yamlsource.load(text, file, tags=self._tags, on_duplicate=self._duplicate)
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            raise InventoryError(
                "a file of variables must be a mapping of names to values",
                mark=mark_of(data) or Mark(file),
            )
        for key in data:
            if not isinstance(key, str):
                raise InventoryError(
                    f"the name of a variable must be a string, not {key!r}",
                    mark=mark_of(data, key),
                )
        if encrypted and self._vault is not None:
            concealed: Mapping[str, object] = self._vault.conceal(data)
            return concealed
        return data

    def _duplicate(self, key: str, mark: Mark, first: Mark) -> None:
        text = f"{mark}: {key!r} is given twice, first in line {first.line}; the last one counts"
        if text not in self._warnings:
            self._warnings.append(text)


def _files_below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            if not path.suffix:
                found += _files_below(path)
        elif path.suffix in _EXTENSIONS:
            found.append(path)
    return found
