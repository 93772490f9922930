"""Port forwards both ways through a real sshd."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket

import pytest
from provision.errors import AuthenticationFailed, ChannelLost, InputError
from provision.transport.forward import forward, reverse
from provision.transport.ssh import SshConnector

from tests.transport.conftest import MakeSshd
from tests.transport.sshd import Sshd, free_port, keygen, stub_server


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def asked(port: int, data: bytes) -> bytes:
    """What comes back from `port` here when `data` was sent and ended."""
    answer = bytearray()
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65536):
            answer += piece
    return bytes(answer)


def test_a_port_here_leads_there(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    data = os.urandom(300_000)
    with stub_server(echo) as port, forward(connection, 0, "127.0.0.1", port) as tunnel:
        for _ in range(2):
            assert (
                hashlib.sha256(asked(tunnel.port, data)).digest() == hashlib.sha256(data).digest()
            )


def test_a_port_there_leads_here(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    with stub_server(echo) as port, reverse(connection, 0, "127.0.0.1", port) as tunnel:
        assert tunnel.port
        assert asked(tunnel.port, b"hello") == b"hello"


def test_a_forward_to_nothing_closes_and_goes_on(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    with forward(connection, 0, "127.0.0.1", free_port()) as tunnel:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", tunnel.port), 20) as sock:
                assert sock.recv(1) == b""


def test_a_closed_forward_cuts_its_connections(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    with stub_server(echo) as port:
        tunnel = forward(connection, 0, "127.0.0.1", port)
        with socket.create_connection(("127.0.0.1", tunnel.port), 20) as sock:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
            tunnel.close()
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", tunnel.port), 20)


def test_a_port_that_is_taken(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{sshd.port}"):
        forward(connection, sshd.port, "127.0.0.1", 1)
    with pytest.raises(ChannelLost, match=f"does not listen on 127.0.0.1:{sshd.port}"):
        reverse(connection, sshd.port, "127.0.0.1", 1)


def test_a_forward_needs_a_login(
    make_sshd: MakeSshd, connector: SshConnector, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = make_sshd()
    key = keygen(tmp_path_factory.mktemp("keys") / "stranger")
    connection = connector.connect(server.target(private_key_files=(str(key),)))
    with pytest.raises(AuthenticationFailed):
        forward(connection, 0, "127.0.0.1", 1)
