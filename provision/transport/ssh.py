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
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provision.errors import ChannelLost, Unreachable
from provision.transport.base import Target
from provision.transport.gateways import Gateways
from provision.transport.hostkeys import HostKeys
from provision.transport.keys import KeyRing
from provision.transport.login import Login
from provision.transport.opening import Opening, Shared
from provision.transport.route import Route, resolve
from provision.transport.sshargs import parse_ssh_args
from provision.transport.sshchannel import SshChannel
from provision.transport.sshconfig import SYSTEM_CONFIG, USER_CONFIG, SshConfig
from provision.transport.tcp import Dialled, dial_numeric

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
        self._shared = Shared(KeyRing(passphrase), HostKeys(), Gateways(self._connect), self._taken)
        self._lock = threading.Lock()
        self._dialled: dict[Route, Dialled] = {}
        self._open: set[Opening] = set()
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
            opening.cut()
        for early in dialled:
            early.close()
        self._shared.keys.close()

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

        opening = Opening(route, self._shared, self._forget)
        with self._lock:
            closed = self._closed
            self._open.add(opening)
        if closed:
            opening.cut()
        connection = fabric.Connection(
            route.host,
            user=route.user,
            port=route.port,
            # Its own, because Fabric writes into it; ssh_config has been read already.
            config=fabric.Config(overrides={"load_ssh_configs": False}, lazy=True),
        )
        connection.client = Client(opening.run)
        connection.open()
        return SshConnection(target, route, connection, opening.login, opening.cut)

    def _taken(self, route: Route) -> Dialled | None:
        """What `dial` began for `route`."""
        with self._lock:
            return self._dialled.pop(route, None)

    def _forget(self, opening: Opening) -> None:
        with self._lock:
            self._open.discard(opening)
