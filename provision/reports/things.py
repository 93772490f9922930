"""What a result says differs: one name for each thing, for drift and for counting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from provision.engine.events import TaskResult

__all__ = ["differing", "impersonal", "things"]

_PERSONAL = re.compile(r"(?<![\w.-])[\w.-]+:\d+\b|(?<=SHA256:)[\w+/=]+")


def impersonal(text: str, host: str) -> str:
    """Why a host cannot be reached, without its own name, address and key: thirty hosts behind
    one dead switch have one thing to say."""
    return _PERSONAL.sub("…", text.replace(host, "…"))


def things(diff: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of what differs. Something that is missing, or there although it should not be, is
    one thing, whatever else a diff says of it."""
    entries = list(diff)
    for entry in entries:
        if entry.get("key") == "state":
            if entry.get("before") is None:
                return ["missing"]
            if entry.get("after") is None:
                return ["should not be there"]
    return list(dict.fromkeys(str(entry.get("key", "")) for entry in entries))


def differing(result: TaskResult) -> list[str]:
    """Names of what differs in a changed result, never none."""
    if not result.items:
        return things(result.diff) or [result.msg or "differs"]
    named = []
    for item in result.items:
        if item.status == "changed":
            named += [f"{item.label} {thing}" for thing in things(item.diff)] or [item.label]
    return named or ["differs"]
