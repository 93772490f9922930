"""Paramiko's transport with what we need beyond its public interface.

- No thread per handshake timer, no ten wake-ups a second, an end that wakes every waiter.
- The service request, the first authentication, the first channel, its program and that
  program's first input are sent without waiting for the answers in between (only to OpenSSH,
  whose first session channel is number 0 and whose window opens with the program).
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko import auth_handler, common, packet, transport
from paramiko.message import Message

from provision.transport.pipe import Pipe, sending

__all__ = ["Client", "Wire"]

_WAKE_S = 5.0  # how often an idle transport looks whether it should send a keep-alive

# The type stubs know nothing of what stands below the public surface.
_Packetizer: Any = packet.Packetizer
_AuthHandler: Any = auth_handler.AuthOnlyHandler
_Client: Any = paramiko.SSHClient
_Transport: Any = transport.ServiceRequestingTransport

# Paramiko logs tracebacks of what we report as errors; whoever sets a level of his own sees them.
_logger = logging.getLogger("paramiko")
_logger.addHandler(logging.NullHandler())
if _logger.level == logging.NOTSET:
    _logger.setLevel(logging.CRITICAL)


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
        options.ciphers = tuple(name for name in _CIPHERS if name in self._cipher_info)
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
            with contextlib.suppress(OSError), sending():  # from closing a dead jump's channel
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
        with sending():
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
        with contextlib.suppress(OSError), sending():  # a jump host may be gone already
            super().close()
        for channel in self._channels.values():
            channel._unlink()
        with contextlib.suppress(OSError), sending():
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
