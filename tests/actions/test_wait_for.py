"""wait_for, on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return port_of(server)


def test_a_port_that_answers(here: ActionHost, listener: socket.socket) -> None:
    outcome = here.run("wait_for", port=port_of(listener), timeout=5)
    assert (outcome.status, outcome.data["state"]) == ("ok", "started")
    assert here.run("wait_for", port=port_of(listener), check=True).status == "ok"


def test_a_port_that_opens_later(here: ActionHost) -> None:
    port = closed_port()
    opened: list[socket.socket] = []
    timer = threading.Timer(0.2, lambda: opened.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    outcome = here.run("wait_for", port=port, timeout=20, sleep=0.05)
    timer.join()
    opened[0].close()
    assert outcome.status == "ok"


def test_a_port_that_never_opens(here: ActionHost) -> None:
    port = closed_port()
    outcome = here.run("wait_for", port=port, timeout=0.1, sleep=0.05)
    assert outcome.msg == f"Timeout when waiting for 127.0.0.1:{port}"
    assert here.run("wait_for", port=port, timeout=0.1, msg="no model").msg == "no model"
    assert here.run("wait_for", port=port, check=True).status == "unknown"
    assert here.run("wait_for", port=port, state="stopped", timeout=5).status == "ok"


def test_a_port_that_stays_open(here: ActionHost, listener: socket.socket) -> None:
    port = port_of(listener)
    outcome = here.run("wait_for", port=port, state="stopped", timeout=0.1, sleep=0.05)
    assert outcome.msg == f"Timeout when waiting for 127.0.0.1:{port} to stop."


def test_what_a_port_says(here: ActionHost, listener: socket.socket) -> None:
    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(b"SSH-2.0-Open")
            client.sendall(b"SSH_9.2\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    outcome = here.run(
        "wait_for", port=port_of(listener), search_regex=r"OpenSSH_(?P<v>[\d.]+)", timeout=10
    )
    thread.join()
    assert outcome.data["match_groupdict"] == {"v": "9.2"}
    assert outcome.data["match_groups"] == ["9.2"]


def test_connections_drain(here: ActionHost, listener: socket.socket) -> None:
    port = port_of(listener)
    with socket.create_connection(("127.0.0.1", port)):
        outcome = here.run("wait_for", port=port, state="drained", timeout=0.1, sleep=0.05)
        assert outcome.msg == f"Timeout when waiting for 127.0.0.1:{port} to drain"
        excluded = here.run(
            "wait_for", port=port, state="drained", exclude_hosts=["127.0.0.1"], timeout=5
        )
        assert excluded.status == "ok"


def test_a_file(here: ActionHost, tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert here.run("wait_for", path=str(path), timeout=0.1, sleep=0.05).status == "failed"
    assert here.run("wait_for", path=str(path), state="absent").status == "ok"
    path.write_text("one\nready in 42 s\n")
    assert here.run("wait_for", path=str(path)).status == "ok"
    outcome = here.run("wait_for", path=str(path), search_regex=r"^ready in (\d+) s$")
    assert outcome.data["match_groups"] == ["42"]
    missing = here.run("wait_for", path=str(path), search_regex="never", timeout=0.1, sleep=0.05)
    assert missing.msg == f"Timeout when waiting for search string never in file {path}"


def test_only_time(here: ActionHost) -> None:
    assert here.run("wait_for", timeout=0).status == "ok"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"port": 1, "path": "/x"}, "not both"),
        ({"path": "/x", "state": "stopped"}, "only be used for checking a port"),
        ({"path": "/x", "search_regex": "("}, "cannot be read"),
        ({"port": 1, "exclude_hosts": ["a"]}, "drained"),
        ({"port": 1, "active_connection_states": ["OPEN"]}, "OPEN"),
    ],
)
def test_what_does_not_go_together(here: ActionHost, args: dict[str, object], why: str) -> None:
    with pytest.raises(PlaybookError, match=why):
        here.run("wait_for", **args)  # type: ignore[arg-type]
