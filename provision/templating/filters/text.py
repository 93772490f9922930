"""Filters on text."""

from __future__ import annotations

import base64
import shlex
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

__all__ = ["FILTERS"]

# Ansible's namespace for to_uuid: the same names give the same identifiers.
_NAMESPACE = uuid.UUID("361E6D51-FAEC-444A-9079-341386DA8E2E")


@dataclass(frozen=True, slots=True)
class _Style:
    decoration: str
    beginning: str = ""
    end: str = ""


_STYLES = {
    "plain": _Style("# "),
    "erlang": _Style("% "),
    "c": _Style("// "),
    "cblock": _Style(" * ", "/*", " */"),
    "xml": _Style(" - ", "<!--", "-->"),
}


def comment(
    text: object,
    style: str = "plain",
    *,
    beginning: str | None = None,
    decoration: str | None = None,
    prefix: str | None = None,
    prefix_count: int = 1,
    postfix: str | None = None,
    postfix_count: int = 1,
    end: str | None = None,
    newline: str = "\n",
) -> str:
    """The text as a comment of a language: framed, and each line decorated."""
    if style not in _STYLES:
        raise ValueError(f"Invalid style {style!r}; there are {', '.join(_STYLES)}")
    base = _STYLES[style]
    beginning = base.beginning if beginning is None else beginning
    end = base.end if end is None else end
    # A single-line style takes a decoration of its own into its frame, a block style keeps it.
    own = base.decoration if decoration is None else decoration
    frame = own.rstrip()
    above = frame if prefix is None else prefix
    # A prefix that is a line's end needs no other.
    before = above if above in ("", newline) else above + newline
    after = newline + (frame if postfix is None else postfix)
    body = str(text).replace(newline, f"{newline}{own}")
    # Only the lines before the last lose the white space of an empty comment.
    lines = (own + body).replace(f"{own}{newline}", f"{frame}{newline}")
    opening = beginning + newline if beginning else ""
    closing = newline + end if end else ""
    return opening + before * prefix_count + lines + after * postfix_count + closing


def quote(value: object) -> str:
    """The text as one word for a shell; None as an empty one."""
    return shlex.quote("" if value is None else str(value))


def split(value: str, separator: str | None = None, maximum: int = -1) -> list[str]:
    return value.split(separator, maximum)


def b64encode(value: object, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    data = value if isinstance(value, bytes) else str(value).encode(encoding)
    return (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(data).decode("ascii")


def b64decode(value: str | bytes, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    data = value if isinstance(value, bytes) else value.encode("ascii")
    decoded = (base64.urlsafe_b64decode if urlsafe else base64.b64decode)(data)
    return decoded.decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")


def to_uuid(value: object, namespace: object = _NAMESPACE) -> str:
    """The name's identifier: always the same one for the same name."""
    try:
        space = namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(str(namespace))
    except ValueError as exc:
        raise ValueError(f"Invalid value {namespace!r} for 'namespace': {exc}") from exc
    return str(uuid.uuid5(space, str(value)))


def url_parts(value: str, query: str = "") -> Any:
    """The parts of a URL as a mapping, or the one called `query`."""
    parts = urlsplit(value)
    table = {
        "fragment": parts.fragment,
        "hostname": parts.hostname,
        "netloc": parts.netloc,
        "password": parts.password,
        "path": parts.path,
        "port": parts.port,
        "query": parts.query,
        "scheme": parts.scheme,
        "username": parts.username,
    }
    if query and query not in table:
        raise ValueError(f"unknown part {query!r}; there are {', '.join(table)}")
    return table[query] if query else table


FILTERS: Mapping[str, Callable[..., Any]] = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "comment": comment,
    "quote": quote,
    "split": split,
    "to_uuid": to_uuid,
    "urldecode": lambda value: unquote_plus(str(value)),
    "urlsplit": url_parts,
}
