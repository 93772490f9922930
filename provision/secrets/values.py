"""Values that are secret and know it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provision.errors import Mark
from provision.yamlsource import Str

__all__ = ["MASK", "SecretStr", "VaultValue", "reveal"]

MASK = "********"


class SecretStr(Str):
    """A decrypted string. It behaves as a str; only its `repr` hides it, and a `Redactor`
    masks it whatever its length. What is built from it is a plain string again, which is why
    output goes through a `Redactor` too."""

    __slots__ = ()

    def __new__(cls, value: str, mark: Mark | None = None, unsafe: bool = False) -> SecretStr:
        self = super().__new__(cls, value, mark, unsafe)
        assert isinstance(self, SecretStr)
        return self

    def __repr__(self) -> str:
        return repr(MASK)


class VaultValue:
    """A `!vault` value of a YAML file, decrypted when it is first asked for.

    So an inventory whose secrets are not needed loads without their password.
    """

    __slots__ = ("_decrypt", "_value", "ciphertext", "mark")

    def __init__(
        self, ciphertext: str, mark: Mark, decrypt: Callable[[str, Mark], SecretStr]
    ) -> None:
        self.ciphertext = ciphertext
        self.mark = mark
        self._decrypt = decrypt
        self._value: SecretStr | None = None

    def reveal(self) -> SecretStr:
        """The decrypted string. It is not a template, whatever it contains, as in Ansible.

        Raises VaultError without the right password, and for damaged data.
        """
        if self._value is None:
            self._value = self._decrypt(self.ciphertext, self.mark)
        return self._value

    def __str__(self) -> str:
        """The secret: a mask that got into a rendered file would be worse than an error."""
        return str.__str__(self.reveal())

    def __repr__(self) -> str:
        return f"VaultValue({self.mark})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, VaultValue):
            return self.ciphertext == other.ciphertext
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.ciphertext)


def reveal(value: Any) -> Any:
    """`value` with every VaultValue in it decrypted; the same object when there is none."""
    if isinstance(value, VaultValue):
        return value.reveal()
    if isinstance(value, dict):
        items = {key: reveal(item) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in items) else value
    if isinstance(value, list):
        listed = [reveal(item) for item in value]
        return listed if any(a is not b for a, b in zip(listed, value, strict=True)) else value
    return value
