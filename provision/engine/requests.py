"""What a host's program asks of the scheduler when it must wait for other hosts."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["AFTER", "LAST", "Once", "Place", "Program", "Request", "Share", "Sync"]

#: A place among all that a play does, in the order in which it is done: the number of the
#: section, a task's order, and 0 before it or AFTER it; between them, for an include, the number
#: of the turn and then the same again for what it has brought.
Place = tuple[int, ...]

AFTER = 1 << 60
LAST = 1 << 60  # behind every task of a section


@dataclass(frozen=True, slots=True)
class Sync:
    """Waits until every other host has arrived, too. `place` tells whose place is earlier."""

    place: Place


@dataclass(frozen=True, slots=True)
class Once:
    """A task for one host of all: answered with None for the leader, else its `Share`."""

    place: Place


@dataclass(frozen=True, slots=True)
class Share:
    """The leader's result of a `Once`."""

    place: Place
    result: Mapping[str, Any] | None
    failed: bool = False
    facts: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] | None = None


Request = Sync | Once | Share
Program = Generator[Request, Any, None]
