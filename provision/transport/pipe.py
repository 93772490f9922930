"""Paramiko's channel with what we need beyond its public interface.

With `wire`, the only files that touch Paramiko's internals; `tests/transport/test_wire.py`
fails when a release moves one. What is changed: a channel and its program may be used before
the server has confirmed them; the last of standard error is kept instead of filling the
window; exit signals are known; whoever waits hears of everything that happens.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import paramiko
from paramiko import buffered_pipe, common
from paramiko.message import Message

__all__ = ["EARLY_WINDOW", "Pipe", "sending"]

STDERR_LIMIT = 64 * 1024
# What is sent before the server has said how much it takes. OpenSSH's window is 2 MiB; its
# part before the login hands at most 256 KiB of what it has read to the part after it.
EARLY_WINDOW = 192 * 1024
_PACKET = 32 * 1024 - 64
_STUCK_S = 1.0  # how long a close waits for others to finish sending

_Channel: Any = paramiko.Channel  # the type stubs know nothing of what stands below


@contextlib.contextmanager
def sending() -> Iterator[None]:
    """Every way in which a dead line shows itself, as OSError."""
    try:
        yield
    except (EOFError, paramiko.SSHException) as exc:
        raise OSError(str(exc) or "the line is dead") from exc


class Pipe(_Channel):  # type: ignore[misc]
    """A session channel with one program."""

    def __init__(self, chanid: int) -> None:
        super().__init__(chanid)
        self.news = threading.Condition()  # something came, the window opened, the end
        self.tail = bytearray()
        self.opened = False  # the server confirmed the channel
        self.started = False  # ... and the program
        self.refusal = ""
        self.has_status = False
        self.ended_well = False  # the server closed it, and not the line
        self._owed = 0  # of the window that we granted ourselves
        self._unacknowledged = 0

    def __del__(self) -> None:
        """Paramiko would say goodbye here, from a collector that may run within a lock."""

    # -- sent early -------------------------------------------------------------------

    def assume_open(self) -> None:
        """As if the server had confirmed it as its channel 0."""
        self.remote_chanid = 0
        self.out_window_size = self._owed = EARLY_WINDOW
        self.out_max_packet_size = _PACKET + 64
        self.active = True

    def _set_remote_channel(self, chanid: int, window_size: int, max_packet_size: int) -> None:
        if self._owed and chanid != self.remote_chanid:
            self.refusal = f"its first channel is number {chanid}"
            self.transport.close()
            return
        with self.lock:
            window_size = self.out_window_size + self._pay(window_size)
            super()._set_remote_channel(chanid, window_size, max_packet_size)
        self.opened = True
        self._tell()

    def _pay(self, credit: int) -> int:
        paid = min(self._owed, credit)
        self._owed -= paid
        return credit - paid

    def request_exec(self, command: str) -> None:
        """Asks for `command`; the answer sets `started`, or `closed`. Raises OSError."""
        message = Message()
        message.add_byte(common.cMSG_CHANNEL_REQUEST)
        message.add_int(self.remote_chanid)
        message.add_string("exec")
        message.add_boolean(True)
        message.add_string(command.encode("utf-8", "surrogateescape"))
        with sending():
            self.transport._send_user_message(message)

    def abandon(self) -> None:
        """Forgets what was assumed, and says nothing to the peer."""
        with self.lock:
            self._set_closed()
        self.transport._unlink_channel(self.chanid)

    # -- reading and writing ----------------------------------------------------------

    def take(self, limit: int, timeout_s: float | None) -> bytes:
        """Standard output. Raises TimeoutError; b"" at the end, for whatever reason."""
        try:
            data: bytes = self.in_buffer.read(limit, timeout_s)
        except buffered_pipe.PipeTimeout:
            raise TimeoutError("nothing came in time") from None
        self._acknowledge(len(data))
        return data

    def put(self, data: memoryview) -> int:
        """Sends what the window has room for; how much that was. Raises OSError when closed."""
        with self.lock:
            if self.closed or self.eof_sent:
                raise OSError("closed")
            count = min(len(data), self.out_window_size, self.out_max_packet_size - 64)
            if count <= 0:
                return 0
            self.out_window_size -= count
        message = Message()
        message.add_byte(common.cMSG_CHANNEL_DATA)
        message.add_int(self.remote_chanid)
        message.add_string(bytes(data[:count]))
        with sending():
            self.transport._send_user_message(message)
        return count

    def end_input(self) -> None:
        """The program reads its end of input. Raises OSError."""
        with sending():
            self.shutdown_write()

    def hang_up(self) -> None:
        """Closes it. Where the line is stuck and nothing can be said, cuts the session."""
        with self.lock:
            if self.closed or not self.active:
                return
        if not self.transport.can_send(_STUCK_S):
            self.transport.close()
            return
        with contextlib.suppress(OSError), sending():
            self.close()

    def _acknowledge(self, count: int) -> None:
        """Opens the peer's window again. Not from the transport's thread."""
        with self.lock:
            self._unacknowledged, more = 0, self._unacknowledged
        if (size := self._check_add_window(count + more)) > 0:
            with contextlib.suppress(OSError), sending():  # the next read tells
                self.transport._send_user_message(self._window_message(size))

    def _window_message(self, size: int) -> Any:
        message = Message()
        message.add_byte(common.cMSG_CHANNEL_WINDOW_ADJUST)
        message.add_int(self.remote_chanid)
        message.add_int(size)
        return message

    # -- called by the transport's thread ---------------------------------------------

    def _tell(self) -> None:
        with self.news:
            self.news.notify_all()

    def _feed(self, m: Any) -> None:
        super()._feed(m)
        self._tell()

    def _feed_extended(self, m: Any) -> None:
        m.get_int()  # the only kind there is: standard error
        data = m.get_binary()
        with self.news:
            self.tail += data
            del self.tail[:-STDERR_LIMIT]
            self.news.notify_all()
        if self.transport.in_kex:
            # Only key exchange messages may be sent now, and this thread cannot wait.
            with self.lock:
                self._unacknowledged += len(data)
        elif (size := self._check_add_window(len(data))) > 0:
            self.transport._send_message(self._window_message(size))

    def _window_adjust(self, m: Any) -> None:
        credit = m.get_int()
        with self.lock:
            self.out_window_size += self._pay(credit)
        self._tell()

    def _request_success(self, m: Any) -> None:
        super()._request_success(m)
        self.started = True
        self._tell()

    def _request_failed(self, m: Any) -> None:
        self.refusal = "the server refuses to start programs"
        super()._request_failed(m)
        self._tell()

    def _handle_request(self, m: Any) -> None:
        position = m.packet.tell()
        request = m.get_text()
        self.has_status |= request in ("exit-status", "exit-signal")
        if request == "exit-signal":
            m.get_boolean()
            name = m.get_text()
            number = getattr(signal, f"SIG{name}", None)
            self.exit_status = -int(number) if number is not None else -int(signal.SIGKILL)
            self.status_event.set()
        else:
            m.packet.seek(position)
            super()._handle_request(m)
        self._tell()

    def _handle_eof(self, m: Any) -> None:
        super()._handle_eof(m)
        self._tell()

    def _handle_close(self, m: Any) -> None:
        self.ended_well = True
        super()._handle_close(m)

    def _set_closed(self) -> None:
        super()._set_closed()
        self._tell()
