"""uri, against a server on this machine."""

from __future__ import annotations

import base64
import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "socket"

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if self.path == "/echo":
            said = {
                "method": self.command,
                "body": body.decode("latin-1"),
                "headers": {name.lower(): value for name, value in self.headers.items()},
            }
            self.answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})
        elif self.path == "/moved":
            self.answer(302, b"", {"Location": "/echo"})
        elif self.path == "/kept":
            self.answer(307, b"", {"Location": "/echo"})
        elif self.path == "/gzip":
            self.answer(200, gzip.compress(b"packed"), {"Content-Encoding": "gzip"})
        elif self.path == "/cookies":
            self.answer(200, b"", {"Set-Cookie": "a=1; Path=/", "X-Two-Words": "yes"})
        elif self.path == "/text":
            self.answer(
                200, "Grüße".encode("latin-1"), {"Content-Type": "text/plain; charset=latin-1"}
            )
        elif self.path == "/broken":
            self.answer(200, b"{nothing", {"Content-Type": "application/json"})
        else:
            self.answer(404, b"no such thing")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def echo(here: ActionHost, **args: Any) -> dict[str, Any]:
    outcome = here.run("uri", **args)
    assert outcome.status == "ok", outcome.msg
    said: dict[str, Any] = outcome.data["json"]
    return said


def test_an_answer_is_told(here: ActionHost, url: str) -> None:
    outcome = here.run("uri", url=f"{url}/echo")
    assert (outcome.status, outcome.data["status"]) == ("ok", 200)
    assert outcome.data["content_type"] == "application/json"
    assert outcome.data["redirected"] is False
    assert "content" not in outcome.data
    assert here.run("uri", url=f"{url}/echo", return_content=True).data["content"].startswith("{")


def test_a_wrong_status_fails_with_the_content(here: ActionHost, url: str) -> None:
    outcome = here.run("uri", url=f"{url}/nothing")
    assert outcome.status == "failed"
    assert outcome.msg == "Status code was 404 and not [200]: HTTP Error 404: Not Found"
    assert outcome.data["content"] == "no such thing"
    assert here.run("uri", url=f"{url}/nothing", status_code="200, 404").status == "ok"


def test_no_answer_at_all(here: ActionHost) -> None:
    outcome = here.run("uri", url="http://127.0.0.1:1/")
    assert (outcome.status, outcome.data["status"]) == ("failed", -1)
    assert "Connection refused" in outcome.msg


def test_bodies(here: ActionHost, url: str) -> None:
    target = f"{url}/echo"
    sent = echo(here, url=target, method="post", body={"a": [1]}, body_format="json")
    assert (sent["method"], sent["body"]) == ("POST", '{"a": [1]}')
    assert sent["headers"]["content-type"] == "application/json"
    form = {"url": target, "method": "POST", "body_format": "form-urlencoded"}
    sent = echo(here, **form, body={"q": "a b&c", "l": [1, 2]})
    assert sent["body"] == "q=a+b%26c&l=1&l=2"
    assert echo(here, **form, body=[["x", "1"], ["x", "2"]])["body"] == "x=1&x=2"
    assert echo(here, url=target, method="PUT", body="plain")["body"] == "plain"


def test_a_multipart_form(here: ActionHost, url: str) -> None:
    (here.project / "files").mkdir()
    (here.project / "files" / "m.bin").write_bytes(b"\x00\xff")
    sent = echo(
        here,
        url=f"{url}/echo",
        method="POST",
        body_format="form-multipart",
        body={
            "text": "hello",
            "file": {"filename": "m.bin", "mime_type": "application/x-m"},
            "made": {"content": "inline", "filename": "n.txt"},
        },
    )
    kind, _, boundary = sent["headers"]["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    parts = sent["body"].split("--" + boundary)
    assert 'name="text"\r\n\r\nhello\r\n' in parts[1]
    assert 'name="file"; filename="m.bin"\r\nContent-Type: application/x-m' in parts[2]
    assert "\r\n\r\n\x00ÿ\r\n" in parts[2]
    assert 'filename="n.txt"' in parts[3]
    assert "inline" in parts[3]


def test_a_file_as_body(here: ActionHost, url: str, tmp_path: Path) -> None:
    (here.project / "files").mkdir()
    (here.project / "files" / "body.txt").write_text("from here")
    assert echo(here, url=f"{url}/echo", method="POST", src="body.txt")["body"] == "from here"
    there = tmp_path / "there"
    there.write_text("from there")
    sent = echo(here, url=f"{url}/echo", method="POST", src=str(there), remote_src=True)
    assert sent["body"] == "from there"


def test_headers_and_authentication(here: ActionHost, url: str) -> None:
    sent = echo(here, url=f"{url}/echo", headers={"X-Token": "t"}, user="me", password="s3cret")
    assert sent["headers"]["x-token"] == "t"
    basic = base64.b64decode(sent["headers"]["authorization"].split()[1])
    assert basic == b"me:s3cret"


def test_redirects(here: ActionHost, url: str) -> None:
    outcome = here.run("uri", url=f"{url}/moved")
    assert (outcome.data["redirected"], outcome.data["url"]) == (True, f"{url}/echo")
    post: dict[str, Any] = {
        "url": f"{url}/moved",
        "method": "POST",
        "body": "x",
        "status_code": [302],
    }
    assert here.run("uri", **post).status == "ok"
    assert here.run("uri", url=f"{url}/moved", follow_redirects="none").status == "failed"
    sent = echo(here, url=f"{url}/moved", method="POST", body="x", follow_redirects="all")
    assert (sent["method"], sent["body"]) == ("GET", "")
    sent = echo(here, url=f"{url}/kept", method="POST", body="x", follow_redirects="all")
    assert (sent["method"], sent["body"]) == ("POST", "x")


def test_what_answers_hold(here: ActionHost, url: str) -> None:
    cookies = here.run("uri", url=f"{url}/cookies").data
    assert (cookies["cookies"], cookies["cookies_string"]) == ({"a": "1"}, "a=1")
    assert cookies["x_two_words"] == "yes"
    assert here.run("uri", url=f"{url}/gzip", return_content=True).data["content"] == "packed"
    assert here.run("uri", url=f"{url}/text", return_content=True).data["content"] == "Grüße"
    assert "json" not in here.run("uri", url=f"{url}/broken").data


def test_an_answer_is_saved(here: ActionHost, url: str, tmp_path: Path) -> None:
    target = tmp_path / "saved"
    args: dict[str, Any] = {"url": f"{url}/gzip", "dest": str(target), "mode": "0640"}
    assert here.run("uri", **args, check=True).status == "changed"
    assert not target.exists()
    assert here.run("uri", **args).status == "changed"
    assert target.read_bytes() == b"packed"
    assert target.stat().st_mode & 0o777 == 0o640
    assert here.run("uri", **args).status == "ok"
    into = tmp_path / "folder"
    into.mkdir()
    outcome = here.run("uri", url=f"{url}/gzip", dest=str(into))
    assert outcome.data["path"] == str(into / "gzip")


def test_guards_and_checks(here: ActionHost, url: str, tmp_path: Path) -> None:
    assert here.run("uri", url=f"{url}/nothing", creates=str(tmp_path)).status == "ok"
    assert here.run("uri", url=f"{url}/echo", method="DELETE", check=True).status == "unknown"
    assert here.run("uri", url=f"{url}/echo", check=True).status == "ok"


def test_a_socket_in_the_file_system(here: ActionHost, tmp_path: Path) -> None:
    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    path = tmp_path / "s"
    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        sent = echo(here, url="http://localhost/echo", unix_socket=str(path))
        assert sent["headers"]["host"] == "localhost"
        server.shutdown()
        thread.join()


def test_a_body_or_a_file(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="not both"):
        here.run("uri", url="http://x/", body="a", src="b")
