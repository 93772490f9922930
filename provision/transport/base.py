"""What a way to reach a host must offer. `ssh`, `local` and `fake` stand behind it.

A `Connection` is one authenticated session with one host; it opens `Channel`s: a program
started there with its standard input and output as raw bytes. Everything above (the agent,
raw commands) is bytes over a channel. Objects here belong to one thread at a time, except
`close`, which any thread may call to cut a hung peer off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Channel", "Connection", "Connector", "Secret", "Target"]


class Secret(str):
    """A string that must not be shown: its repr is masked, its value is `str(secret)`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom to connect; from inventory variables and command-line options.

    Empty or None means "not said": ~/.ssh/config and then the defaults decide.
    """

    host: str  # the inventory name, for messages
    address: str = ""
    port: int | None = None
    user: str = ""
    kind: str = "ssh"  # ssh | local | fake
    private_key_files: tuple[str, ...] = ()
    password: Secret | None = None
    key_passphrase: Secret | None = None  # for encrypted private keys
    known_hosts_files: tuple[str, ...] = ()
    ssh_args: tuple[str, ...] = ()  # ansible_ssh_common_args + extra args, split
    accept_new_host_keys: bool = False
    connect_timeout_s: float = 10.0
    options: Mapping[str, object] = field(default_factory=dict)


class Channel(Protocol):
    """A running program: bytes in, bytes out."""

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises ChannelLost."""

    def send_eof(self) -> None: ...

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        """Up to `limit` bytes of standard output, b"" at its end.

        Raises TimeoutError when nothing came in time, ChannelLost when the line broke.
        """

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        """Standard error that has arrived since the last call, its last 64 KiB.

        Waits up to `timeout_s` for some when there is none; b"" at its end, too.
        """

    def exit_status(self, timeout_s: float | None) -> int:
        """The program's exit status; -N when signal N ended it.

        Standard output that comes while waiting stays for `recv`. Raises TimeoutError when
        the program still runs, ChannelLost when nobody can tell any more.
        """

    def close(self) -> None: ...


class Connection(Protocol):
    target: Target

    def start(self, command: str) -> Channel:
        """Start `command`, a line for the login user's shell. Raises Unreachable.

        Returns before the host has answered: the first data may follow in the same flight,
        and a login or start that fails is raised by whatever is called on the channel next.
        """

    def ready(self) -> None:
        """Waits until the login is certain. Raises Unreachable.

        Not needed before `start`, and costs a round trip there.
        """

    def close(self) -> None: ...


class Connector(Protocol):
    """Makes connections; holds what they share (parsed ~/.ssh/config, keys, known hosts)."""

    def connect(self, target: Target) -> Connection:
        """Raises a subclass of Unreachable that says why and what to do."""

    def dial(self, target: Target) -> None:
        """Begins to connect without waiting, where that is possible; `connect` takes it over."""

    def close(self) -> None: ...
