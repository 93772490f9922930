"""Notices: the same one about several hosts is told once."""

from __future__ import annotations

from collections.abc import Iterator

from provision.engine.events import Notice

__all__ = ["Notices"]

_HOLD_S = 1.0


class Notices:
    """Holds notices that name a host for a moment, since others may have the same to say."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[Notice, float, list[str]]] = {}

    def add(self, notice: Notice, now: float) -> None:
        key = (notice.level, notice.msg)
        hosts = self._held.setdefault(key, (notice, now, []))[2]
        if notice.host and notice.host not in hosts:
            hosts.append(notice.host)

    def due(self, now: float, *, everything: bool = False) -> Iterator[tuple[Notice, list[str]]]:
        """Takes out what is to be told now, with the hosts it is about."""
        for key, (notice, since, hosts) in list(self._held.items()):
            if everything or not hosts or now - since >= _HOLD_S:
                del self._held[key]
                yield notice, hosts
