"""Peers that refuse, hang or drop in each phase: a clear error within the host's own limit."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from provision.errors import ConnectFailed
from provision.transport.base import Target
from provision.transport.refusal import is_transient
from provision.transport.ssh import SshConnector

from tests.transport.sshd import Sshd, free_port, keygen, stub_server

LIMIT_S = 0.3


def target(port: int, key: Path | None = None, **changes: object) -> Target:
    return Target(
        host="box",
        address="127.0.0.1",
        port=port,
        user="somebody",
        private_key_files=(str(key),) if key else (),
        known_hosts_files=("/dev/null",),
        ssh_args=("-F", "none", "-o", "UserKnownHostsFile=/dev/null"),
        accept_new_host_keys=True,
        connect_timeout_s=LIMIT_S,
        **changes,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keygen(tmp_path_factory.mktemp("keys") / "key")


def failure(connector: SshConnector, port: int, key: Path | None = None) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        connector.connect(target(port, key))
    return caught.value


# -- before there is a session --------------------------------------------------------------


def test_nothing_listens(connector: SshConnector) -> None:
    error = failure(connector, free_port())
    assert "no connection to 127.0.0.1" in str(error)
    assert "Connection refused" in error.why
    assert error.phase == "TCP connection"
    assert is_transient(error)


def test_nothing_answers_the_connection_request(connector: SshConnector) -> None:
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())  # takes the only place in the queue
        error = failure(connector, full.getsockname()[1])
    assert error.phase == "TCP connection"
    assert "nothing came within 0.3 s" in error.why
    assert not is_transient(error)


def test_a_name_that_does_not_exist(connector: SshConnector) -> None:
    with pytest.raises(ConnectFailed, match=r"nowhere\.invalid cannot be resolved") as caught:
        connector.connect(Target(host="nowhere.invalid", ssh_args=("-F", "none")))
    assert caught.value.phase == "name resolution"


def test_no_banner(connector: SshConnector) -> None:
    with stub_server(lambda sock: sock.recv(1)) as port:
        error = failure(connector, port)
    assert error.phase == "SSH banner"
    assert is_transient(error)


def test_dropped_before_the_banner(connector: SshConnector) -> None:
    with stub_server(lambda sock: sock.close()) as port:
        error = failure(connector, port)
    assert error.phase == "SSH banner"
    assert "MaxStartups" in error.hint
    assert is_transient(error)


def test_reset_before_the_banner(connector: SshConnector) -> None:
    def reset(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    with stub_server(reset) as port:
        assert is_transient(failure(connector, port))


def test_too_many_startups_said_in_words(connector: SshConnector) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"Exceeded MaxStartups\r\n")
        sock.close()

    with stub_server(serve) as port:
        error = failure(connector, port)
    assert error.why == "Exceeded MaxStartups"
    assert is_transient(error)


def test_something_else_listens(connector: SshConnector) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        sock.close()

    with stub_server(serve) as port:
        error = failure(connector, port)
    assert "does not speak SSH" in str(error)
    assert "HTTP/1.1 400" in error.why
    assert not is_transient(error)


def test_no_key_exchange(connector: SshConnector) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        time.sleep(5)

    with stub_server(serve) as port:
        error = failure(connector, port)
    assert error.phase == "key exchange"


def test_dropped_in_the_key_exchange(connector: SshConnector) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        sock.recv(100)
        sock.shutdown(socket.SHUT_RDWR)

    with stub_server(serve) as port:
        error = failure(connector, port)
    assert error.phase == "key exchange"
    assert is_transient(error)


@pytest.mark.parametrize("phase", ["TCP connection", "SSH banner"])
def test_closing_the_connector_ends_an_attempt_under_way(
    connector: SshConnector, phase: str
) -> None:
    errors: list[ConnectFailed] = []

    def attempt(port: int) -> None:
        try:
            connector.connect(replace(target(port), connect_timeout_s=60.0))
        except ConnectFailed as exc:
            errors.append(exc)

    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        if phase == "TCP connection":
            first.connect(full.getsockname())  # takes the only place in the queue
        thread = threading.Thread(target=attempt, args=(full.getsockname()[1],))
        thread.start()
        thread.join(0.2)
        connector.close()
        thread.join(10)
    assert [error.what.endswith("connecting was given up") for error in errors] == [True]
    assert not is_transient(errors[0])


# -- within a session -----------------------------------------------------------------------


class _Server(paramiko.ServerInterface):
    """Grants everything up to the phase it hangs or drops in."""

    def __init__(self, phase: str, release: threading.Event) -> None:
        self._phase = phase
        self._release = release

    def _reached(self, phase: str) -> None:
        if phase == self._phase:
            self._release.wait(20)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._reached("authentication")
        return paramiko.AUTH_SUCCESSFUL  # type: ignore[attr-defined, no-any-return]

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._reached("opening a channel")
        return paramiko.OPEN_SUCCEEDED  # type: ignore[attr-defined, no-any-return]

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._reached("starting the program")
        return True


@contextmanager
def session_server(key: Path, phase: str, name: str = "OpenSSH_9.9") -> Iterator[int]:
    release = threading.Event()
    transports: list[paramiko.Transport] = []

    def serve(sock: socket.socket) -> None:
        transport = paramiko.Transport(sock)
        transports.append(transport)
        transport.local_version = f"SSH-2.0-{name}"
        transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(key)))
        transport.start_server(threading.Event(), _Server(phase, release))
        release.wait(20)

    with stub_server(serve) as port:
        yield port
        release.set()
        for transport in transports:
            transport.close()


@pytest.mark.parametrize("name", ["OpenSSH_9.9", "Other_1.0"])
@pytest.mark.parametrize("phase", ["authentication", "opening a channel", "starting the program"])
def test_a_session_that_hangs(connector: SshConnector, key: Path, phase: str, name: str) -> None:
    patient = replace(target(0, key), connect_timeout_s=0.5)
    with session_server(key, phase, name) as port, pytest.raises(ConnectFailed) as caught:
        connector.connect(replace(patient, port=port)).start("true").recv(1, 20)
    assert caught.value.phase == phase
    assert caught.value.host == "box"


def test_a_server_we_do_not_know_is_asked_step_by_step(connector: SshConnector, key: Path) -> None:
    with session_server(key, "", "Other_1.0") as port:
        connection = connector.connect(target(port, key))
        channel = connection.start("true")
        assert connection.wire.is_authenticated()
        channel.close()


def test_other_hosts_do_not_wait_for_one_that_hangs(connector: SshConnector, sshd: Sshd) -> None:
    done: list[str] = []

    def one(name: str, where: Target) -> None:
        try:
            connector.connect(where).start("true").recv(1, 20)
        except ConnectFailed:
            pass
        done.append(name)

    with stub_server(lambda sock: time.sleep(20)) as port:
        hung = replace(target(port), connect_timeout_s=60.0)
        thread = threading.Thread(target=one, args=("hung", hung), daemon=True)
        thread.start()
        one("good", sshd.target())
        assert done == ["good"]
        connector.close()
        thread.join(10)
    assert done == ["good", "hung"]
