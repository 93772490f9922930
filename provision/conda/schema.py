"""The JSON Schema of a lock."""

from __future__ import annotations

from typing import Any

from provision.conda.lock import FORMAT, VERSION

__all__ = ["lock_schema"]

_HEX64 = "^[0-9a-f]{64}$"


def _text(pattern: str = "") -> dict[str, Any]:
    return {"type": "string", "pattern": pattern} if pattern else {"type": "string"}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **optional},
    }


def lock_schema() -> dict[str, Any]:
    """For editors and for other tools that read locks."""
    names = {key: _text() for key in ("name", "version")}
    conda = _object(
        {**names, **{key: _text() for key in ("build", "channel", "subdir", "url")}},
        {
            "sha256": _text(_HEX64),
            "md5": _text("^[0-9a-f]{32}$"),
            "size": {"type": "integer", "minimum": 0},
            "depends": _list(_text()),
        },
    )
    pip = _object(
        names,
        {
            "hashes": _list(_text("^[a-z0-9]+:[0-9a-f]+$")),
            "file": _text(),
            "url": _text(),
            "size": {"type": "integer", "minimum": 0},
            "direct": _text(),
            "sha256": _text(_HEX64),
        },
    )
    whole = _object(
        {
            "format": {"const": FORMAT},
            "version": {"const": VERSION},
            "content": _text(_HEX64),
            "asked": _text(_HEX64),
            "platform": _text(),
            "virtual_packages": _list(_text("^__")),
            "channels": _list(_text()),
            "channel_priority": {"enum": ["strict", "flexible", "disabled"]},
            "conda": _list(conda),
            "pip": _list(pip),
        },
        {
            "indexes": _list(_text()),
            "pip_consistent": {"type": "boolean"},
            "requested": _list(_text()),
            "requested_pip": _list(_text()),
            "variables": {"type": "object", "additionalProperties": _text()},
        },
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lock of a conda environment",
        **whole,
    }
