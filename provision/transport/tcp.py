"""The byte stream beneath SSH: a TCP connection, or a program that makes one."""

from __future__ import annotations

import errno
import os
import select
import socket
import subprocess
import tempfile
import threading
import time
from typing import IO

from provision.transport.refusal import hung, refused
from provision.transport.route import Route

__all__ = ["Dialled", "ProxyProgram", "dial_numeric", "open_tcp", "tune"]

_STAGGER_S = 0.25  # RFC 8305: how long one address may take before the next is tried as well
_UNACKNOWLEDGED_S = 60  # how long the peer's kernel may leave what we sent unanswered
_PASSING = frozenset(
    {errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EAGAIN, errno.ENETDOWN}
)


def tune(sock: socket.socket, route: Route) -> None:
    """No waiting for acknowledgements, and dead peers found by the kernel."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    limit_s = route.alive_interval_s * max(1, route.alive_count_max) or _UNACKNOWLEDGED_S
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_s * 1000)


def _begin(family: int, address: tuple[object, ...], route: Route) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if route.bind_address:
            sock.bind((route.bind_address, 0))
        code = sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


class Dialled:
    """TCP connections under way to the addresses of a host; the first to stand wins."""

    def __init__(self, route: Route, addresses: list[tuple[int, tuple[object, ...]]]) -> None:
        self._route = route
        self._waiting = addresses
        self._pending: dict[int, socket.socket] = {}
        self._error: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
        self._next()

    def _next(self) -> None:
        while self._waiting:
            family, address = self._waiting.pop(0)
            try:
                sock = _begin(family, address, self._route)
            except OSError as exc:
                self._error = exc
                continue
            self._pending[sock.fileno()] = sock
            return

    def wait(self, deadline: float, cut: threading.Event) -> socket.socket:
        """The connected socket. Raises OSError, TimeoutError after `deadline` or when cut."""
        try:
            while self._pending:
                until = min(deadline, time.monotonic() + _STAGGER_S)
                if (sock := self._ready(until)) is not None:
                    return sock
                if cut.is_set() or time.monotonic() >= deadline:
                    raise TimeoutError
                self._next()
            raise self._error
        finally:
            self.close()

    def _ready(self, until: float) -> socket.socket | None:
        poll = select.poll()
        for fd in self._pending:
            poll.register(fd, select.POLLOUT)
        for fd, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000):
            sock = self._pending.pop(fd)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return sock
            sock.close()
            self._error = OSError(code, os.strerror(code))
        return None

    def close(self) -> None:
        """Gives up what is still under way."""
        pending, self._pending = self._pending, {}
        for sock in pending.values():
            sock.close()


def dial_numeric(route: Route) -> Dialled | None:
    """Begins to connect, without waiting, when the host is an address; else None."""
    try:
        found = socket.getaddrinfo(
            route.host, route.port, route.family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        return None
    return Dialled(route, [(family, address) for family, _, _, _, address in found])


def open_tcp(
    route: Route, deadline: float, early: Dialled | None, cut: threading.Event
) -> socket.socket:
    """A connected, tuned socket; `early` may be on its way to one. Raises ConnectFailed."""
    try:
        if early is None:
            found = socket.getaddrinfo(route.host, route.port, route.family, socket.SOCK_STREAM)
            early = Dialled(route, [(family, address) for family, _, _, _, address in found])
        sock = early.wait(deadline, cut)
        tune(sock, route)
    except socket.gaierror as exc:
        again = exc.errno == socket.EAI_AGAIN
        raise refused(
            route,
            "name resolution",
            f"the name {route.host} cannot be resolved",
            exc.strerror or str(exc),
            hint="check ansible_host, ~/.ssh/config or the name server",
            transient=again,
        ) from exc
    except TimeoutError as exc:
        raise hung(route, "TCP connection", route.connect_timeout_s) from exc
    except OSError as exc:
        raise refused(
            route,
            "TCP connection",
            f"no connection to {route.place}",
            exc.strerror or str(exc),
            hint="is the host up, and does sshd listen on that port?",
            transient=exc.errno in _PASSING,
        ) from exc
    return sock


class ProxyProgram:
    """ProxyCommand: a program whose input and output are the stream."""

    def __init__(self, route: Route) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", "exec " + route.proxy_command],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._said,
                start_new_session=True,
            )
        self.sock = ours

    def complaint(self) -> str:
        """What it wrote to standard error, its last lines."""
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode("utf-8", "replace").split("\n")
        return " · ".join(line.strip() for line in lines[-4:] if line.strip())

    def close(self) -> None:
        self.sock.close()
        self._process.terminate()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()
