"""Passwords that are made once and kept in a file of the controller."""

from __future__ import annotations

import os
import random
import secrets
import string
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from provision.templating.filters.crypt import canonical, fresh_salt
from provision.templating.filters.hashes import hash_password
from provision.templating.lookups.call import Lookup, LookupCall, options_in

__all__ = ["LOOKUPS"]

_LOCK = threading.Lock()
_KEYS = ("length", "encrypt", "chars", "ident", "seed")
_CLASSES = {
    "ascii_letters": string.ascii_letters,
    "ascii_lowercase": string.ascii_lowercase,
    "ascii_uppercase": string.ascii_uppercase,
    "digits": string.digits,
    "hexdigits": string.hexdigits,
    "letters": string.ascii_letters,
    "octdigits": string.octdigits,
    "punctuation": string.punctuation,
    "whitespace": string.whitespace,
}


def _characters(chars: Any) -> str:
    names = chars if isinstance(chars, list) else str(chars).replace(",,", "\0").split(",")
    text = "".join(_CLASSES.get(name, name.replace("\0", ",")) for name in names if name)
    return text.replace('"', "").replace("'", "") if not isinstance(chars, list) else text


def _fresh(length: int, chars: Any, seed: Any) -> str:
    allowed = _characters(chars)
    source = secrets.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
    return "".join(source.choice(allowed) for _ in range(length))


def _parsed(content: str) -> tuple[str, str | None]:
    """The password and the salt that a file holds."""
    password, mark, salt = content.rstrip("\n").rpartition(" salt=")
    if not mark:
        return content.rstrip("\n"), None
    return password, salt.split(" ident=")[0]


def _kept(
    path: Path, length: int, chars: Any, seed: Any, kind: str | None
) -> tuple[str, str | None]:
    """The password in `path`, made there when there is none, with a salt when it is hashed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _LOCK:
        if not path.exists():
            made = _fresh(length, chars, seed)
            _write(path, _line(made, fresh_salt(kind) if kind else None), replace=False)
        password, salt = _parsed(path.read_text(encoding="utf-8"))
        if kind is not None and salt is None:
            salt = fresh_salt(kind)
            _write(path, _line(password, salt), replace=True)
    return password, salt


def _line(password: str, salt: str | None) -> str:
    return f"{password} salt={salt}\n" if salt else f"{password}\n"


def _write(path: Path, text: str, *, replace: bool) -> None:
    """The whole text or nothing; without `replace`, whoever came first has written it."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            staged.replace(path)
        else:
            with suppress(FileExistsError):
                path.hardlink_to(staged)
    finally:
        staged.unlink(missing_ok=True)


def password(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """`path length=20 chars=ascii_letters,digits encrypt=sha512_crypt`; /dev/null keeps none."""
    found: list[Any] = []
    for term in terms:
        name, inline = options_in(str(term), _KEYS)
        chosen: dict[str, Any] = {"length": 20, "chars": "ascii_letters,digits,.,:-_"}
        chosen |= {key: options[key] for key in _KEYS if options.get(key) is not None} | inline
        length, seed = int(chosen["length"]), chosen.get("seed")
        kind = canonical(str(chosen["encrypt"])) if chosen.get("encrypt") else None
        if name == "/dev/null":
            plain, salt = _fresh(length, chosen["chars"], seed), fresh_salt(kind) if kind else None
        else:
            path = Path(name).expanduser()
            path = path if path.is_absolute() else call.context.basedir / path
            plain, salt = _kept(path, length, chosen["chars"], seed, kind)
        found.append(hash_password(plain, kind, salt) if kind else plain)
    return found


LOOKUPS: Mapping[str, Lookup] = {"password": password}
