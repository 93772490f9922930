"""Health requests against real servers on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from provision.agent import httpcheck

CHECK: dict[str, Any] = {
    "path": "/health",
    "status": 200,
    "expect": {},
    "tcp": False,
    "request_timeout_s": 5.0,
}
JSON = b'{"status": "ok", "model": {"name": "bert", "layers": [12, 24]}, "ready": true}'


class Server:
    """Answers every connection with given bytes; `hang` keeps it open without a word."""

    def __init__(self, pieces: list[bytes], hang: bool, family: int) -> None:
        self.listener = socket.socket(family)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen()
        self.pieces = pieces
        self.hang = hang
        self.seen = b""
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _serve(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            with closing(connection):
                if self.over.is_set():
                    return
                self.seen = connection.recv(4096)
                for piece in self.pieces:
                    connection.sendall(piece)
                if self.hang:
                    self.over.wait(20)

    def close(self) -> None:
        self.over.set()
        with closing(socket.socket(self.listener.family)) as waker:
            waker.connect(self.listener.getsockname()[:2])
        self.thread.join()
        self.listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(*pieces: bytes, hang: bool = False, family: int = socket.AF_INET) -> Server:
        made.append(Server(list(pieces), hang, family))
        return made[-1]

    yield make
    for server in made:
        server.close()


def ask(port: int, bind: str = "127.0.0.1", **check: Any) -> httpcheck.Probe:
    probe = httpcheck.Probe(bind, port, {**CHECK, **check}, 10.0)
    httpcheck.run([probe])
    return probe


def answer(status: str, body: bytes = b"", *fields: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def test_a_good_answer_is_ok(serve: Callable[..., Server]) -> None:
    server = serve(answer("200 OK", b"fine"))
    assert ask(server.port).result == "ok"
    lines = server.seen.decode().split("\r\n")
    assert lines[0] == "GET /health HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines


def test_any_address_is_asked_on_this_host(serve: Callable[..., Server]) -> None:
    assert ask(serve(answer("200 OK")).port, bind="0.0.0.0").result == "ok"
    server = serve(answer("200 OK"), family=socket.AF_INET6)
    assert ask(server.port, bind="::").result == "ok"
    assert f"Host: [::1]:{server.port}" in server.seen.decode()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (answer("503 Service Unavailable"), "HTTP status 503, not 200"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP answer"),
        (b"", "the connection was closed without an answer"),
    ],
)
def test_a_bad_answer_is_told(serve: Callable[..., Server], reply: bytes, said: str) -> None:
    assert ask(serve(reply).port).result == said


def test_an_answer_in_pieces_is_put_together(serve: Callable[..., Server]) -> None:
    whole = answer("200 OK", JSON)
    pieces = [whole[i : i + 7] for i in range(0, len(whole), 7)]
    assert ask(serve(*pieces).port, expect={"status": "ok"}).result == "ok"


def test_a_server_that_keeps_the_connection_open_is_no_reason_to_wait(
    serve: Callable[..., Server],
) -> None:
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(JSON[i : i + 20]), JSON[i : i + 20]) for i in range(0, len(JSON), 20)
    )
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(head + chunks + b"0\r\n\r\n", hang=True)
    assert ask(server.port, expect={"model.name": "bert"}).result == "ok"
    assert ask(serve(answer("200 OK", JSON), hang=True).port, expect={"ready": True}).result == "ok"


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"status": "ok", "model.layers.1": 24}, "ok"),
        ({"status": "loading"}, "status is 'ok', not 'loading'"),
        ({"model.size": 3}, "model.size is None, not 3"),
        ({"nothing": None}, "ok"),
    ],
)
def test_fields_of_a_json_answer(
    serve: Callable[..., Server], expect: dict[str, Any], said: str
) -> None:
    assert ask(serve(answer("200 OK", JSON)).port, expect=expect).result == said


def test_what_is_no_json_has_no_fields(serve: Callable[..., Server]) -> None:
    result = ask(serve(answer("200 OK", b"<html>")).port, expect={"a": 1}).result
    assert result == "the answer is no JSON"


def test_silence_ends_in_time(serve: Callable[..., Server]) -> None:
    probe = ask(serve(hang=True).port, request_timeout_s=0.2)
    assert probe.result == "no answer within 0.2 s"
    assert probe.connected


def test_nobody_listens() -> None:
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        probe = ask(port)
    assert probe.result == f"nobody listens on 127.0.0.1 port {port}"
    assert not probe.connected


def test_a_connection_can_be_enough(serve: Callable[..., Server]) -> None:
    assert ask(serve(hang=True).port, tcp=True).result == "ok"


def test_several_are_asked_at_the_same_time(serve: Callable[..., Server]) -> None:
    good, slow = serve(answer("200 OK")), serve(hang=True)
    checks = [{**CHECK, "request_timeout_s": 0.3}] * 3
    probes = [
        httpcheck.Probe("127.0.0.1", port, check, 10.0)
        for port, check in zip((slow.port, good.port, slow.port), checks, strict=True)
    ]
    httpcheck.run(probes)
    assert [probe.result == "ok" for probe in probes] == [False, True, False]
