"""One connection being made: stream, banner, keys, host key, first request to log in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.errors import ConnectFailed
from provision.transport.gateways import Gateways
from provision.transport.hostkeys import HostKeys
from provision.transport.keys import KeyRing
from provision.transport.login import Login, handshake
from provision.transport.refusal import refused
from provision.transport.route import Route
from provision.transport.tcp import Dialled, ProxyProgram, open_tcp

if TYPE_CHECKING:
    from provision.transport.wire import Wire

__all__ = ["Opening", "Shared"]


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of one connector have in common."""

    keys: KeyRing
    host_keys: HostKeys
    gateways: Gateways
    dialled: Callable[[Route], Dialled | None]  # takes what was begun beforehand


class Opening:
    """`cut` ends it, or the connection it has made, from any thread."""

    def __init__(self, route: Route, shared: Shared, forget: Callable[[Opening], None]) -> None:
        self._route = route
        self._shared = shared
        self._forget = forget
        self._program: ProxyProgram | None = None
        self._wire: Wire | None = None
        self._cut = threading.Event()
        self.login: Login

    def run(self) -> Wire:
        """Raises Unreachable."""
        from provision.transport.wire import Wire

        route = self._route
        try:
            self._wire = wire = Wire(self._stream(), route.name)
            self._go_on()
            self.login = Login(wire, route, self._shared.keys)
            handshake(wire, route, self._shared.host_keys)
            self.login.begin()
        except BaseException as exc:
            closed = self._cut.is_set()
            if self._program is not None and isinstance(exc, ConnectFailed):
                exc.why = self._program.complaint() or exc.why
            self.cut()
            if closed and isinstance(exc, ConnectFailed):
                raise _closed(route) from exc
            raise
        if route.alive_interval_s:
            wire.set_keepalive(route.alive_interval_s)
        return wire

    def _go_on(self) -> None:
        if self._cut.is_set():
            raise _closed(self._route)

    def _stream(self) -> Any:
        self._go_on()
        route = self._route
        if route.proxy_command:
            self._program = ProxyProgram(route)
            return self._program.sock
        if route.jumps:
            return self._shared.gateways.stream(route)
        deadline = time.monotonic() + route.connect_timeout_s
        return open_tcp(route, deadline, self._shared.dialled(route), self._cut)

    def cut(self) -> None:
        """Ends it. Nothing of it is left."""
        self._cut.set()
        if self._wire is not None:
            self._wire.close()
        if self._program is not None:
            self._program.close()
        self._forget(self)


def _closed(route: Route) -> ConnectFailed:
    return refused(route, "closing", f"{route.place}: connecting was given up")
