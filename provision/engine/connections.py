"""Connections and agents of a run: made when first needed, kept while useful, closed by it.

One connection a host; on it one agent for each user that tasks become. An agent that is busy
with another host's delegated task is not waited for: a second one is started beside it.
"""

from __future__ import annotations

import getpass
import random
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from provision.engine.options import RunOptions
from provision.errors import ConnectFailed, Unreachable
from provision.inventory import ConnectionVars, connection_vars
from provision.transport import payload
from provision.transport.base import Connection, Connector, Secret, Target
from provision.transport.become import Become, start_as
from provision.transport.link import Link

__all__ = ["Connections", "HostLine", "Identity"]

_LOCAL = frozenset({"local"})
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom an agent runs: the login user (`user` empty) or someone it becomes."""

    user: str = ""
    method: str = "sudo"
    flags: str = ""
    exe: str = ""

    def become(self, password: Secret | None) -> Become | None:
        if not self.user:
            return None
        return Become(self.user, self.method, password, self.flags, self.exe)


def target_of(host: str, found: ConnectionVars, options: RunOptions) -> Target:
    """Where a host is, from its variables and the command line (which counts less)."""
    key = found.private_key_file or options.private_key
    args = [found.ssh_args, found.ssh_common_args, found.ssh_extra_args]
    accept = options.accept_new_host_keys or found.host_key_checking is False
    return Target(
        host=host,
        address=found.host or host,
        port=found.port,
        user=found.user or options.user,
        kind="local" if found.connection in _LOCAL else "ssh",
        private_key_files=(key,) if key else (),
        password=Secret(found.password) if found.password else options.password,
        known_hosts_files=(found.known_hosts,) if found.known_hosts else (),
        ssh_args=tuple(word for text in args if text for word in shlex.split(text)),
        accept_new_host_keys=accept,
        connect_timeout_s=found.timeout_s or options.connect_timeout_s,
        key_passphrase=Secret(found.private_key_passphrase)
        if found.private_key_passphrase
        else None,
    )


class HostLine:
    """One host's connection and its agents."""

    def __init__(self, owner: Connections, host: str, found: ConnectionVars) -> None:
        self.owner = owner
        self.host = host
        self.found = found
        self.target = target_of(host, found, owner.options)
        self.round_trips = 0
        self._connection: Connection | None = None
        self._idle: dict[Identity, list[Link]] = {}
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._busy: set[Link] = set()

    def login_user(self) -> str:
        return self.target.user or getpass.getuser()

    def connection(self) -> Connection:
        """The connection, made by the first caller. Raises Unreachable."""
        with self._connecting:
            if self._connection is None:
                self._connection = self.owner.connect(self.target)
            return self._connection

    def interpreters(self) -> tuple[str, ...]:
        told = self.found.python_interpreter
        if told and not told.startswith("auto"):
            return (told, *self.owner.fallback_interpreters(self.host))
        return (*payload.INTERPRETERS, *self.owner.fallback_interpreters(self.host))

    def become(self, identity: Identity) -> Become | None:
        """How a program here runs as someone else: the host's own password before the run's."""
        password = self.found.become_password
        return identity.become(Secret(password) if password else self.owner.options.become_password)

    def _start(self, identity: Identity) -> Link:
        program = payload.command(self.interpreters())
        channel = start_as(self.connection(), program, self.become(identity))
        return Link(channel, self.host, self.owner.first_mods)

    @contextmanager
    def link(self, identity: Identity) -> Iterator[Link]:
        """An agent for one use at a time. One that breaks is not used again."""
        with self._lock:
            idle = self._idle.get(identity)
            link = idle.pop() if idle else None
        if link is None:
            link = self._start(identity)
        self._busy.add(link)
        before = link.round_trips
        try:
            yield link
        except BaseException:
            link.close()
            raise
        else:
            with self._lock:
                self._idle.setdefault(identity, []).append(link)
        finally:
            self.round_trips += link.round_trips - before
            self._busy.discard(link)

    def identities(self) -> tuple[Identity, ...]:
        """As whom agents stand ready."""
        with self._lock:
            return tuple(identity for identity, links in self._idle.items() if links)

    def stop(self) -> None:
        """Asks busy agents to end after the step they are in."""
        for link in tuple(self._busy):
            link.stop()

    def close(self) -> None:
        with self._lock:
            links = [link for idle in self._idle.values() for link in idle]
            self._idle.clear()
            connection, self._connection = self._connection, None
        for link in [*links, *self._busy]:
            link.close()
        if connection is not None:
            connection.close()


class Connections:
    """All host lines of a run. `retrying` wraps connecting with patience for what can pass."""

    def __init__(
        self,
        options: RunOptions,
        connectors: Mapping[str, Callable[[], Connector]],
        variables: Callable[[str], Mapping[str, Any]],
        first_mods: tuple[str, ...] = (),
    ) -> None:
        self.options = options
        self.first_mods = first_mods
        self.begun = False
        self._factories = connectors
        self._connectors: dict[str, Connector] = {}
        self._variables = variables
        self._lines: dict[str, HostLine] = {}
        self._extra: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(max(1, min(options.forks, 64)))

    def line(self, host: str) -> HostLine:
        with self._lock:
            line = self._lines.get(host)
        if line is None:
            found = connection_vars(self._variables(host))
            if found.connection is None and host in _LOCAL_NAMES and found.host in (None, host):
                found = _as_local(found)
            with self._lock:
                line = self._lines.setdefault(host, HostLine(self, host, found))
        return line

    def _connector(self, kind: str) -> Connector:
        with self._lock:
            if kind not in self._connectors:
                self._connectors[kind] = self._factories[kind]()
            return self._connectors[kind]

    def begin(self, hosts: Sequence[str]) -> None:
        """Lets the first hosts begin their side of the connection while we still import ours:
        on a small controller that is a quarter of a second for thirty hosts."""
        self.begun = True
        kinds = set()
        for host in hosts[: self.options.forks]:
            line = self.line(host)
            if line.target.kind in self._factories:
                self._connector(line.target.kind).dial(line.target)
                kinds.add(line.target.kind)
        if "ssh" in kinds:
            from provision.transport.ssh import prefetch_imports

            prefetch_imports()

    def connect(self, target: Target) -> Connection:
        """Connects with patience for refusals that can pass, none for those that cannot."""
        connector = self._connector(target.kind)
        with self._slots:
            try:
                return connector.connect(target)
            except ConnectFailed as exc:
                if not _can_pass(exc):
                    raise
            return self._patiently(connector, target)

    def _patiently(self, connector: Connector, target: Target) -> Connection:
        # Imported for those who need it: it costs 40 ms.
        from tenacity import (
            Retrying,
            retry_if_exception,
            stop_after_attempt,
            wait_random_exponential,
        )

        wait = wait_random_exponential(multiplier=0.25, max=5)
        time.sleep(random.uniform(0.05, 0.25))  # noqa: S311 - not for secrets
        patient = Retrying(
            retry=retry_if_exception(_can_pass),
            stop=stop_after_attempt(max(1, self.options.connect_attempts - 1)),
            wait=wait,
            reraise=True,
        )
        return patient(connector.connect, target)

    def fallback_interpreters(self, host: str) -> tuple[str, ...]:
        return self._extra.get(host, ())

    def add_interpreter(self, host: str, path: str) -> None:
        """A Python that was installed during the run, for hosts that had none."""
        known = self._extra.get(host, ())
        if path not in known:
            self._extra[host] = (*known, path)

    def drop(self, host: str) -> None:
        """Closes a host's connection; the next use makes a new one."""
        with self._lock:
            line = self._lines.pop(host, None)
        if line is not None:
            line.close()

    def stop(self) -> None:
        for line in tuple(self._lines.values()):
            try:
                line.stop()
            except Unreachable:
                continue

    def close(self) -> None:
        for line in tuple(self._lines.values()):
            line.close()
        for connector in self._connectors.values():
            connector.close()


def _as_local(found: ConnectionVars) -> ConnectionVars:
    from dataclasses import replace

    return replace(found, connection="local")


def _can_pass(exc: BaseException) -> bool:
    return isinstance(exc, ConnectFailed) and bool(getattr(exc, "transient", False))
