"""Hosts that do as a test's script says, behind the Protocols of real ones.

FakeConnector({
    "good": Works(),                         # programs run here, the real agent included
    "late": [Refuses(transient=True), Works()],  # one script an attempt, the last one stays
    "down": Refuses(),
    "mute": Hangs("connect"),
    "torn": Drops(after_bytes=100),
    "dull": Says(b"hello", status=3),
})
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from provision.errors import ChannelLost, ConnectFailed, Unreachable
from provision.transport.base import Channel, Connection, Target
from provision.transport.local import LocalConnection

__all__ = ["Drops", "FakeConnector", "Hangs", "Refuses", "Says", "Script", "Works"]


class Script(Protocol):
    """What happens when somebody connects. `cut` is set when the connector is closed."""

    def connect(self, target: Target, cut: threading.Event) -> Connection: ...


@dataclass(frozen=True, slots=True)
class Works:
    """Programs run on this machine."""

    def connect(self, target: Target, cut: threading.Event) -> Connection:
        return LocalConnection(target)


@dataclass(frozen=True, slots=True)
class Refuses:
    """Nothing listens; or `error`, whatever it is."""

    error: Unreachable | None = None
    transient: bool = False

    def connect(self, target: Target, cut: threading.Event) -> Connection:
        if self.error is not None:
            raise self.error
        error = ConnectFailed("no connection", host=target.host, why="Connection refused")
        error.phase, error.transient = "TCP connection", self.transient
        raise error


@dataclass(frozen=True, slots=True)
class Hangs:
    """Silence: while connecting, when a program starts, or instead of its output."""

    phase: Literal["connect", "start", "output"] = "connect"

    def connect(self, target: Target, cut: threading.Event) -> Connection:
        if self.phase == "connect":
            _silence(target, cut, "key exchange")
        return _Scripted(target, self, cut)

    def start(self, target: Target, cut: threading.Event, command: str) -> Channel:
        if self.phase == "start":
            _silence(target, cut, "starting the program")
        return _Mute(target.host)


def _silence(target: Target, cut: threading.Event, phase: str) -> None:
    closed = cut.wait(target.connect_timeout_s)
    why = "it was closed" if closed else f"nothing came within {target.connect_timeout_s:g} s"
    error = ConnectFailed(f"no answer ({phase})", host=target.host, why=why)
    error.phase = phase
    raise error


@dataclass(frozen=True, slots=True)
class Drops:
    """Programs run on this machine; the line breaks after so many bytes of their output."""

    after_bytes: int = 0

    def connect(self, target: Target, cut: threading.Event) -> Connection:
        return _Scripted(target, self, cut)

    def start(self, target: Target, cut: threading.Event, command: str) -> Channel:
        return _Torn(LocalConnection(target).start(command), target.host, self.after_bytes)


@dataclass(frozen=True, slots=True)
class Says:
    """Every program says the same and ends."""

    output: bytes = b""
    stderr: bytes = b""
    status: int = 0

    def connect(self, target: Target, cut: threading.Event) -> Connection:
        return _Scripted(target, self, cut)

    def start(self, target: Target, cut: threading.Event, command: str) -> Channel:
        return _Canned(self)


class _Starts(Protocol):
    def start(self, target: Target, cut: threading.Event, command: str) -> Channel: ...


@dataclass(slots=True)
class _Scripted:
    target: Target
    script: _Starts
    cut: threading.Event
    channels: list[Channel] = field(default_factory=list)

    def start(self, command: str) -> Channel:
        channel = self.script.start(self.target, self.cut, command)
        self.channels.append(channel)
        return channel

    def ready(self) -> None: ...

    def close(self) -> None:
        for channel in self.channels:
            channel.close()


class _Mute:
    """Takes everything and says nothing."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._closed = threading.Event()

    def _wait(self, timeout_s: float | None) -> None:
        if self._closed.wait(timeout_s):
            raise ChannelLost("the channel was closed", host=self._host)
        raise TimeoutError("nothing came in time")

    def send(self, data: bytes) -> None:
        if self._closed.is_set():
            raise ChannelLost("the channel was closed", host=self._host)

    def send_eof(self) -> None: ...

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        self._wait(timeout_s)
        return b""

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        self._closed.wait(timeout_s)
        return b""

    def exit_status(self, timeout_s: float | None) -> int:
        self._wait(timeout_s)
        return 0

    def close(self) -> None:
        self._closed.set()


class _Torn:
    """Another channel whose line breaks."""

    def __init__(self, channel: Channel, host: str, left: int) -> None:
        self._channel = channel
        self._host = host
        self._left = left

    def _check(self) -> None:
        if self._left <= 0:
            self._channel.close()
            raise ChannelLost("the connection broke", host=self._host, why="reset by peer")

    def send(self, data: bytes) -> None:
        self._channel.send(data)

    def send_eof(self) -> None:
        self._channel.send_eof()

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        self._check()
        data = self._channel.recv(min(limit, self._left), timeout_s)
        self._left -= len(data)
        return data

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        return self._channel.stderr(timeout_s)

    def exit_status(self, timeout_s: float | None) -> int:
        self._check()
        return self._channel.exit_status(timeout_s)

    def close(self) -> None:
        self._channel.close()


class _Canned:
    def __init__(self, said: Says) -> None:
        self._output = said.output
        self._stderr = said.stderr
        self._status = said.status

    def send(self, data: bytes) -> None: ...

    def send_eof(self) -> None: ...

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        data, self._output = self._output[:limit], self._output[limit:]
        return data

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        data, self._stderr = self._stderr, b""
        return data

    def exit_status(self, timeout_s: float | None) -> int:
        return self._status

    def close(self) -> None: ...


class FakeConnector:
    """`attempts` lists the hosts of all calls of `connect`, in order."""

    def __init__(
        self, scripts: Mapping[str, Script | Sequence[Script]], default: Script | None = None
    ) -> None:
        self._scripts = {
            host: list(script) if isinstance(script, Sequence) else [script]
            for host, script in scripts.items()
        }
        self._default = default if default is not None else Works()
        self._lock = threading.Lock()
        self._cut = threading.Event()
        self.attempts: list[str] = []

    def connect(self, target: Target) -> Connection:
        with self._lock:
            self.attempts.append(target.host)
            scripts = self._scripts.get(target.host, [self._default])
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script.connect(target, self._cut)

    def dial(self, target: Target) -> None:
        """Only `connect` counts."""

    def close(self) -> None:
        self._cut.set()
