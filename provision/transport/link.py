"""The controller's half of the agent protocol, over one channel.

`Link.run` sends a batch and yields what the agent says until the batch is done. The preamble
that makes the agent, the first batch, and whatever else is sent before the first answer
travel in one flight.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from provision.errors import ChannelLost, NoInterpreter
from provision.transport import payload
from provision.transport.base import Channel

__all__ = ["AgentSays", "Blobs", "Link", "Step"]

PROTOCOL = 1
FRAME_LIMIT = 64 * 1024 * 1024
PIECE = 128 * 1024
SILENCE_S = 35.0  # the agent says "alive" every 10 s while it works
_HELLO = b'J{"type":"hello"'
_NOISE_LIMIT = 64 * 1024  # what a login shell's start-up files may print before us

AgentSays = dict[str, Any]
Blobs = Callable[[str], BinaryIO | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One rendered task for the agent. `index` is the caller's own."""

    index: int
    mod: str
    args: Mapping[str, object]
    check: bool = False
    diff: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    go_on: bool = False  # a failure does not end the batch
    mods: tuple[str, ...] = ()  # further host halves that this one calls
    group: int | None = None  # a failure ends the batch only behind the steps of this group

    def message(self) -> dict[str, object]:
        said: dict[str, object] = {"i": self.index, "mod": self.mod, "args": self.args}
        if self.check:
            said["check"] = True
        if not self.diff:
            said["diff"] = False
        if self.env:
            said["env"] = dict(self.env)
        if self.timeout_s is not None:
            said["timeout_s"] = self.timeout_s
        if self.go_on:
            said["go_on"] = True
        if self.group is not None:
            said["g"] = self.group
        return said


def _no_blobs(_digest: str) -> BinaryIO | None:
    return None


class Link:
    """One agent. Not for two threads at once, except `stop` and `close`."""

    def __init__(self, channel: Channel, host: str, mods: Iterable[str] = ()) -> None:
        self.channel = channel
        self.host = host
        self.round_trips = 0
        self._names = payload.mods_closure(mods)
        self._outgoing = [payload.preamble(self._names)]
        self._buffer = bytearray()
        self._batch = 0
        self._facts: dict[str, Any] | None = None
        self._sending = threading.Lock()

    # -- frames -----------------------------------------------------------------------

    def _frame(self, kind: bytes, body: bytes) -> bytes:
        return (len(body) + 1).to_bytes(4, "big") + kind + body

    def _json(self, message: Mapping[str, object]) -> bytes:
        text = json.dumps(message, separators=(",", ":"), default=str)
        return self._frame(b"J", text.encode("utf-8", "surrogatepass"))

    def _send(self, data: bytes = b"") -> None:
        with self._sending:
            outgoing = b"".join([*self._outgoing, data])
            self._outgoing.clear()
            try:
                self.channel.send(outgoing)
            except ChannelLost:
                self._say_why()
                raise

    def _say_why(self) -> None:
        """A program that ended while we sent has left its reason on its output: no Python, or
        what kept it from starting. Raises that instead."""
        try:
            while data := self.channel.recv(PIECE, 5.0):
                self._buffer += data
        except TimeoutError:
            return
        self._ended()

    def _fill(self, count: int, deadline: float | None) -> None:
        while len(self._buffer) < count:
            wait = SILENCE_S
            if deadline is not None:
                wait = min(wait, max(0.0, deadline - time.monotonic()))
            try:
                data = self.channel.recv(PIECE, wait)
            except TimeoutError:
                raise ChannelLost(
                    f"no sign of life for {wait:.0f} s", host=self.host, why=self._stderr()
                ) from None
            if not data:
                self._ended()
            self._buffer += data

    def _stderr(self) -> str:
        return self.channel.stderr().decode("utf-8", "replace").strip()

    def _ended(self) -> None:
        noise = bytes(self._buffer)
        if payload.NO_PYTHON in noise or payload.OLD_PYTHON in noise:
            self._no_interpreter(noise)
        try:
            status = self.channel.exit_status(5.0)
        except TimeoutError:
            status = -1
        why = self._stderr() or noise[-400:].decode("utf-8", "replace").strip()
        started = "" if self._facts is not None else " before it said anything"
        raise ChannelLost(
            f"the agent ended{started} (exit status {status})", host=self.host, why=why
        )

    def _no_interpreter(self, noise: bytes) -> None:
        found = noise[noise.find(b"PROVISION-") :].decode("utf-8", "replace").split("\n")[0]
        old = found.partition("PROVISION-OLD-PYTHON ")[2]
        raise NoInterpreter(
            f"Python {old} is too old" if old else "no Python on the host",
            host=self.host,
            hint="Python 3.8 or newer is needed; the actions `miniconda` and `raw` work without, "
            "or set ansible_python_interpreter",
        )

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _receive(self, deadline: float | None) -> tuple[bytes, bytes]:
        self._fill(4, deadline)
        size = int.from_bytes(self._buffer[:4], "big")
        if not 1 <= size <= FRAME_LIMIT:
            raise ChannelLost(
                "the agent's answer makes no sense",
                host=self.host,
                why=bytes(self._buffer[:80]).decode("utf-8", "replace"),
            )
        self._fill(4 + size, deadline)
        self._take(4)
        body = self._take(size)
        return body[:1], body[1:]

    def _message(self, deadline: float | None) -> AgentSays:
        if self._facts is None:
            self._hello(deadline)
        kind, body = self._receive(deadline)
        if kind != b"J":
            raise ChannelLost("bulk data where none was asked for", host=self.host)
        said: AgentSays = json.loads(body.decode("utf-8", "surrogatepass"))
        return said

    def _hello(self, deadline: float | None) -> None:
        """Waits for the first frame; what a login shell printed before it is dropped."""
        start = time.monotonic()
        while (at := self._buffer.find(_HELLO)) < 4:
            if len(self._buffer) > _NOISE_LIMIT:
                raise ChannelLost("the login shell prints too much", host=self.host)
            limit = start + SILENCE_S
            self._fill(len(self._buffer) + 1, limit if deadline is None else min(limit, deadline))
        del self._buffer[: at - 4]
        _, body = self._receive(deadline)
        hello = json.loads(body)
        if hello["protocol"] != PROTOCOL:
            raise ChannelLost("the agent speaks another protocol", host=self.host)
        self._facts = hello["facts"]

    # -- what callers use -------------------------------------------------------------

    def facts(self, deadline: float | None = None) -> dict[str, Any]:
        """The cheap facts of the first reply; waits for it when it has not come yet."""
        if self._facts is None:
            self._send()
            self._hello(deadline)
        assert self._facts is not None
        return self._facts

    def _need(self, mods: Iterable[str]) -> None:
        names = tuple(n for n in payload.mods_closure(mods) if n not in self._names)
        if not names:
            return
        magic = bytes.fromhex(self.facts()["magic"])
        self._names += names
        bundle = payload.packed_source(names, magic)
        self._outgoing += [
            self._json({"type": "modules"}),
            self._frame(b"B", bundle),
            self._frame(b"B", b""),
        ]

    def run(
        self,
        steps: Iterable[Step],
        *,
        blobs: Blobs = _no_blobs,
        deadline: float | None = None,
        on_data: Callable[[int, int, Iterator[bytes]], None] | None = None,
    ) -> Iterator[AgentSays]:
        """Runs steps in order; yields `result` and `progress` messages until it is done.

        `blobs` gives the content for a SHA-256. `on_data(index, size, pieces)` takes bulk data
        that a step sends back. `deadline` is a time.monotonic() value.
        Raises ChannelLost or NoInterpreter.
        """
        steps = list(steps)
        self._need({mod for step in steps for mod in (step.mod, *step.mods)})
        self._batch += 1
        batch = {"type": "batch", "id": self._batch, "steps": [s.message() for s in steps]}
        self._send(self._json(batch))
        self.round_trips += 1
        while True:
            said = self._message(deadline)
            kind = said["type"]
            if kind == "done":
                return
            if kind == "need":
                self._provide(said["blob"], blobs)
            elif kind == "data":
                pieces = self._pieces(deadline)
                if on_data is not None:
                    on_data(said["i"], said["size"], pieces)
                for _ in pieces:  # whatever was not taken
                    pass
            elif kind != "alive":
                yield said

    def _pieces(self, deadline: float | None) -> Iterator[bytes]:
        while True:
            kind, body = self._receive(deadline)
            if kind != b"B":
                raise ChannelLost("a message in the middle of bulk data", host=self.host)
            if not body:
                return
            yield body

    def _provide(self, digest: str, blobs: Blobs) -> None:
        self.round_trips += 1
        stream = blobs(digest)
        if stream is None:
            self._send(self._json({"type": "blob", "missing": True}))
            return
        with stream:
            while data := stream.read(PIECE):
                self._send(self._frame(b"B", data))
        self._send(self._frame(b"B", b""))

    def stop(self) -> None:
        """Asks the agent to end the batch after the step it is in. Any thread."""
        self._send(self._json({"type": "stop"}))

    def close(self) -> None:
        """Ends the agent and what it started. Any thread."""
        self.channel.close()
