"""The options of a run as they are kept: those that were used, without secrets."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["arguments_of"]

_KEPT = (
    "inventories limit tags skip_tags start_at_task check forks become become_user become_method "
    "user private_key connection host_timeout task_timeout force_handlers vault_password_files "
    "vault_ids accepted fix fix_of extra_vars"
)
_USUAL = {"forks": 50, "task_timeout": 1800.0}
_SECRET = re.compile(r"pass|secret|token|key|cred|auth|private|pin\b", re.IGNORECASE)
_MASK = "***"


def arguments_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """For the history: plain values by option."""
    kept: dict[str, Any] = {}
    for name in _KEPT.split():
        value = given.get(name)
        if value in (None, False, "", ()) or _USUAL.get(name) == value:
            continue
        if name == "extra_vars":
            value = [_masked(text) for text in value]
        kept[name] = _plain(value)
    return kept


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _masked(text: str) -> str:
    """`-e` as it was written, values whose names speak of secrets aside."""
    if text.startswith("@"):
        return text
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.dumps(_hidden(json.loads(text)))
        except ValueError:
            return _MASK
    try:
        words = shlex.split(text)
    except ValueError:
        return _MASK
    told = []
    for word in words:
        name, equals, _ = word.partition("=")
        told.append(f"{name}={_MASK}" if equals and _SECRET.search(name) else word)
    return " ".join(told)


def _hidden(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _hidden(part, str(key)) for key, part in value.items()}
    if _SECRET.search(name):
        return _MASK
    if isinstance(value, list):
        return [_hidden(part) for part in value]
    return value
