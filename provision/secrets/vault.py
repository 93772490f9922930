"""The passwords of a run, and what they open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from provision.errors import Mark, VaultError
from provision.secrets.envelope import DEFAULT_ID, HEADER, Envelope, open_envelope, seal
from provision.secrets.values import SecretStr, VaultValue
from provision.yamlsource import Map, Seq, Str, Tags

__all__ = ["VaultSecrets", "is_encrypted", "yaml_tags"]

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)


def is_encrypted(data: bytes | str) -> bool:
    """Whether `data` starts as an encrypted text does."""
    if isinstance(data, bytes):
        return data.startswith(HEADER.encode() + b";")
    return data.startswith(HEADER + ";")


def _ignore(_secret: str) -> None:
    return


class VaultSecrets:
    """Vault passwords with their vault ids, in the order they were given.

    on_reveal  told of every decrypted string: `Redactor.add`
    """

    def __init__(
        self,
        passwords: Iterable[tuple[str, bytes]] = (),
        on_reveal: Callable[[str], object] = _ignore,
    ) -> None:
        self._passwords = list(passwords)
        self._on_reveal = on_reveal

    def __repr__(self) -> str:
        return f"VaultSecrets({', '.join(self.ids)})"

    def __bool__(self) -> bool:
        return bool(self._passwords)

    @property
    def ids(self) -> list[str]:
        """The vault ids, each once."""
        return list(dict.fromkeys(vault_id for vault_id, _ in self._passwords))

    def decrypt(self, data: bytes | str, where: Mark) -> bytes:
        """The plain bytes of an encrypted text found at `where`.

        Passwords of its own vault id are tried first, then all others, as in Ansible.
        Raises VaultError.
        """
        return self._open(data, where)[0]

    def replace(self, data: bytes | str, where: Mark, plain: bytes) -> str:
        """`plain` encrypted as `data` is: same vault id, same password. Raises VaultError."""
        _, vault_id, password = self._open(data, where)
        return seal(plain, password, vault_id)

    def _open(self, data: bytes | str, where: Mark) -> tuple[bytes, str, bytes]:
        """The plain bytes, the vault id they were encrypted with, the password that fits."""
        try:
            text = data.decode("ascii") if isinstance(data, bytes) else data
        except UnicodeDecodeError as exc:
            raise VaultError("the encrypted data is damaged", mark=where, why=str(exc)) from exc
        envelope = Envelope.parse(text, where)
        named = "" if envelope.vault_id == DEFAULT_ID else f" (vault id {envelope.vault_id!r})"
        if not self._passwords:
            raise VaultError(
                f"encrypted{named}, and no vault password was given",
                mark=where,
                hint="give --vault-password-file, --vault-id or --ask-vault-pass",
            )
        own = [pair for pair in self._passwords if pair[0] == envelope.vault_id]
        rest = [pair for pair in self._passwords if pair[0] != envelope.vault_id]
        for _, password in own + rest:
            plain = open_envelope(envelope, password, where)
            if plain is not None:
                return plain, envelope.vault_id, password
        raise VaultError(
            f"cannot decrypt{named}: no vault password fits, or the data was altered",
            mark=where,
            why=f"tried the passwords of: {', '.join(self.ids)}",
        )

    def encrypt(self, data: bytes | str, vault_id: str | None = None) -> str:
        """`data` encrypted with the password of `vault_id`, or the only one there is.

        Raises VaultError when there is no such password, or it is unclear which.
        """
        if not self._passwords:
            raise VaultError(
                "no vault password to encrypt with",
                hint="give --vault-password-file, --vault-id or --ask-vault-pass",
            )
        if vault_id is None:
            if len(self.ids) > 1:
                raise VaultError(
                    "several vault ids were given",
                    why=", ".join(self.ids),
                    hint="say which one to encrypt with: --encrypt-vault-id",
                )
            vault_id = self.ids[0]
        for name, password in self._passwords:
            if name == vault_id:
                plain = data.encode() if isinstance(data, str) else data
                return seal(plain, password, vault_id)
        raise VaultError(
            f"no password for vault id {vault_id!r}", why=f"there are: {', '.join(self.ids)}"
        )

    def string(self, ciphertext: str, where: Mark) -> SecretStr:
        """The text of a `!vault` value. Raises VaultError."""
        plain = self.decrypt(ciphertext, where)
        try:
            text = plain.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise VaultError("the decrypted value is not text", mark=where) from exc
        self._on_reveal(text)
        return SecretStr(text, where, unsafe=True)

    def conceal(self, value: Any) -> Any:
        """A value read from an encrypted file, with every string in it known as secret.

        Keys stay as they are. Strings stay templates, as Ansible treats such files; of a
        template, the text around its expressions is what is secret.
        """
        if isinstance(value, VaultValue | SecretStr):
            return value
        if isinstance(value, str):
            for part in _TEMPLATE.split(value) if "{" in value else (value,):
                self._on_reveal(part)
            return SecretStr(
                value,
                getattr(value, "mark", None),
                value.unsafe if isinstance(value, Str) else False,
            )
        if isinstance(value, Map):
            mapping = Map(value.mark)
            mapping.update((key, self.conceal(item)) for key, item in value.items())
            mapping.value_marks = value.value_marks
            return mapping
        if isinstance(value, Seq):
            sequence = Seq(value.mark)
            sequence.extend(self.conceal(item) for item in value)
            sequence.item_marks = value.item_marks
            return sequence
        return value


def yaml_tags(vault: VaultSecrets | None = None) -> Tags:
    """What `yamlsource.load` needs for `!vault`, `!vault-encrypted` and `!unsafe`."""
    secrets = vault or VaultSecrets()

    def encrypted(text: str, mark: Mark) -> VaultValue:
        return VaultValue(text, mark, secrets.string)

    def unsafe(text: str, mark: Mark) -> Str:
        return Str(text, mark, unsafe=True)

    return {"!vault": encrypted, "!vault-encrypted": encrypted, "!unsafe": unsafe}
