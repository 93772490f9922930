"""Jump hosts: one connection to each, shared by all hosts behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provision.errors import ConnectFailed, Unreachable
from provision.transport.base import Target
from provision.transport.refusal import hung, refused
from provision.transport.route import Route

if TYPE_CHECKING:
    from provision.transport.ssh import SshConnection

__all__ = ["Gateways"]


class Gateways:
    """`connect` makes a connection to a jump host. Threads may share it."""

    def __init__(self, connect: Callable[[Target, Route], SshConnection]) -> None:
        self._connect = connect
        self._made: dict[tuple[Route, ...], Future[SshConnection]] = {}
        self._lock = threading.Lock()

    def stream(self, route: Route) -> Any:
        """What serves as a socket to the host behind `route.jumps`. Raises Unreachable."""
        gateway = self._last(route)
        try:
            return _through(gateway, route)
        except ConnectFailed:
            if gateway.wire.is_active():
                raise
        return _through(self._last(route), route)  # the shared one had died unnoticed

    def _last(self, route: Route) -> SshConnection:
        """The connection to the last jump host. Who comes first makes it, others wait."""
        jumps = route.jumps
        with self._lock:
            future = self._made.get(jumps)
            dead = future.result() if future is not None and future.done() else None
            if dead is not None and dead.wire.is_active():
                dead = None
            mine = future is None or dead is not None
            if future is None or mine:
                future = self._made[jumps] = Future()
        if dead is not None:
            dead.close()
        if mine:
            self._make(jumps, future)
        try:
            return future.result()
        except Unreachable as exc:
            raise _of_host(exc, route) from exc

    def _make(self, jumps: tuple[Route, ...], future: Future[SshConnection]) -> None:
        try:
            connection = self._connect(
                Target(host=jumps[-1].name), replace(jumps[-1], jumps=jumps[:-1])
            )
            connection.ready()
        except BaseException as exc:
            with self._lock:
                del self._made[jumps]
            future.set_exception(exc)
        else:
            future.set_result(connection)


def _through(gateway: SshConnection, route: Route) -> Any:
    import paramiko

    what = f"the jump host {gateway.route.place} cannot reach {route.place}"
    limit = route.connect_timeout_s
    try:
        return gateway.wire.open_channel(
            "direct-tcpip", (route.host, route.port), ("127.0.0.1", 0), timeout=limit
        )
    except paramiko.ChannelException as exc:
        raise refused(route, "jump host", what, exc.text, transient=exc.code == 2) from exc
    except (paramiko.SSHException, EOFError, OSError) as exc:
        if gateway.wire.is_active():
            raise hung(route, f"through {gateway.route.place}", limit) from exc
        raise refused(route, "jump host", what, str(exc), transient=True) from exc


def _of_host(exc: Unreachable, route: Route) -> Unreachable:
    """The failure of a jump host as that of the host behind it."""
    error = type(exc)(
        f"through {exc.host}: {exc.what}", host=route.name, why=exc.why, hint=exc.hint
    )
    if isinstance(error, ConnectFailed) and isinstance(exc, ConnectFailed):
        error.phase, error.transient = exc.phase, exc.transient
    return error
