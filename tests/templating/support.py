"""Building scopes from YAML text, as the program does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provision.templating import Scope, Templar
from provision.yamlsource import load

__all__ = ["plain", "scope_of", "yaml_file"]


def scope_of(text: str = "", *, templar: Templar | None = None, file: str = "vars.yml") -> Scope:
    return Scope([load(text, file) or {}], templar=templar or Templar())


def yaml_file(path: Path, text: str) -> Any:
    """The content of a YAML file just written there; marks lead to real lines."""
    path.write_text(text, encoding="utf-8")
    return load(text, str(path))


def plain(value: Any) -> Any:
    """Without the types that remember places, so that `repr` shows types alone."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
