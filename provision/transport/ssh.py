"""Connections over SSH, on Fabric and Paramiko.

`SshConnector.connect` returns when the host's key is verified and the first authentication
request is on its way; the first program and its first input follow without waiting for the
answer. Whatever goes wrong there is raised by the channel's next call. From the connection
request to the program's first word that is four round trips, where asking and waiting needs
eight.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import ChannelLost, ConnectFailed, Unreachable
from provision.transport.base import Target
from provision.transport.hostkeys import HostKeys
from provision.transport.keys import KeyRing
from provision.transport.login import Login, handshake
from provision.transport.refusal import hung, refused
from provision.transport.route import Route, resolve
from provision.transport.sshargs import parse_ssh_args
from provision.transport.sshchannel import SshChannel
from provision.transport.sshconfig import SYSTEM_CONFIG, USER_CONFIG, SshConfig
from provision.transport.tcp import Dialled, ProxyProgram, dial_numeric, open_tcp

if TYPE_CHECKING:
    import fabric

    from provision.transport.wire import Wire

__all__ = ["SshConnection", "SshConnector", "prefetch_imports"]


def prefetch_imports() -> None:
    """Imports what connecting needs (0.3 s); call it from a thread while files are read."""
    importlib.import_module("fabric")
    importlib.import_module("provision.transport.wire")


class SshConnection:
    """One session. Two threads may start channels at once; each channel belongs to one."""

    def __init__(
        self,
        target: Target,
        route: Route,
        fabric: fabric.Connection,
        login: Login,
        release: Callable[[], None],
    ) -> None:
        self.target = target
        self.route = route
        self.fabric = fabric  # for its file transfers and helpers; `ready` comes first
        self.wire: Wire = fabric.transport
        self._login = login
        self._release = release
        self._lock = threading.Lock()
        self._first = True

    def start(self, command: str) -> SshChannel:
        with self._lock:
            early = self._first and self._login.pending and self.wire.pipelines
            self._first = False
            if early:
                return SshChannel(self, command, self.wire.open_pipe(command, early=True))
        self.ready()
        return SshChannel(self, command, None)

    def ready(self) -> None:
        try:
            self._login.finish()
        except Unreachable:
            self.close()
            raise

    @property
    def first_try(self) -> bool:
        """Whether the first authentication request was the one granted."""
        return self._login.first_try

    def lost(self, doing: str) -> ChannelLost:
        """The error for a session that ended while `doing` something."""
        cause = self.wire.disconnected or str(self.wire.get_exception() or "").strip()
        return ChannelLost(
            f"the connection to {self.route.place} broke while {doing}",
            host=self.route.name,
            why=cause or "it was closed",
        )

    def close(self) -> None:
        self._release()


class SshConnector:
    """Makes connections; shares keys, the agent, ssh_config, known_hosts and jump hosts.

    ssh_config_path  instead of ~/.ssh/config and /etc/ssh/ssh_config
    passphrase       asked once for each encrypted key file: path in, passphrase or None out
    """

    def __init__(
        self,
        *,
        accept_new_host_keys: bool = False,
        ssh_config_path: str | Path | None = None,
        passphrase: Callable[[str], str | None] | None = None,
    ) -> None:
        self._accept_new = accept_new_host_keys
        self._config_path = str(ssh_config_path) if ssh_config_path is not None else ""
        self._configs: dict[str, SshConfig] = {}
        self.keys = KeyRing(passphrase)
        self.host_keys = HostKeys()
        self._lock = threading.Lock()
        self._dialled: dict[Route, Dialled] = {}
        self._gateways: dict[tuple[Route, ...], Future[SshConnection]] = {}
        self._open: set[_Opening] = set()
        self._closed = False

    # -- the Protocol -----------------------------------------------------------------

    def connect(self, target: Target) -> SshConnection:
        """One attempt. Raises ConnectFailed, HostKeyRejected, AuthenticationFailed, InputError."""
        return self._connect(target, self.route(target))

    def dial(self, target: Target) -> None:
        """Begins the TCP connection without waiting, so that the host's work starts now.

        `connect` takes it over. Does nothing for names and hosts behind others.
        """
        route = self.route(target)
        if not route.jumps and not route.proxy_command:
            dialled = dial_numeric(route)
            with self._lock:
                if dialled is not None and route not in self._dialled and not self._closed:
                    self._dialled[route] = dialled
                    dialled = None
            if dialled is not None:
                dialled.close()

    def route(self, target: Target) -> Route:
        """How `target` would be reached. Raises InputError."""
        from dataclasses import replace

        args = parse_ssh_args(target.ssh_args) if target.ssh_args else None
        route = resolve(target, self._config(args.config if args is not None else ""))
        return replace(route, accept_new=True) if self._accept_new else route

    def close(self) -> None:
        """Cuts every connection, those being made as well. Any thread."""
        with self._lock:
            self._closed = True
            opened, dialled = list(self._open), list(self._dialled.values())
            self._dialled.clear()
        for opening in opened:
            opening.release()
        for early in dialled:
            early.close()
        self.keys.close()

    # -- beneath ----------------------------------------------------------------------

    def _config(self, path: str) -> SshConfig:
        path = path or self._config_path
        with self._lock:
            if path not in self._configs:
                paths = (path,) if path else (USER_CONFIG, SYSTEM_CONFIG)
                self._configs[path] = SshConfig(() if path.lower() == "none" else paths)
            return self._configs[path]

    def _connect(self, target: Target, route: Route) -> SshConnection:
        import fabric

        from provision.transport.wire import Client

        opening = _Opening(self, route)
        connection = fabric.Connection(
            route.host,
            user=route.user,
            port=route.port,
            # Its own, because Fabric writes into it; ssh_config has been read already.
            config=fabric.Config(overrides={"load_ssh_configs": False}, lazy=True),
        )
        connection.client = Client(opening.run)
        connection.open()
        return SshConnection(target, route, connection, opening.login, opening.release)

    def taken(self, route: Route) -> Dialled | None:
        """What `dial` began for `route`."""
        with self._lock:
            return self._dialled.pop(route, None)

    def remember(self, thing: _Opening) -> None:
        """Lets `close` cut it."""
        with self._lock:
            closed = self._closed
            self._open.add(thing)
        if closed:
            thing.release()

    def forget(self, thing: _Opening) -> None:
        with self._lock:
            self._open.discard(thing)

    def through(self, route: Route) -> Any:
        """A stream to a host behind others. Raises Unreachable."""
        gateway = self._gateway(route)
        try:
            return self._channel(gateway, route)
        except ConnectFailed:
            if gateway.wire.is_active():
                raise
        # The shared connection had died unnoticed.
        return self._channel(self._gateway(route), route)

    def _channel(self, gateway: SshConnection, route: Route) -> Any:
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

    def _gateway(self, route: Route) -> SshConnection:
        """The connection to the last jump host, one for all hosts behind it."""
        jumps = route.jumps
        with self._lock:
            future = self._gateways.get(jumps)
            dead = future.result() if future is not None and future.done() else None
            if dead is not None and dead.wire.is_active():
                dead = None
            mine = future is None or dead is not None
            if future is None or mine:
                future = self._gateways[jumps] = Future()
        if dead is not None:
            dead.close()
        if mine:
            self._open_gateway(jumps, future)
        try:
            return future.result()
        except Unreachable as exc:
            raise _of_host(exc, route) from exc

    def _open_gateway(self, jumps: tuple[Route, ...], future: Future[SshConnection]) -> None:
        from dataclasses import replace

        last = jumps[-1]
        hop = replace(last, jumps=jumps[:-1]) if len(jumps) > 1 else last
        try:
            connection = self._connect(Target(host=last.name), hop)
            connection.ready()
        except BaseException as exc:
            with self._lock:
                del self._gateways[jumps]
            future.set_exception(exc)
        else:
            future.set_result(connection)


class _Opening:
    """One connection being made: stream, banner, keys, host key, first request to log in."""

    def __init__(self, connector: SshConnector, route: Route) -> None:
        self._connector = connector
        self._route = route
        self._program: ProxyProgram | None = None
        self._wire: Wire | None = None
        self.login: Login

    def run(self) -> Wire:
        from provision.transport.wire import Wire

        route, connector = self._route, self._connector
        try:
            self._wire = wire = Wire(self._stream(), route.name)
            connector.remember(self)
            self.login = Login(wire, route, connector.keys)
            handshake(wire, route, connector.host_keys)
            self.login.begin()
        except BaseException as exc:
            if self._program is not None and isinstance(exc, ConnectFailed):
                exc.why = self._program.complaint() or exc.why
            self.release()
            raise
        if route.alive_interval_s:
            wire.set_keepalive(route.alive_interval_s)
        return wire

    def _stream(self) -> Any:
        route = self._route
        if route.proxy_command:
            self._program = ProxyProgram(route)
            return self._program.sock
        if route.jumps:
            return self._connector.through(route)
        early = self._connector.taken(route)
        return open_tcp(route, time.monotonic() + route.connect_timeout_s, early)

    def release(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._connector.forget(self)
        if self._program is not None:
            self._program.close()


def _of_host(exc: Unreachable, route: Route) -> Unreachable:
    """The failure of a jump host as that of the host behind it."""
    error = type(exc)(
        f"through {exc.host}: {exc.what}", host=route.name, why=exc.why, hint=exc.hint
    )
    if isinstance(error, ConnectFailed) and isinstance(exc, ConnectFailed):
        error.phase, error.transient = exc.phase, exc.transient
    return error
