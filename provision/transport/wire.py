"""Paramiko's transport and channel with what we need beyond its public interface.

The only file that touches Paramiko's internals; `tests/transport/test_wire.py` fails when a
release moves one. What is changed:

- No thread per handshake timer, no ten wake-ups a second, an end that wakes every waiter.
- The service request, the first authentication, the first channel, its program and that
  program's first input are sent without waiting for the answers in between (only to OpenSSH,
  whose first session channel is number 0 and whose window opens with the program).
- A channel keeps the last of standard error instead of letting it fill the window, knows exit
  signals, and reads while it waits to send.
"""

from __future__ import annotations

import contextlib
import logging
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paramiko
from paramiko import auth_handler, buffered_pipe, common, packet, transport
from paramiko.message import Message

__all__ = ["EARLY_WINDOW", "Client", "Pipe", "Wire"]

STDERR_LIMIT = 64 * 1024
# What is sent before the server has said how much it takes. OpenSSH's window is 2 MiB; its
# part before the login hands at most 256 KiB of what it has read to the part after it.
EARLY_WINDOW = 192 * 1024
_PACKET = 32 * 1024 - 64
_STUCK_S = 1.0  # how long a close waits for others to finish sending
_WAKE_S = 5.0  # how often an idle transport looks whether it should send a keep-alive

# The type stubs know nothing of what stands below the public surface.
_Packetizer: Any = packet.Packetizer
_AuthHandler: Any = auth_handler.AuthOnlyHandler
_Client: Any = paramiko.SSHClient
_Channel: Any = paramiko.Channel
_Transport: Any = transport.ServiceRequestingTransport

logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _sending() -> Iterator[None]:
    """Every way in which a dead line shows itself, as OSError."""
    try:
        yield
    except (EOFError, paramiko.SSHException) as exc:
        raise OSError(str(exc) or "the line is dead") from exc


class _Packets(_Packetizer):  # type: ignore[misc]
    """Keeps what came before the banner. The handshake's deadline is not its business."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.lines: list[str] = []

    def readline(self, timeout: float) -> str:
        line: str = super().readline(timeout)
        self.lines.append(line)
        return line

    def start_handshake(self, timeout: float) -> None:
        pass

    def complete_handshake(self) -> None:
        pass


class _Auth(_AuthHandler):  # type: ignore[misc]
    """Sends a request without waiting for the answer; `wait_for_response` is for later."""

    methods: tuple[str, ...] = ()

    def send_auth_request(self, username: str, method: str, finish_message: Any = None) -> Any:
        self.auth_method = method
        self.username = username
        self.auth_event = threading.Event()
        message = Message()
        message.add_byte(common.cMSG_USERAUTH_REQUEST)
        message.add_string(username)
        message.add_string("ssh-connection")
        message.add_string(method)
        finish_message(message)
        with self.transport.lock:
            self.transport._send_message(message)
        return self.auth_event

    def _parse_userauth_failure(self, m: Any) -> None:
        position = m.packet.tell()
        self.methods = tuple(m.get_list())
        m.packet.seek(position)
        super()._parse_userauth_failure(m)


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
        with _sending():
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
        with _sending():
            self.transport._send_user_message(message)
        return count

    def end_input(self) -> None:
        """The program reads its end of input. Raises OSError."""
        with _sending():
            self.shutdown_write()

    def hang_up(self) -> None:
        """Closes it. Where the line is stuck and nothing can be said, cuts the session."""
        with self.lock:
            if self.closed or not self.active:
                return
        if not self.transport.can_send(_STUCK_S):
            self.transport.close()
            return
        with contextlib.suppress(OSError), _sending():
            self.close()

    def _acknowledge(self, count: int) -> None:
        """Opens the peer's window again. Not from the transport's thread."""
        with self.lock:
            self._unacknowledged, more = 0, self._unacknowledged
        if (size := self._check_add_window(count + more)) > 0:
            with contextlib.suppress(OSError), _sending():  # the next read tells
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


class Wire(_Transport):  # type: ignore[misc]
    """One SSH session. `close` may be called by any thread and returns at once."""

    def __init__(self, sock: Any, name: str) -> None:
        self._active_check_timeout = _WAKE_S
        super().__init__(sock, packetizer_class=_Packets)
        self.name = f"ssh {name}"
        self.auth_handler: Any = None
        self.banner_seen = threading.Event()
        self.ended = threading.Event()
        self.kex_done = threading.Event()
        self.disconnected = ""  # the peer's reason
        self.host_key_types: tuple[str, ...] = ()
        self.banner_timeout = 3600  # deadlines are kept by who waits
        options = self.get_security_options()
        options.ciphers = _CIPHERS
        options.digests = _DIGESTS
        self._handler_table[common.MSG_UNIMPLEMENTED] = _ignore

    # One turn of Paramiko's table, which names base-class functions, to those of the object.
    _channel_handler_table = {
        common.MSG_CHANNEL_SUCCESS: lambda chan, m: chan._request_success(m),
        common.MSG_CHANNEL_FAILURE: lambda chan, m: chan._request_failed(m),
        common.MSG_CHANNEL_DATA: lambda chan, m: chan._feed(m),
        common.MSG_CHANNEL_EXTENDED_DATA: lambda chan, m: chan._feed_extended(m),
        common.MSG_CHANNEL_WINDOW_ADJUST: lambda chan, m: chan._window_adjust(m),
        common.MSG_CHANNEL_REQUEST: lambda chan, m: chan._handle_request(m),
        common.MSG_CHANNEL_EOF: lambda chan, m: chan._handle_eof(m),
        common.MSG_CHANNEL_CLOSE: lambda chan, m: chan._handle_close(m),
    }

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Plain host keys only: Paramiko does not check the signature on a certificate."""
        return self._filter_algorithm("keys")  # type: ignore[no-any-return]

    @property
    def lines(self) -> list[str]:
        """What the peer said up to its banner."""
        lines: list[str] = self.packetizer.lines
        return lines

    @property
    def pipelines(self) -> bool:
        """Whether the peer is known to take requests ahead of its answers."""
        version: str = self.remote_version
        return version.startswith("SSH-2.0-OpenSSH_")

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.ended.set()
            for event in (self.banner_seen, self.kex_done):
                event.set()

    def begin(self) -> None:
        """Starts the protocol; `banner_seen` and `kex_done` tell how far it got, or ended."""
        self.start_client(event=self.kex_done)

    def _check_banner(self) -> None:
        super()._check_banner()
        self.banner_seen.set()

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        if self.logger.isEnabledFor(level):
            super()._log(level, msg, *args)

    def _parse_debug(self, m: Any) -> None:
        """Servers send some, nobody reads them, and Paramiko takes 1 ms to escape them."""

    def _parse_disconnect(self, m: Any) -> None:
        position = m.packet.tell()
        m.get_int()
        self.disconnected = m.get_text()
        m.packet.seek(position)
        super()._parse_disconnect(m)

    def _parse_channel_open_failure(self, m: Any) -> None:
        position = m.packet.tell()
        chan = self._channels.get(m.get_int())
        m.get_int()
        reason = m.get_text()
        m.packet.seek(position)
        super()._parse_channel_open_failure(m)
        if isinstance(chan, Pipe):
            chan.refusal = reason or "the server refuses channels"
            with chan.lock:
                chan._set_closed()

    # -- authentication ---------------------------------------------------------------

    def ensure_session(self) -> None:
        """Asks for the authentication service and does not wait for its consent."""
        if self.auth_handler is None:
            message = Message()
            message.add_byte(common.cMSG_SERVICE_REQUEST)
            message.add_string("ssh-userauth")
            self._send_message(message)
            self.auth_handler = _Auth(self)

    # -- channels ---------------------------------------------------------------------

    def open_pipe(self, command: str, *, early: bool) -> Pipe:
        """Asks for a session channel, and when `early` for its program in the same breath.

        Raises OSError.
        """
        with self.lock:
            number = self._next_channel()
            pipe = Pipe(number)
            window = self._sanitize_window_size(None)
            packet = self._sanitize_packet_size(None)
            self._channels.put(number, pipe)
            self.channel_events[number] = threading.Event()
            self.channels_seen[number] = True
            pipe._set_transport(self)
            pipe._set_window(window, packet)
        message = Message()
        message.add_byte(common.cMSG_CHANNEL_OPEN)
        message.add_string("session")
        message.add_int(number)
        message.add_int(window)
        message.add_int(packet)
        with _sending():
            self._send_user_message(message)
        if early:
            pipe.assume_open()
            pipe.request_exec(command)
        return pipe

    def can_send(self, patience_s: float) -> bool:
        """Whether a packet would leave now: nobody is stuck in sending one, and there is room."""
        if not self.clear_to_send_lock.acquire(timeout=patience_s):
            return False
        self.clear_to_send_lock.release()
        if not isinstance(self.sock, socket.socket) or self.sock.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT)
        return bool(poll.poll(patience_s * 1000))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if isinstance(self.sock, socket.socket):
                self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
        super().close()
        self.sock.close()


class Client(_Client):  # type: ignore[misc]
    """What Fabric's connection opens: its session is made by `make`."""

    def __init__(self, make: Callable[[], Wire]) -> None:
        super().__init__()
        self._make = make

    def connect(self, *_args: Any, **_kwargs: Any) -> None:
        self._transport = self._make()


_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_DIGESTS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
)


def _ignore(_message: Any) -> None:
    """An answer to what was sent too early; the failure before it says the same better."""
