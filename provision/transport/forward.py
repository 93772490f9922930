"""Port forwards through a connection, both ways.

with forward(connection, 0, "127.0.0.1", 8888) as tunnel:
    ...  # 127.0.0.1:tunnel.port here is port 8888 there
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from provision.errors import ChannelLost, InputError

if TYPE_CHECKING:
    from provision.transport.ssh import SshConnection

__all__ = ["Tunnel", "forward", "reverse"]

_PIECE = 64 * 1024


class Tunnel:
    """Listens until closed. `port` is the one that was chosen when 0 was asked for."""

    def __init__(self, port: int, stop: Callable[[], None]) -> None:
        self.port = port
        self._stop = stop
        self._ends: set[Any] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the listening and what goes through it."""
        with self._lock:
            self._closed = True
            ends, self._ends = self._ends, set()
        self._stop()
        for end in ends:
            _end(end)

    def join(self, one: Any, other: Any) -> None:
        """Carries bytes both ways until both sides have ended. Takes the two over."""
        with self._lock:
            if not self._closed:
                self._ends |= {one, other}
        if self._closed:
            _end(one)
            _end(other)
            return
        back = threading.Thread(target=_copy, args=(other, one), name="tunnel", daemon=True)
        back.start()
        _copy(one, other)
        back.join()
        with self._lock:
            self._ends -= {one, other}
        _end(one)
        _end(other)


def _end(end: Any) -> None:
    with contextlib.suppress(OSError, EOFError):
        if isinstance(end, socket.socket):
            end.shutdown(socket.SHUT_RDWR)
    end.close()


def _copy(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError, EOFError):
        while data := source.recv(_PIECE):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def forward(
    connection: SshConnection,
    local_port: int,
    remote_host: str,
    remote_port: int,
    *,
    local_host: str = "127.0.0.1",
) -> Tunnel:
    """Connections to a port here come out on the host. 0: any free port.

    Raises InputError when the port here cannot be had, Unreachable without a login.
    """
    connection.ready()
    try:
        listener = socket.create_server((local_host, local_port))
    except OSError as exc:
        raise InputError(
            f"cannot listen on {local_host}:{local_port}",
            why=exc.strerror or str(exc),
            hint="choose another port, or 0 for any",
        ) from exc

    def stop() -> None:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        listener.close()

    tunnel = Tunnel(listener.getsockname()[1], stop)

    def carry(client: socket.socket, origin: tuple[str, int]) -> None:
        try:
            channel = connection.wire.open_channel(
                "direct-tcpip", (remote_host, remote_port), origin, timeout=30
            )
        except Exception:  # whatever it is, this one client is not served
            client.close()
            return
        tunnel.join(client, channel)

    def accept() -> None:
        while True:
            try:
                client, origin = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=carry, args=(client, origin[:2]), name="tunnel", daemon=True
            ).start()

    threading.Thread(target=accept, name="tunnel", daemon=True).start()
    return tunnel


def reverse(
    connection: SshConnection,
    remote_port: int,
    local_host: str,
    local_port: int,
    *,
    remote_host: str = "127.0.0.1",
) -> Tunnel:
    """Connections to a port on the host come out here. 0: any free port there.

    One at a time for each connection. Raises ChannelLost when the host refuses.
    """
    connection.ready()
    wire = connection.wire

    def carry(channel: Any, _origin: object, _at: object) -> None:
        def run() -> None:
            try:
                client = socket.create_connection((local_host, local_port), 30)
            except OSError:
                channel.close()
                return
            client.settimeout(None)
            tunnel.join(channel, client)

        threading.Thread(target=run, name="tunnel", daemon=True).start()

    def stop() -> None:
        with contextlib.suppress(Exception):  # the connection may be gone, and with it the port
            wire.cancel_port_forward(remote_host, tunnel.port)

    tunnel = Tunnel(remote_port, stop)
    try:
        tunnel.port = wire.request_port_forward(remote_host, remote_port, carry)
    except Exception as exc:
        raise ChannelLost(
            f"the host does not listen on {remote_host}:{remote_port} for us",
            host=connection.target.host,
            why=str(exc),
            hint="AllowTcpForwarding must be on, and the port free there",
        ) from exc
    return tunnel
