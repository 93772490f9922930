"""What lookups may use of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provision.errors import Mark

__all__ = ["LookupContext"]


def _no_hosts(_pattern: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class LookupContext:
    """Ways out of a template.

    basedir       where relative paths begin when the task's variables name no folder
    select_hosts  the inventory's hosts that match a pattern
    decrypt       the text of a vault file's bytes; None when there are no secrets
    config        settings that `lookup('config', NAME)` may read
    """

    basedir: Path = field(default_factory=Path.cwd)
    select_hosts: Callable[[str], Sequence[str]] = _no_hosts
    decrypt: Callable[[bytes, Mark], bytes] | None = None
    config: Mapping[str, object] = field(default_factory=dict)
