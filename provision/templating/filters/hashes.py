"""Filters that hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from provision.templating.filters import crypt

__all__ = ["FILTERS", "hash_password"]


def digest(value: object, hashtype: str = "sha1") -> str:
    try:
        state = hashlib.new(hashtype, usedforsecurity=False)
    except ValueError as exc:
        raise ValueError(f"unsupported hash type {hashtype}") from exc
    state.update(
        value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    )
    return state.hexdigest()


@lru_cache(256)
def _remembered(password: str, kind: str, salt: str, rounds: int | None, ident: str | None) -> str:
    """The same password is often hashed for every host of a group, with the same salt."""
    return crypt.hash_password(password, kind, salt=salt, rounds=rounds, ident=ident)


def hash_password(
    password: object,
    hashtype: str = "sha512",
    salt: str | None = None,
    salt_size: int | None = None,
    rounds: int | None = None,
    ident: str | None = None,
) -> str:
    """A hash for /etc/shadow. Without `salt` a fresh one each time."""
    if password is None or isinstance(password, (dict, list)):
        raise TypeError("the password must be text")
    if salt_size is not None and not isinstance(salt_size, int):
        raise TypeError(f"salt_size must be an integer, not {salt_size!r}")
    kind = crypt.canonical(hashtype)
    chosen = crypt.fresh_salt(kind, salt_size) if salt is None else str(salt)
    count = None if rounds is None else int(rounds)
    return _remembered(str(password), kind, chosen, count, ident)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "checksum": digest,
    "hash": digest,
    "md5": lambda value: digest(value, "md5"),
    "password_hash": hash_password,
    "sha1": lambda value: digest(value, "sha1"),
}
