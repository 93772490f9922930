"""Ansible's vault formats 1.1 and 1.2: a header line and lines of hexadecimal digits.

Within the digits stand a salt, an HMAC-SHA256 and the text encrypted with AES-256 in counter
mode, keys and counter derived from the password by PBKDF2 with 10,000 rounds of SHA-256.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass

from provision.errors import Mark, VaultError

__all__ = ["HEADER", "Envelope", "open_envelope", "seal"]

HEADER = "$ANSIBLE_VAULT"
DEFAULT_ID = "default"
_ROUNDS = 10_000
_KEY = 32
_BLOCK = 16
_SALT = 32
_LINE = 80


@dataclass(frozen=True, slots=True)
class Envelope:
    """One encrypted text, parsed but not opened."""

    vault_id: str
    salt: bytes
    tag: bytes
    ciphertext: bytes

    @classmethod
    def parse(cls, text: str, where: Mark) -> Envelope:
        """Raises VaultError for a header or content that is none of ours."""
        header, _, body = text.strip().partition("\n")
        fields = [field.strip() for field in header.split(";")]
        if fields[0] != HEADER:
            raise VaultError("not encrypted by ansible-vault", mark=where)
        if len(fields) < 3 or fields[1] not in ("1.1", "1.2"):
            raise VaultError(f"unknown vault format {header.strip()!r}", mark=where)
        if fields[2] != "AES256":
            raise VaultError(f"unknown vault cipher {fields[2]!r}", mark=where)
        vault_id = fields[3] if fields[1] == "1.2" and len(fields) > 3 else DEFAULT_ID
        try:
            inner = binascii.unhexlify("".join(body.split()))
            salt, tag, ciphertext = (binascii.unhexlify(part) for part in inner.split(b"\n", 2))
        except (ValueError, binascii.Error) as exc:
            raise _damaged(where, str(exc)) from exc
        if not salt or len(tag) != _KEY or not ciphertext or len(ciphertext) % _BLOCK:
            raise _damaged(where, "it is not complete")
        return cls(vault_id, salt, tag, ciphertext)


def _damaged(where: Mark, why: str) -> VaultError:
    return VaultError(
        "the encrypted data is damaged", mark=where, why=why, hint="was it cut off or re-indented?"
    )


def _keys(password: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    derived = hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 2 * _KEY + _BLOCK)
    return derived[:_KEY], derived[_KEY : 2 * _KEY], derived[2 * _KEY :]


def _aes(key: bytes, counter: bytes, data: bytes) -> bytes:
    # 25 ms of import that only those pay who have secrets.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # Counter mode is its own inverse.
    worker = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return worker.update(data) + worker.finalize()


def open_envelope(envelope: Envelope, password: bytes, where: Mark) -> bytes | None:
    """The plain bytes; None when `password` does not fit."""
    key, mac_key, counter = _keys(password, envelope.salt)
    expected = hmac.digest(mac_key, envelope.ciphertext, "sha256")
    if not hmac.compare_digest(expected, envelope.tag):
        return None
    padded = _aes(key, counter, envelope.ciphertext)
    pad = padded[-1]
    if not 1 <= pad <= _BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise _damaged(where, "its padding is wrong")
    return padded[:-pad]


def seal(data: bytes, password: bytes, vault_id: str = DEFAULT_ID) -> str:
    """`data` encrypted, ending in a newline: format 1.1, or 1.2 when it has a vault id."""
    salt = os.urandom(_SALT)
    key, mac_key, counter = _keys(password, salt)
    pad = _BLOCK - len(data) % _BLOCK
    ciphertext = _aes(key, counter, data + bytes([pad]) * pad)
    tag = hmac.digest(mac_key, ciphertext, "sha256")
    inner = b"\n".join(part.hex().encode() for part in (salt, tag, ciphertext)).hex()
    header = f"{HEADER};1.1;AES256"
    if vault_id != DEFAULT_ID:
        header = f"{HEADER};1.2;AES256;{vault_id}"
    lines = [inner[start : start + _LINE] for start in range(0, len(inner), _LINE)]
    return "\n".join([header, *lines]) + "\n"
