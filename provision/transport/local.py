"""Programs of this machine behind the same Protocols as those of a distant host."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from provision.errors import ChannelLost
from provision.transport.base import Target

__all__ = ["LocalChannel", "LocalConnection", "LocalConnector"]

STDERR_LIMIT = 64 * 1024
_GRACE_S = 1.0  # between closing a program's input and ending it by signal
_PIECE = 64 * 1024


class LocalChannel:
    """A child process in a session of its own. Reads standard error along the way."""

    def __init__(self, command: str, host: str) -> None:
        self._host = host
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._in, self._out, self._err = (
            process.stdin.fileno(),
            process.stdout.fileno(),
            process.stderr.fileno(),
        )
        for fd in (self._in, self._out, self._err):
            os.set_blocking(fd, False)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ended = os.pidfd_open(process.pid)
        self._ahead = bytearray()  # standard output read while sending
        self._tail = bytearray()  # the end of standard error
        self._out_open = self._err_open = self._in_open = True
        self._closed = False
        self._reading = threading.Lock()
        self._sending = threading.Lock()
        self._closing = threading.Lock()

    # -- the Protocol -----------------------------------------------------------------

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        with self._sending:
            while view:
                self._check_open()
                if not self._in_open:
                    raise self._lost("its input is closed")
                try:
                    view = view[os.write(self._in, view[:_PIECE]) :]
                except BlockingIOError:
                    self._until_writable()
                except OSError as exc:
                    raise self._lost(exc.strerror or str(exc)) from exc

    def send_eof(self) -> None:
        with self._sending:
            if self._in_open and not self._closed:
                self._in_open = False
                assert self._process.stdin is not None
                self._process.stdin.close()

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._reading:
            while True:
                self._check_open()
                if self._ahead:
                    data = bytes(self._ahead[:limit])
                    del self._ahead[:limit]
                    return data
                if not self._out_open:
                    return b""
                self._pump(deadline)

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        deadline = time.monotonic() + timeout_s
        with self._reading:
            while self._err_open and not self._closed:
                try:
                    self._pump(deadline if not self._tail else 0.0, stdout=False)
                except TimeoutError:
                    break
            data = bytes(self._tail)
            self._tail.clear()
            return data

    def exit_status(self, timeout_s: float | None) -> int:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._reading:
            while (status := self._process.poll()) is None:
                self._check_open()
                self._pump(deadline, also={self._ended: select.POLLIN})
        return status

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
        os.eventfd_write(self._wake, 1)
        with self._sending, self._reading:  # whoever was in there has been woken
            process = self._process
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
            os.close(self._wake)
            os.close(self._ended)
        self._end()

    # -- beneath ----------------------------------------------------------------------

    def _lost(self, why: str) -> ChannelLost:
        return ChannelLost("the program went away", host=self._host, why=why)

    def _check_open(self) -> None:
        if self._closed:
            raise ChannelLost("the channel was closed", host=self._host)

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                self._process.wait(_GRACE_S)
                return
            except subprocess.TimeoutExpired:
                try:
                    os.killpg(self._process.pid, number)
                except ProcessLookupError:
                    pass
        self._process.wait()

    def _until_writable(self) -> None:
        """Waits for room in the program's input; takes its output meanwhile."""
        if not self._reading.acquire(blocking=False):
            self._poll({self._in: select.POLLOUT}, None)  # another thread takes the output
            return
        try:
            self._pump(None, also={self._in: select.POLLOUT})
        finally:
            self._reading.release()

    def _pump(
        self,
        deadline: float | None,
        *,
        stdout: bool = True,
        also: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """Waits until something can be read (or one of `also` is ready) and reads it."""
        wanted = dict(also)
        if self._out_open and stdout:
            wanted[self._out] = select.POLLIN
        if self._err_open:
            wanted[self._err] = select.POLLIN
        ready = self._poll(wanted, deadline)
        if self._closed:
            raise ChannelLost("the channel was closed", host=self._host)
        if self._out in ready and not self._take(self._out, self._ahead.extend):
            self._out_open = False
        if self._err in ready and not self._take(self._err, self._keep):
            self._err_open = False

    def _poll(self, wanted: dict[int, int], deadline: float | None) -> set[int]:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for fd, mask in wanted.items():
            poll.register(fd, mask)
        wait = None if deadline is None else max(0.0, (deadline - time.monotonic()) * 1000)
        ready = {fd for fd, _ in poll.poll(wait)}
        if not ready:
            raise TimeoutError("nothing came in time")
        return ready

    def _take(self, fd: int, keep: Callable[[bytes], object]) -> bool:
        try:
            data = os.read(fd, _PIECE)
        except BlockingIOError:
            return True
        keep(data)
        return bool(data)

    def _keep(self, data: bytes) -> None:
        self._tail += data
        del self._tail[:-STDERR_LIMIT]


class LocalConnection:
    """This machine as the user we are."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._channels: list[LocalChannel] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self, command: str) -> LocalChannel:
        with self._lock:
            if self._closed:
                raise ChannelLost("the connection was closed", host=self.target.host)
            try:
                channel = LocalChannel(command, self.target.host)
            except OSError as exc:
                raise ChannelLost(
                    "no program could be started", host=self.target.host, why=str(exc)
                ) from exc
            self._channels.append(channel)
            return channel

    def ready(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            channels, self._channels = self._channels, []
        for channel in channels:
            channel.close()


class LocalConnector:
    """Makes `LocalConnection`s."""

    def connect(self, target: Target) -> LocalConnection:
        return LocalConnection(target)

    def dial(self, target: Target) -> None:
        """Nothing takes long here."""

    def close(self) -> None:
        """Connections belong to their callers."""
