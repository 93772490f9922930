"""Programs over SSH, against a real sshd."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from provision.errors import AuthenticationFailed, ChannelLost, ConnectFailed, Unreachable
from provision.transport.base import Channel
from provision.transport.become import become_command
from provision.transport.ssh import SshConnector

from tests.transport.conftest import MakeConnector, MakeSshd, assert_no_threads
from tests.transport.sshd import Sshd, free_port, keygen

WAIT_S = 20.0


def read_all(channel: Channel) -> bytes:
    pieces = []
    while data := channel.recv(1 << 17, WAIT_S):
        pieces.append(data)
    return b"".join(pieces)


def test_a_program_gets_input_and_gives_output_and_status(
    sshd: Sshd, connector: SshConnector
) -> None:
    connection = connector.connect(sshd.target())
    channel = connection.start("cat; echo complaint >&2; exit 7")
    channel.send(b"hello\0\xff")
    channel.send_eof()
    assert read_all(channel) == b"hello\0\xff"
    assert channel.exit_status(WAIT_S) == 7
    assert channel.stderr() == b"complaint\n"
    connection.close()


def test_a_session_has_room_for_several_programs(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    one = connection.start("read x; echo one $x")
    other = connection.start("read x; echo other $x")
    other.send(b"2\n")
    one.send(b"1\n")
    assert (read_all(one), read_all(other)) == (b"one 1\n", b"other 2\n")


def test_the_first_program_and_its_input_precede_the_answer_to_the_login(
    sshd: Sshd, connector: SshConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent early arrives once, in order, and the accounting of the window is right."""
    connection = connector.connect(sshd.target())
    asked: list[bool] = []
    finish = connection._login.finish

    def watched() -> None:
        asked.append(True)
        finish()

    monkeypatch.setattr(connection._login, "finish", watched)
    channel = connection.start("sha256sum")
    data = os.urandom(150_000)
    channel.send(data)
    assert not asked
    channel.send(data * 40)  # more than any window
    channel.send_eof()
    assert read_all(channel).split()[0].decode() == hashlib.sha256(data * 41).hexdigest()
    assert connection.first_try


def test_what_was_sent_early_is_sent_again_when_a_later_key_is_taken(
    sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    stranger = (
        keygen(sshd.directory / "stranger")
        if not (sshd.directory / "stranger").exists()
        else sshd.directory / "stranger"
    )
    target = sshd.target(private_key_files=(str(stranger), str(sshd.key)))
    connection = connector.connect(target)
    channel = connection.start("cat")
    channel.send(b"x" * 100_000)
    channel.send(b"y" * 200_000)
    channel.send_eof()
    assert read_all(channel) == b"x" * 100_000 + b"y" * 200_000
    assert channel.exit_status(WAIT_S) == 0
    assert not connection.first_try


def test_a_signal_that_ends_the_program_is_its_status(sshd: Sshd, connector: SshConnector) -> None:
    channel = connector.connect(sshd.target()).start(become_command("kill -9 $$", None))
    assert read_all(channel) == b""
    assert channel.exit_status(WAIT_S) == -9


def test_nothing_in_time_is_a_timeout_and_harms_nothing(
    sshd: Sshd, connector: SshConnector
) -> None:
    channel = connector.connect(sshd.target()).start("read x; echo $x")
    with pytest.raises(TimeoutError):
        channel.recv(10, 0.05)
    with pytest.raises(TimeoutError):
        channel.exit_status(0.05)
    channel.send(b"late\n")
    assert read_all(channel) == b"late\n"


def test_big_transfers_both_ways_at_once(sshd: Sshd, connector: SshConnector) -> None:
    """The peer writes before it reads: who only sends would wait for ever."""
    channel = connector.connect(sshd.target()).start(
        "head -c 12000000 /dev/zero; sha256sum; head -c 12000000 /dev/zero"
    )
    data = os.urandom(1 << 20) * 12
    channel.send(data)
    channel.send_eof()
    output = read_all(channel)
    assert output.strip(b"\0").split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert output.count(b"\0") == 24_000_000


def test_keys_renewed_in_the_middle_of_everything(
    make_sshd: MakeSshd, connector: SshConnector
) -> None:
    server = make_sshd("RekeyLimit 1M")
    channel = connector.connect(server.target()).start(
        "head -c 6000000 /dev/zero; head -c 6000000 /dev/zero >&2; sha256sum"
    )
    data = os.urandom(1 << 20) * 6
    channel.send(data)
    channel.send_eof()
    output = read_all(channel)
    assert output.strip(b"\0").split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert channel.exit_status(WAIT_S) == 0


def test_a_peer_that_is_stopped_cannot_hold_up_a_close(
    make_sshd: MakeSshd, connector: SshConnector
) -> None:
    server = make_sshd()
    connection = connector.connect(server.target())
    channel = connection.start("echo ready; cat >/dev/null")
    assert channel.recv(100, WAIT_S) == b"ready\n"
    # Small enough to be full before SSH's own window is.
    connection.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server.signal_sessions(signal.SIGSTOP)
    failed: list[BaseException] = []

    def send() -> None:
        try:
            channel.send(b"x" * 100_000_000)
        except ChannelLost as exc:
            failed.append(exc)

    sender = threading.Thread(target=send)
    sender.start()
    sender.join(0.5)  # by now everything is full
    closer = threading.Thread(target=channel.close, daemon=True)
    closer.start()
    closer.join(WAIT_S)
    sender.join(WAIT_S)
    server.signal_sessions(signal.SIGKILL)
    assert not closer.is_alive()
    assert len(failed) == 1


def test_a_flood_on_standard_error_blocks_nothing_and_keeps_its_end(
    sshd: Sshd, connector: SshConnector
) -> None:
    channel = connector.connect(sshd.target()).start(
        "head -c 8000000 /dev/zero >&2; echo the end >&2; echo done"
    )
    assert read_all(channel) == b"done\n"
    channel.exit_status(WAIT_S)
    said = channel.stderr()
    assert said.endswith(b"the end\n")
    assert len(said) == 64 * 1024


def test_waiting_for_the_status_keeps_the_output(sshd: Sshd, connector: SshConnector) -> None:
    channel = connector.connect(sshd.target()).start("head -c 5000000 /dev/zero; exit 3")
    assert channel.exit_status(WAIT_S) == 3
    assert len(read_all(channel)) == 5_000_000


def test_closing_from_another_thread_cuts_a_reader_off(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    channel = connection.start("echo ready; sleep 100")
    assert channel.recv(100, WAIT_S) == b"ready\n"
    threading.Timer(0.05, connection.close).start()
    with pytest.raises(ChannelLost):
        channel.recv(100, WAIT_S)


def test_closing_a_channel_cuts_its_reader_and_leaves_the_session(
    sshd: Sshd, connector: SshConnector
) -> None:
    connection = connector.connect(sshd.target())
    channel = connection.start("echo ready; sleep 100")
    assert channel.recv(100, WAIT_S) == b"ready\n"
    threading.Timer(0.05, channel.close).start()
    with pytest.raises(ChannelLost, match="closed"):
        channel.recv(100, WAIT_S)
    assert read_all(connection.start("echo next")) == b"next\n"


def test_a_connection_that_dies_is_said_to_the_reader(
    make_sshd: MakeSshd, connector: SshConnector
) -> None:
    server = make_sshd()
    channel = connector.connect(server.target()).start("echo ready; sleep 100")
    assert channel.recv(100, WAIT_S) == b"ready\n"
    server.signal_sessions(signal.SIGKILL)
    with pytest.raises(ChannelLost) as caught:
        channel.recv(100, WAIT_S)
    assert f"the connection to 127.0.0.1:{server.port} broke" in str(caught.value)


def test_sending_to_a_program_that_has_gone(sshd: Sshd, connector: SshConnector) -> None:
    channel = connector.connect(sshd.target()).start("exec true")
    assert read_all(channel) == b""
    with pytest.raises(ChannelLost, match="ended"):
        channel.send(b"x" * 10_000_000)


@pytest.mark.parametrize("wait", ["ready", "recv"])
def test_a_login_that_is_refused_says_what_was_tried(
    sshd: Sshd, connector: SshConnector, wait: str, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "stranger")
    connection = connector.connect(sshd.target(private_key_files=(str(key), "/nowhere/key")))
    channel = connection.start("cat")
    channel.send(b"x" * 50_000)
    with pytest.raises(AuthenticationFailed) as caught:
        connection.ready() if wait == "ready" else channel.recv(10, WAIT_S)
    text = str(caught.value)
    assert f"127.0.0.1:{sshd.port} does not let {sshd.user} log in" in text
    assert f"tried key {key}" in text
    assert "the server takes publickey" in text
    assert "/nowhere/key: there is no such file" in text


def test_without_anything_to_log_in_with(
    sshd: Sshd, connector: SshConnector, empty_home: object
) -> None:
    with pytest.raises(AuthenticationFailed, match="there was nothing to try") as caught:
        connector.connect(sshd.target(private_key_files=()))
    assert "--private-key" in caught.value.hint


def test_a_server_that_refuses_programs(make_sshd: MakeSshd, connector: SshConnector) -> None:
    server = make_sshd("MaxSessions 0")
    channel = connector.connect(server.target()).start("true")
    with pytest.raises(ConnectFailed, match="refuses to start a program"):
        channel.recv(10, WAIT_S)


def test_a_closed_connector_cuts_what_it_made(sshd: Sshd, make_connector: MakeConnector) -> None:
    connector = make_connector()
    channel = connector.connect(sshd.target()).start("echo ready; sleep 100")
    assert channel.recv(100, WAIT_S) == b"ready\n"
    connector.close()
    with pytest.raises(ChannelLost):
        channel.recv(100, WAIT_S)
    with pytest.raises(ConnectFailed):
        connector.connect(sshd.target())


def test_nothing_is_left_open(
    sshd: Sshd, make_connector: MakeConnector, tmp_path: Path, empty_home: Path
) -> None:
    stranger = str(keygen(tmp_path / "stranger"))
    make_connector().connect(sshd.target()).close()  # whatever is opened once
    assert_no_threads()
    before = len(os.listdir("/proc/self/fd"))
    connector = make_connector()
    connector.dial(sshd.target())
    connector.dial(sshd.target(port=free_port()))
    for changes in (
        {"private_key_files": (stranger,)},
        {"port": free_port()},
        {"known_hosts_files": ()},
    ):
        with pytest.raises(Unreachable):
            connector.connect(sshd.target(**changes)).ready()
    connector.connect(sshd.target()).close()
    connector.connect(sshd.target()).start("sleep 100")
    connector.close()
    assert_no_threads()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_connection_dialled_beforehand_is_used(sshd: Sshd, connector: SshConnector) -> None:
    connector.dial(sshd.target())
    connector.dial(sshd.target())
    connection = connector.connect(sshd.target())
    assert read_all(connection.start("echo hello")) == b"hello\n"


def test_a_name_with_several_addresses_is_tried_at_each(
    sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    """`localhost` may be ::1 first, where this server does not listen."""
    known = tmp_path / "known"
    known.write_text(sshd.known_line("ed25519", f"[localhost]:{sshd.port}"))
    target = sshd.target(address="localhost", known_hosts_files=(str(known),))
    assert read_all(connector.connect(target).start("echo hello")) == b"hello\n"


def test_many_connections_at_once(sshd: Sshd, connector: SshConnector) -> None:
    results: list[bytes] = []

    def one(number: int) -> None:
        connection = connector.connect(sshd.target())
        channel = connection.start(f"cat; echo {number}")
        channel.send(b"x" * 10_000)
        channel.send_eof()
        results.append(read_all(channel)[10_000:])
        connection.close()

    run_all([lambda n=n: one(n) for n in range(12)])  # type: ignore[misc]
    assert sorted(results, key=int) == [f"{n}\n".encode() for n in range(12)]


def test_fabric_finds_the_session_open(sshd: Sshd, connector: SshConnector) -> None:
    connection = connector.connect(sshd.target())
    connection.ready()
    assert connection.fabric.is_connected
    assert connection.fabric.run("echo hello", hide=True, in_stream=False).stdout == "hello\n"


def run_all(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
