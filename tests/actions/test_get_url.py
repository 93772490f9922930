"""get_url, against a server on this machine."""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost

CONTENT = b"model weights\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.content = CONTENT
        self.modified = "Mon, 01 Jan 2024 00:00:00 GMT"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers))
        since = headers.get("if-modified-since")
        newer = since is None or (
            parsedate_to_datetime(since) < parsedate_to_datetime(self.server.modified)
        )
        if self.path == "/gone":
            self.answer(404)
        elif self.path == "/private" and "authorization" not in headers:
            self.answer(401)
        elif self.path == "/moved":
            self.answer(302, headers={"Location": f"http://localhost:{self.server.server_port}/f"})
        elif self.path == "/SHA256SUMS":
            self.answer(200, f"{'0' * 64}  other\n{SHA256} *file.bin\n".encode())
        elif self.path == "/short":
            self.answer(200, b"half", {"Content-Length": "8"})
        elif self.path == "/gzip":
            self.answer(200, gzip.compress(self.server.content), {"Content-Encoding": "gzip"})
        elif self.path == "/named":
            disposition = {"Content-Disposition": 'attachment; filename="../../real.bin"'}
            self.answer(200, self.server.content, disposition)
        elif not newer:
            self.answer(304)
        else:
            self.answer(200, self.server.content)

    def answer(self, code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_file_is_downloaded_once(here: ActionHost, server: Server, tmp_path: Path) -> None:
    args: dict[str, Any] = {
        "url": f"{server.url}/file.bin",
        "dest": str(tmp_path / "f"),
        "mode": "0640",
    }
    checked = here.run("get_url", check=True, **args)
    assert (checked.status, (tmp_path / "f").exists()) == ("changed", False)
    outcome = here.run("get_url", **args)
    assert outcome.status == "changed"
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert outcome.data["mode"] == "0640"
    assert outcome.data["status_code"] == 200
    assert outcome.data["checksum_src"] == hashlib.sha1(CONTENT).hexdigest()
    assert outcome.msg == f"OK ({len(CONTENT)} bytes)"
    again = here.run("get_url", **args)
    assert (again.status, again.data["status_code"]) == ("ok", 304)


def test_a_checksum_saves_the_request(here: ActionHost, server: Server, tmp_path: Path) -> None:
    args: dict[str, Any] = {
        "url": f"{server.url}/file.bin",
        "dest": str(tmp_path / "f"),
        "checksum": f"sha256:{SHA256}",
    }
    assert here.run("get_url", **args).status == "changed"
    asked = len(server.requests)
    assert here.run("get_url", **args).status == "ok"
    assert here.run("get_url", check=True, **args).status == "ok"
    assert len(server.requests) == asked


def test_a_list_of_checksums(here: ActionHost, server: Server, tmp_path: Path) -> None:
    args: dict[str, Any] = {
        "url": f"{server.url}/file.bin",
        "dest": str(tmp_path),
        "checksum": f"sha256:{server.url}/SHA256SUMS",
    }
    outcome = here.run("get_url", **args)
    assert outcome.data["dest"] == str(tmp_path / "file.bin")
    other = here.run("get_url", **{**args, "url": f"{server.url}/unlisted"})
    assert other.status == "failed"
    assert "Unable to find a checksum for file 'unlisted'" in other.msg


def test_a_wrong_checksum_leaves_what_was_there(
    here: ActionHost, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    outcome = here.run(
        "get_url", url=f"{server.url}/f", dest=str(path), checksum="sha256:" + "0" * 64
    )
    assert outcome.status == "failed"
    assert "did not match" in outcome.msg
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "project"]


def test_another_content_is_a_change_only_when_it_differs(
    here: ActionHost, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    args: dict[str, Any] = {"url": f"{server.url}/f", "dest": str(path), "force": True}
    assert here.run("get_url", check=True, **args).status == "ok"
    assert here.run("get_url", **args).status == "ok"
    server.content = CONTENT[:-2] + b"!\n"
    assert here.run("get_url", check=True, **args).status == "changed"
    assert path.read_bytes() == CONTENT
    outcome = here.run("get_url", backup=True, **args)
    assert outcome.status == "changed"
    assert path.read_bytes() == server.content
    assert Path(outcome.data["backup_file"]).read_bytes() == CONTENT


def test_only_the_mode_differs(here: ActionHost, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    path.chmod(0o644)
    outcome = here.run("get_url", url=f"{server.url}/f", dest=str(path), mode="0600")
    assert [entry["key"] for entry in outcome.diff] == ["mode"]


def test_an_answer_that_breaks_off(here: ActionHost, server: Server, tmp_path: Path) -> None:
    outcome = here.run("get_url", url=f"{server.url}/short", dest=str(tmp_path / "f"))
    assert outcome.status == "failed"
    assert "ncomplete" in outcome.msg
    assert not (tmp_path / "f").exists()


def test_errors_name_the_address_and_the_reason(
    here: ActionHost, server: Server, tmp_path: Path
) -> None:
    gone = here.run("get_url", url=f"{server.url}/gone", dest=str(tmp_path / "f"))
    assert gone.msg == f"cannot download {server.url}/gone: HTTP 404 Not Found"
    assert gone.data["status_code"] == 404
    refused = here.run("get_url", url="http://127.0.0.1:9/x", dest=str(tmp_path / "f"))
    assert refused.msg == "cannot download http://127.0.0.1:9/x: Connection refused"
    nowhere = here.run("get_url", url=f"{server.url}/f", dest=str(tmp_path / "no" / "f"))
    assert f"directory {tmp_path}/no does not exist" in nowhere.msg


def test_a_password_is_sent_and_not_shown(here: ActionHost, server: Server, tmp_path: Path) -> None:
    address = server.url.replace("http://", "http://me:s3cret@")
    outcome = here.run("get_url", url=f"{address}/private", dest=str(tmp_path / "f"))
    token = base64.b64encode(b"me:s3cret").decode()
    assert outcome.status == "changed"
    assert server.requests[-1][2]["authorization"] == f"Basic {token}"
    assert "s3cret" not in str(outcome)


def test_a_password_does_not_follow_to_another_server(
    here: ActionHost, server: Server, tmp_path: Path
) -> None:
    here.run(
        "get_url", url=f"{server.url}/moved", dest=str(tmp_path / "f"),
        url_username="me", url_password="x", headers={"X-Mine": "1"},
    )  # fmt: skip
    first, second = server.requests[-2:]
    assert "authorization" in first[2]
    assert second[1] == "/f"
    assert "authorization" not in second[2]
    assert second[2]["x-mine"] == "1"


def test_gzip_is_unpacked(here: ActionHost, server: Server, tmp_path: Path) -> None:
    here.run("get_url", url=f"{server.url}/gzip", dest=str(tmp_path / "f"))
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_the_servers_name_cannot_lead_elsewhere(
    here: ActionHost, server: Server, tmp_path: Path
) -> None:
    outcome = here.run("get_url", url=f"{server.url}/named", dest=str(tmp_path))
    assert outcome.data["dest"] == str(tmp_path / "real.bin")


@pytest.mark.parametrize("checksum", ["abc", "sha256:", "sha256:xyz"])
def test_a_checksum_that_cannot_be_read(here: ActionHost, checksum: str) -> None:
    with pytest.raises(PlaybookError, match="checksum"):
        here.run("get_url", url="http://127.0.0.1:9/x", dest="/tmp/x", checksum=checksum)
