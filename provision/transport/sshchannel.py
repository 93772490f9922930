"""A program on the other side of an SSH session."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from provision.errors import ChannelLost, Unreachable
from provision.transport.refusal import hung, refused

if TYPE_CHECKING:
    from provision.transport.pipe import Pipe
    from provision.transport.ssh import SshConnection

__all__ = ["SshChannel"]

_PIECE = 64 * 1024
START_FACTOR = 3.0  # how much longer than the connection a session with its PAM modules may take


class SshChannel:
    """One reader at a time; another thread may send or close."""

    def __init__(self, connection: SshConnection, command: str, pipe: Pipe | None) -> None:
        """`pipe` is one sent ahead of the login's answer; None opens one now."""
        self._connection = connection
        self._command = command
        self._ahead = bytearray()  # standard output read while sending or waiting
        self._reading = threading.Lock()
        self._sending = threading.Lock()
        self._confirming = threading.Lock()
        self._closed = False
        # What was sent early, until it is known to have arrived.
        self._early: bytearray | None = bytearray() if pipe is not None else None
        self._eof = False
        self._pipe: Pipe = pipe if pipe is not None else self._opened()

    # -- the Protocol -----------------------------------------------------------------

    def send(self, data: bytes) -> None:
        with self._sending:
            self._put(data)

    def send_eof(self) -> None:
        with self._sending:
            self._eof = True
            self._end_input()

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        self._confirm()
        with self._reading:
            if self._ahead:
                data = bytes(self._ahead[:limit])
                del self._ahead[:limit]
                return data
            data = self._pipe.take(limit, timeout_s)
            if not data and not self._pipe.eof_received and not self._pipe.ended_well:
                raise self._gone("reading")
            return data

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        if timeout_s > 0:
            self._confirm()
        pipe = self._pipe
        with pipe.news:
            if timeout_s > 0:
                pipe.news.wait_for(lambda: pipe.tail or pipe.closed or pipe.eof_received, timeout_s)
            data = bytes(pipe.tail)
            pipe.tail.clear()
        return data

    def exit_status(self, timeout_s: float | None) -> int:
        self._confirm()
        pipe = self._pipe
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not pipe.status_event.is_set():
            with self._reading:
                self._drain()
            with pipe.news:
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    raise TimeoutError(f"still running after {timeout_s:g} s")
                pipe.news.wait_for(
                    lambda: pipe.status_event.is_set() or len(pipe.in_buffer), remaining
                )
        if not pipe.has_status:
            raise self._gone("waiting for its status")
        return pipe.exit_status

    def close(self) -> None:
        self._closed = True
        self._pipe.hang_up()

    # -- beneath ----------------------------------------------------------------------

    def _gone(self, doing: str) -> Unreachable:
        if self._closed:
            return ChannelLost("the channel was closed", host=self._connection.target.host)
        if self._connection.wire.is_active():
            return ChannelLost(
                f"the program ended while {doing}", host=self._connection.target.host
            )
        try:
            self._connection.ready()
        except Unreachable as exc:
            return exc
        return self._connection.lost(doing)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                count = self._pipe.put(view)
            except OSError:
                raise self._gone("sending") from None
            if self._early is not None:
                self._early += view[:count]
            view = view[count:]
            if view and not count:
                self._make_room()

    def _end_input(self) -> None:
        try:
            self._pipe.end_input()
        except OSError:
            raise self._gone("sending") from None

    def _drain(self) -> None:
        """Takes what has arrived, so that the peer can go on. You hold `_reading`."""
        while len(self._pipe.in_buffer):
            self._ahead += self._pipe.take(_PIECE, 0.0)

    def _make_room(self) -> None:
        """Waits until the window opens; reads meanwhile unless another thread does."""
        if self._early is not None:
            self._confirm(sending=True)
            return
        pipe = self._pipe
        if self._reading.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self._reading.release()
            with pipe.news:
                pipe.news.wait_for(
                    lambda: pipe.closed or pipe.out_window_size > 0 or len(pipe.in_buffer)
                )
        else:
            with pipe.news:
                pipe.news.wait_for(lambda: pipe.closed or pipe.out_window_size > 0, 1.0)

    def _confirm(self, *, sending: bool = False) -> None:
        """Waits until the login is granted and the program runs."""
        if self._early is None and self._pipe.started:
            return
        with self._confirming:
            if self._early is not None:
                self._connection.ready()
                if not self._connection.first_try:
                    self._again(sending=sending)
                else:
                    self._await("opening a channel", lambda pipe: pipe.opened)
                self._early = None
            self._await("starting the program", lambda pipe: pipe.started)

    def _again(self, *, sending: bool) -> None:
        """The login was granted later than thought: what was sent early went nowhere."""
        if not sending:
            self._sending.acquire()
        try:
            early, self._early = bytes(self._early or b""), None
            self._pipe.abandon()
            self._pipe = self._opened()
            self._put(early)
            if self._eof:
                self._end_input()
        finally:
            if not sending:
                self._sending.release()

    def _opened(self) -> Pipe:
        try:
            self._pipe = self._connection.wire.open_pipe(self._command, early=False)
            self._await("opening a channel", lambda pipe: pipe.opened)
            self._pipe.request_exec(self._command)
        except OSError:
            raise self._gone("starting a program") from None
        return self._pipe

    def _await(self, phase: str, reached: object) -> None:
        pipe, route = self._pipe, self._connection.route
        limit = route.connect_timeout_s * START_FACTOR
        assert callable(reached)
        with pipe.news:
            pipe.news.wait_for(lambda: reached(pipe) or pipe.closed, limit)
        if reached(pipe):
            return
        if pipe.refusal:
            what = f"{route.place} refuses to start a program"
            raise refused(route, phase, what, pipe.refusal)
        if pipe.closed:
            raise self._gone(phase)
        self._connection.close()
        raise hung(route, phase, limit)
