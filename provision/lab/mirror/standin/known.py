"""Which environments conda knows of."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .context import Context

__all__ = ["all_prefixes", "describe_prefixes"]


def all_prefixes(context: Context) -> list[Path]:
    """Base, what lies in the envs directories, and what environments.txt names; each once."""
    found = {context.root.resolve(): context.root}
    for folder in context.envs_dirs:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if (path / "conda-meta/history").is_file():
                found.setdefault(path.resolve(), path)
    registered = Path.home() / ".conda/environments.txt"
    for line in registered.read_text().splitlines() if registered.is_file() else []:
        path = Path(line.strip())
        if line.strip() and (path / "conda-meta/history").is_file():
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _time(path: Path) -> str | None:
    if not path.exists():
        return None
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def describe_prefixes(context: Context) -> dict[str, Any]:
    """What `conda env list --json` prints."""
    prefixes = all_prefixes(context)
    details = {
        str(prefix): {
            "name": context.name_of(prefix),
            "created": _time(prefix / "conda-meta/history"),
            "last_modified": _time(prefix / "conda-meta"),
            "active": os.environ.get("CONDA_PREFIX") == str(prefix),
            "base": prefix == context.root,
            "frozen": (prefix / "conda-meta/frozen").is_file(),
            "writable": os.access(prefix / "conda-meta/history", os.W_OK),
        }
        for prefix in prefixes
    }
    return {"envs": [str(prefix) for prefix in prefixes], "envs_details": details}
