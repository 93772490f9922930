"""Password hashes of /etc/shadow: SHA-256 and SHA-512 crypt, and bcrypt.

The SHA ones follow Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512" (public domain);
Python's own crypt module is gone since 3.13, and libcrypt is not everywhere.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["canonical", "fresh_salt", "hash_password"]

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IMPLICIT_ROUNDS = 5000  # the specification's own number, not written into the hash
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MIN_ROUNDS, _MAX_ROUNDS = 1000, 999_999_999


@dataclass(frozen=True, slots=True)
class _Sha:
    """`order`: the digest's bytes in threes, as they are encoded; `tail`: those left over.

    `rounds` is what is taken when none are asked for: passlib's numbers, as Ansible has them,
    so that the same salt gives the same hash.
    """

    ident: str
    rounds: int
    new: Callable[[bytes], Any]
    order: tuple[tuple[int, int, int], ...]
    tail: tuple[int, ...]


def _rotations(
    first: tuple[int, int, int], count: int, step: int
) -> tuple[tuple[int, int, int], ...]:
    """Byte numbers that go up by one while their places in the three go round."""
    a, b, c = first
    found = []
    for index in range(count):
        three = (a + index, b + index, c + index)
        turn = (index * step) % 3
        found.append((three[turn], three[(turn + 1) % 3], three[(turn + 2) % 3]))
    return tuple(found)


_KINDS = {
    "sha512": _Sha("6", 656_000, hashlib.sha512, _rotations((0, 21, 42), 21, 1), (63,)),
    "sha256": _Sha("5", 535_000, hashlib.sha256, _rotations((0, 10, 20), 10, 2), (31, 30)),
}
_ALIASES = {
    "sha512": "sha512",
    "sha512_crypt": "sha512",
    "sha256": "sha256",
    "sha256_crypt": "sha256",
    "blowfish": "bcrypt",
    "bcrypt": "bcrypt",
}


def canonical(kind: str) -> str:
    """The kind's own name. Raises ValueError for one that is not offered."""
    if kind not in _ALIASES:
        raise ValueError(
            f"{kind} is not in the list of supported passlib algorithms: sha512, sha256, bcrypt"
        )
    return _ALIASES[kind]


def fresh_salt(kind: str, size: int | None = None) -> str:
    length = size or (22 if kind == "bcrypt" else 16)
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def hash_password(
    password: str, kind: str, *, salt: str, rounds: int | None = None, ident: str | None = None
) -> str:
    """The hash with its salt. `rounds` is bcrypt's cost. Raises ValueError for a bad salt."""
    if kind == "bcrypt":
        return _bcrypt(password, salt, 12 if rounds is None else rounds, ident or "2b")
    if not 0 < len(salt) <= 16 or any(char not in _ALPHABET for char in salt):
        raise ValueError(f"Could not hash the secret: a salt has 1 to 16 characters of {_ALPHABET}")
    sha = _KINDS[kind]
    count = sha.rounds if rounds is None else rounds
    if not _MIN_ROUNDS <= count <= _MAX_ROUNDS:
        allowed = f"{_MIN_ROUNDS} to {_MAX_ROUNDS}"
        raise ValueError(f"Could not hash the secret: rounds are from {allowed}, not {count}")
    result = _sha_digest(sha, password.encode(), salt.encode(), count)
    written = "" if count == _IMPLICIT_ROUNDS else f"rounds={count}$"
    return f"${sha.ident}${written}{salt}${_encoded(sha, result)}"


def _bcrypt(password: str, salt: str, cost: int, ident: str) -> str:
    try:
        import bcrypt
    except ImportError as exc:
        raise ValueError("hashing with bcrypt needs the Python package bcrypt") from exc
    if len(salt) != 22 or any(char not in _BCRYPT_ALPHABET for char in salt):
        raise ValueError(f"bcrypt takes a salt of 22 characters of {_BCRYPT_ALPHABET}")
    # The last character carries only two bits; the others are cleared, as passlib does.
    last = _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(salt[21]) & 0x30]
    whole = f"${ident}${cost:02d}${salt[:21]}{last}"
    return bcrypt.hashpw(password.encode()[:72], whole.encode()).decode()


def _stretched(data: bytes, length: int) -> bytes:
    return (data * (length // len(data) + 1))[:length]


def _sha_digest(sha: _Sha, password: bytes, salt: bytes, rounds: int) -> bytes:
    new = sha.new
    other: bytes = new(password + salt + password).digest()
    start = new(password + salt + _stretched(other, len(password)))
    bits = len(password)
    while bits:
        start.update(other if bits & 1 else password)
        bits >>= 1
    state: bytes = start.digest()
    p_bytes = _stretched(new(password * len(password)).digest(), len(password)) if password else b""
    s_bytes = _stretched(new(salt * (16 + state[0])).digest(), len(salt))
    # What is hashed before and after the state depends on the round's number modulo 42 alone.
    plan = []
    for index in range(42):
        middle = (s_bytes if index % 3 else b"") + (p_bytes if index % 7 else b"")
        plan.append((p_bytes + middle, b"") if index & 1 else (b"", middle + p_bytes))
    for index in range(rounds):
        before, after = plan[index % 42]
        state = new(before + state + after).digest()
    return state


def _encoded(sha: _Sha, digest: bytes) -> str:
    parts = []
    for high, middle, low in sha.order:
        value = digest[high] << 16 | digest[middle] << 8 | digest[low]
        parts += [_ALPHABET[value >> shift & 63] for shift in (0, 6, 12, 18)]
    value = 0
    for number in sha.tail:
        value = value << 8 | digest[number]
    parts += [_ALPHABET[value >> 6 * index & 63] for index in range(len(sha.tail) + 1)]
    return "".join(parts)
