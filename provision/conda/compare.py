"""Differences between two environments, for diffs, drift and reports.

The comparison itself is the hosts' (`provision.agent.condaset`), so that both ends agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from provision.agent import condaset
from provision.conda.lock import Lock

__all__ = ["Change", "Kind", "compare", "from_difference"]

Kind = Literal["missing", "extra", "version", "build", "source"]
_KINDS = ("missing", "extra", "version", "build", "source")


@dataclass(frozen=True, slots=True)
class Change:
    """`manager` is conda or pip. `before` and `after` are "version build"; None is absent."""

    kind: Kind
    manager: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        what = f"{self.manager} package {self.name}"
        if self.kind == "missing":
            return f"{what} {self.after} is missing"
        if self.kind == "extra":
            return f"{what} {self.before} is too much"
        return f"{what}: {self.before} instead of {self.after}"


def compare(
    observed: Mapping[str, Sequence[str]], wanted: Lock | Mapping[str, Any]
) -> list[Change]:
    """What must change for `observed` (a package set) to become what is wanted."""
    target = wanted.packages() if isinstance(wanted, Lock) else wanted
    found = (from_difference(item) for item in condaset.differences(observed, target))
    return [change for change in found if change is not None]


def from_difference(item: Mapping[str, Any]) -> Change | None:
    """A `Change` from an entry of a `conda_env` diff; None for entries about something else."""
    manager, colon, name = str(item.get("key", "")).partition(":")
    if not colon or manager not in ("conda", "pip") or item.get("kind") not in _KINDS:
        return None
    kind = cast(Kind, item["kind"])
    return Change(kind, manager, name, item.get("before"), item.get("after"))
