"""Masks every registered secret in whatever is about to be printed or stored.

A secret is found as it is and in the forms programs give it: URL-encoded, base64 (also in the
middle of something longer, such as a Basic authorization header), escaped as JSON, HTML,
Python or shell text, and line by line when it has several.

Not masked inside other text: secrets shorter than four characters and a few everyday words
("true", "root", "localhost"). They would blot out half of every report and hide nothing.
A `SecretStr` or `VaultValue` on its own is masked by `redact_value` whatever it contains.
"""

from __future__ import annotations

import base64
import html
import json
import shlex
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from provision.secrets.values import MASK, SecretStr, VaultValue

__all__ = ["MASK", "SHORTEST", "Redactor"]

SHORTEST = 4  # characters; see the module's docstring
_SHORTEST_INSIDE = 6  # of base64 from the middle of something longer
_EVERYDAY = frozenset({
    "127.0.0.1", "absent", "admin", "default", "disabled", "enabled", "false", "http", "https",
    "latest", "localhost", "none", "null", "present", "root", "started", "stopped", "true",
})  # fmt: skip


def _base64_forms(data: bytes) -> Iterator[str]:
    """Base64 of `data` alone, and its part that does not depend on what stands around it."""
    for alphabet in (b"+/", b"-_"):
        yield base64.b64encode(data, alphabet).decode().rstrip("=")
        for shift in range(3):
            # `shift` bytes before it spoil that many leading digits; a last digit that is not
            # all its own is spoiled by what follows.
            spoiled = (0, 2, 3)[shift]
            coded = base64.b64encode(b"\0" * shift + data, alphabet).decode()
            own = coded[spoiled : (shift + len(data)) * 8 // 6]
            if len(own) >= _SHORTEST_INSIDE:
                yield own


def _pieces(secret: str) -> Iterator[str]:
    """The secret and, if it has several lines, each that could give it away."""
    yield secret
    yield secret.strip()
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in map(str.strip, lines):
            # The frame of a key file is no secret.
            if not line.startswith("-----") and any(char.isalnum() for char in line):
                yield line


def _forms(secret: str) -> Iterator[str]:
    for piece in _pieces(secret):
        yield piece
        yield quote(piece, safe="")
        yield quote(piece)
        yield quote_plus(piece)
        yield json.dumps(piece)[1:-1]
        yield json.dumps(piece, ensure_ascii=False)[1:-1]
        yield html.escape(piece)
        yield str.__repr__(str(piece))[1:-1]
        yield shlex.quote(piece).strip("'")
        yield from _base64_forms(piece.encode("utf-8", "surrogateescape"))


class Redactor:
    """Knows secrets and masks them. May be used by several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        # All forms by their first characters. Looking up each position of a text here is
        # faster than one expression with thousands of alternatives, and costs no compiling
        # when the next host's password turns up in the middle of a run.
        self._forms: dict[str, tuple[str, ...]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Mask `secret` from now on, if it is long enough and no everyday word."""
        with self._lock:
            for form in _forms(str(secret)):
                word = form.strip().lower()
                if len(form) >= SHORTEST and word and word not in _EVERYDAY:
                    known = self._forms.get(form[:SHORTEST], ())
                    if form not in known:
                        self._forms[form[:SHORTEST]] = (*known, form)

    def redact(self, text: str) -> str:
        """`text` with each secret replaced by MASK; the same object if there is none.

        Secrets that overlap or touch are masked as one.
        """
        spans = self._spans(text) if self._forms else []
        if not spans:
            return text
        parts = []
        end = 0
        for first, last in spans:
            parts += [text[end:first], MASK]
            end = last
        return "".join([*parts, text[end:]])

    def _spans(self, text: str) -> list[tuple[int, int]]:
        forms = self._forms
        spans: list[tuple[int, int]] = []
        places = range(len(text) - SHORTEST + 1)
        for first in [at for at in places if text[at : at + SHORTEST] in forms]:
            found = [len(form) for form in forms[text[first : first + SHORTEST]]
                     if text.startswith(form, first)]  # fmt: skip
            if not found:
                continue
            last = first + max(found)
            if spans and first <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
            else:
                spans.append((first, last))
        return spans

    def redact_value(self, value: Any) -> Any:
        """`redact` for every string in nested dicts, lists and tuples, keys included.

        The same object comes back when nothing in it was secret. Other types are left alone.
        """
        if isinstance(value, SecretStr | VaultValue):
            return MASK
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            items = [
                (self.redact_value(key), self.redact_value(item)) for key, item in value.items()
            ]
            same = all(
                key is old and item is value[old]
                for (key, item), old in zip(items, value, strict=True)
            )
            return value if same else dict(items)
        if isinstance(value, list | tuple):
            listed = [self.redact_value(item) for item in value]
            if all(new is old for new, old in zip(listed, value, strict=True)):
                return value
            return tuple(listed) if isinstance(value, tuple) else listed
        return value
