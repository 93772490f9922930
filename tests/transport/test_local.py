"""Programs of this machine, and hosts that follow a script."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from provision.errors import ChannelLost, ConnectFailed, HostKeyRejected
from provision.transport import payload
from provision.transport.base import Channel, Secret, Target
from provision.transport.fake import Drops, FakeConnector, Hangs, Refuses, Says, Works
from provision.transport.link import Link, Step
from provision.transport.local import LocalConnector
from provision.transport.refusal import is_transient

WAIT_S = 20.0
HERE = Target("here", kind="local", connect_timeout_s=0.2)


def read_all(channel: Channel) -> bytes:
    pieces = []
    while data := channel.recv(1 << 16, WAIT_S):
        pieces.append(data)
    return b"".join(pieces)


@pytest.fixture
def start() -> object:
    connection = LocalConnector().connect(HERE)
    yield connection.start
    connection.close()


def test_input_output_and_status(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("cat; echo complaint >&2; exit 7")
    channel.send(b"hello\0\xff")
    channel.send_eof()
    assert read_all(channel) == b"hello\0\xff"
    assert channel.exit_status(WAIT_S) == 7
    assert channel.stderr() == b"complaint\n"


def test_a_signal_that_ends_the_program_is_its_status(start) -> None:  # type: ignore[no-untyped-def]
    assert start("kill -9 $$").exit_status(WAIT_S) == -9


def test_big_transfers_both_ways_at_once(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("head -c 3000000 /dev/zero; sha256sum; head -c 3000000 /dev/zero")
    data = os.urandom(1 << 20) * 4
    channel.send(data)
    channel.send_eof()
    output = read_all(channel)
    assert output.strip(b"\0").split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert output.count(b"\0") == 6_000_000


def test_a_flood_on_standard_error_keeps_its_end(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("head -c 2000000 /dev/zero >&2; echo the end >&2; echo done")
    assert read_all(channel) == b"done\n"
    said = channel.stderr(WAIT_S)
    assert said.endswith(b"the end\n")
    assert len(said) <= 64 * 1024


def test_standard_error_is_waited_for(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("read x; echo $x >&2; read y")
    assert channel.stderr() == b""
    assert channel.stderr(0.01) == b""
    channel.send(b"word\n")
    assert channel.stderr(WAIT_S) == b"word\n"


def test_nothing_in_time(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("read x; echo $x")
    with pytest.raises(TimeoutError):
        channel.recv(10, 0.02)
    with pytest.raises(TimeoutError):
        channel.exit_status(0.02)
    channel.send(b"late\n")
    assert read_all(channel) == b"late\n"


def test_the_status_does_not_wait_for_what_a_child_left_behind_holds_open(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("sleep 30 & echo begun; exit 4")
    assert channel.exit_status(WAIT_S) == 4
    assert channel.recv(100, WAIT_S) == b"begun\n"


def test_closing_from_another_thread_cuts_a_reader_off(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("sleep 100")
    threading.Timer(0.05, channel.close).start()
    with pytest.raises(ChannelLost, match="closed"):
        channel.recv(1, WAIT_S)


def test_closing_ends_the_program_and_its_children(tmp_path: Path) -> None:
    connection = LocalConnector().connect(HERE)
    channel = connection.start(f"sleep 100 & echo $! > {tmp_path}/pid; echo ready; wait")
    assert channel.recv(100, WAIT_S) == b"ready\n"
    connection.close()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(pid):
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_sending_to_a_program_that_has_gone(start) -> None:  # type: ignore[no-untyped-def]
    channel = start("exec true")
    channel.exit_status(WAIT_S)
    with pytest.raises(ChannelLost, match="went away"):
        channel.send(b"x" * 1_000_000)


def test_a_closed_connection_starts_nothing() -> None:
    connection = LocalConnector().connect(HERE)
    connection.close()
    with pytest.raises(ChannelLost, match="closed"):
        connection.start("true")


# -- scripted hosts -------------------------------------------------------------------------


def test_the_real_agent_runs_in_a_scripted_host() -> None:
    connection = FakeConnector({"a": Works()}).connect(Target("a"))
    link = Link(connection.start(payload.command_line()), "a", ["ping"])
    said = list(link.run([Step(0, "ping", {})]))
    assert [message["type"] for message in said] == ["result"]
    connection.close()


def test_one_script_an_attempt_and_the_last_one_stays() -> None:
    connector = FakeConnector(
        {"late": [Refuses(transient=True), Refuses(), Says(b"hello", b"!", 3)]}
    )
    with pytest.raises(ConnectFailed) as caught:
        connector.connect(Target("late"))
    assert is_transient(caught.value)
    with pytest.raises(ConnectFailed) as caught:
        connector.connect(Target("late"))
    assert not is_transient(caught.value)
    for _ in range(2):
        channel = connector.connect(Target("late")).start("anything")
        assert read_all(channel) == b"hello"
        assert (channel.stderr(), channel.exit_status(0)) == (b"!", 3)
    assert connector.attempts == ["late"] * 4


def test_any_error_can_be_scripted() -> None:
    connector = FakeConnector({"a": Refuses(HostKeyRejected("unknown", host="a"))})
    with pytest.raises(HostKeyRejected):
        connector.connect(Target("a"))


@pytest.mark.parametrize("phase", ["connect", "start"])
def test_a_host_that_hangs_before_its_program_runs(phase: str) -> None:
    connector = FakeConnector({"a": Hangs(phase)})  # type: ignore[arg-type]
    with pytest.raises(ConnectFailed, match=r"nothing came within 0\.2 s"):
        connector.connect(Target("a", connect_timeout_s=0.2)).start("true")


def test_a_host_whose_program_is_silent() -> None:
    channel = FakeConnector({"a": Hangs("output")}).connect(Target("a")).start("true")
    channel.send(b"into the void")
    with pytest.raises(TimeoutError):
        channel.recv(1, 0.02)
    threading.Timer(0.02, channel.close).start()
    with pytest.raises(ChannelLost):
        channel.recv(1, WAIT_S)


def test_closing_a_connector_wakes_who_waits_for_a_scripted_host() -> None:
    connector = FakeConnector({"a": Hangs("connect")})
    threading.Timer(0.02, connector.close).start()
    with pytest.raises(ConnectFailed, match="it was closed"):
        connector.connect(Target("a", connect_timeout_s=60))


def test_a_line_that_breaks_after_some_bytes() -> None:
    connection = FakeConnector({"a": Drops(after_bytes=5)}).connect(Target("a"))
    channel = connection.start("echo hello world")
    assert channel.recv(100, WAIT_S) == b"hello"
    with pytest.raises(ChannelLost):
        channel.recv(100, WAIT_S)


def test_secrets_are_not_shown() -> None:
    target = Target("a", password=Secret("hunter2"), key_passphrase=Secret("hunter3"))
    assert "hunter" not in repr(target)
