"""One file for each action; found by name, imported when a playbook names it."""

from __future__ import annotations

import importlib
from functools import cache, lru_cache
from pathlib import Path

from provision.actions.base import Action

__all__ = ["action", "all_names", "canonical_name", "known_names"]

_PREFIXES = ("ansible.builtin.", "ansible.legacy.", "ansible.posix.", "community.general.")

#: Second names, to the file that holds the action.
_ALIASES = {
    "systemd_service": "systemd",
    "gather_facts": "setup",
    "yum": "dnf",
    "ansible.builtin.yum": "dnf",
}

_INFRASTRUCTURE = {"__init__", "args", "base", "common", "docs", "names"}


@lru_cache(maxsize=1)
def _files() -> dict[str, str]:
    folder = Path(__file__).parent
    names = (path.stem for path in sorted(folder.glob("*.py")))
    # `import`, `assert` and the like cannot be module names: they end in an underscore
    return {name.rstrip("_"): name for name in names if name not in _INFRASTRUCTURE}


def ACTION_FILES() -> tuple[str, ...]:
    return tuple(_files())


def canonical_name(name: str) -> str | None:
    """The action that `name` means, None when there is none."""
    short = name
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            short = name[len(prefix) :]
            break
    short = _ALIASES.get(short, short)
    return short if short in _files() else None


def known_names() -> tuple[str, ...]:
    """Every short name, for hints."""
    return (*_files(), *(alias for alias in _ALIASES if "." not in alias))


@cache
def action(name: str) -> Action:
    """The action of a canonical name. Raises LookupError."""
    files = _files()
    if name not in files:
        raise LookupError(name)
    module = importlib.import_module(f"provision.actions.{files[name]}")
    made: Action = module.ACTION
    return made
