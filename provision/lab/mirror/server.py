"""The mirror's HTTP server: the channel, the installers, the package index, the Debian archives."""

from __future__ import annotations

import email.utils
import html
import json
import re
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from provision.errors import LabError
from provision.lab.mirror.apt import AptProxy
from provision.lab.mirror.builds import Built
from provision.lab.mirror.faults import AccessLog, Fault, Faults
from provision.lab.mirror.pypi import JSON_TYPE, PypiProxy, render_html, render_json
from provision.lab.mirror.upstream import NotFound

__all__ = ["CHANNELS", "MirrorServer", "Routes"]

CHANNELS = ("main", "conda-forge", "pkgs/main", "pkgs/r")
_LATEST = "Miniconda3-latest-Linux-x86_64.sh"
_TERMS = {
    "version": 1_700_000_000_000,
    "text": "Terms of the lab's stand-in for the vendor's channels. They bind nobody.",
    "support": "none",
}
_TYPES = {
    ".json": "application/json",
    ".html": "text/html",
    ".sh": "application/x-sh",
    ".zst": "application/zstd",
    ".sha256": "text/plain",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Either bytes or a file."""

    body: bytes | Path
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


def _inside(folder: Path, name: str) -> Path:
    """`folder`/`name`, if that is a file that does not lie outside. Raises NotFound."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise NotFound(f"no {name}")
    return path


def _page(title: str, rows: list[str]) -> Answer:
    body = (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>\n"
        + "\n".join(rows)
        + "\n</body></html>\n"
    )
    return Answer(body.encode(), "text/html; charset=utf-8")


@dataclass
class Routes:
    """Which path means what. `folder` is the state directory; channels laid under its
    `channels/` are served beside the built one."""

    built: Built
    folder: Path
    pypi: PypiProxy
    apt: AptProxy

    def answer(self, path: str, accept: str) -> Answer:
        """Raises NotFound or another LabError."""
        top, _, rest = path.lstrip("/").partition("/")
        if top == "conda":
            return self._conda(re.sub(r"^t/[^/]+/", "", rest))
        if top == "miniconda":
            return self._miniconda(rest)
        if top == "pypi":
            return self._pypi(rest, accept)
        if top in ("debian", "debian-security"):
            return Answer(self.apt.file(top, rest))
        if top == "status":
            return Answer(b'{"ok": true}\n', "application/json")
        if not top:
            return _page(
                "provision lab mirror",
                [
                    f'<a href="/{name}">{name}</a><br>'
                    for name in ("conda/main/noarch/repodata.json", "miniconda/", "status")
                ],
            )
        raise NotFound(f"no {path}")

    def _conda(self, rest: str) -> Answer:
        for name in CHANNELS:
            if rest == f"{name}/tos.json" and name.startswith("pkgs/"):
                return Answer(json.dumps(_TERMS).encode(), "application/json")
            if rest.startswith(f"{name}/"):
                file = _inside(self.built.channel, rest[len(name) + 1 :])
                return Answer(file, _TYPES.get(file.suffix, "application/octet-stream"))
        file = _inside(self.folder / "channels", rest)
        return Answer(file, _TYPES.get(file.suffix, "application/octet-stream"))

    def _miniconda(self, rest: str) -> Answer:
        if rest.startswith(_LATEST):
            newest = max(path.name for path in self.built.installers.glob("*.sh"))
            rest = newest + rest.removeprefix(_LATEST)
        if rest:
            file = _inside(self.built.installers, rest)
            return Answer(file, _TYPES.get(file.suffix, "application/octet-stream"))
        titles = "".join(
            f"<th>{title}</th>" for title in ("Filename", "Size", "Last Modified", "SHA256")
        )
        rows = [f"<table><tr>{titles}</tr>"]
        for path in sorted(self.built.installers.glob("*.sh")):
            digest = path.with_name(f"{path.name}.sha256").read_text().split()[0]
            modified = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(path.stat().st_mtime))
            rows.append(
                f'<tr><td><a href="{html.escape(path.name)}">{html.escape(path.name)}</a>'
                f"</td><td>{path.stat().st_size / 1e6:.1f}M</td><td>{modified}</td>"
                f"<td>{digest}</td></tr>"
            )
        return _page("Index of /miniconda/", [*rows, "</table>"])

    def _pypi(self, rest: str, accept: str) -> Answer:
        parts = [unquote(part) for part in rest.strip("/").split("/")]
        if parts[0] == "simple" and len(parts) == 2:
            project = self.pypi.page(parts[1])
            if JSON_TYPE in accept:
                return Answer(render_json(project), JSON_TYPE)
            return Answer(render_html(project), "text/html; charset=utf-8")
        if parts[0] == "files" and len(parts) == 3:
            return Answer(self.pypi.file(parts[1], parts[2]))
        raise NotFound(f"no {rest}")


class MirrorServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False

    def __init__(self, address: tuple[str, int], routes: Routes) -> None:
        super().__init__(address, _Handler)
        self.routes = routes
        self.faults = Faults(routes.folder / "faults.json")
        self.log = AccessLog(routes.folder / "access.jsonl")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "provision-mirror"
    timeout = 60
    server: MirrorServer

    def do_GET(self) -> None:
        self._sent = 0
        self._status = 0
        path = unquote(urlsplit(self.path).path)
        try:
            self._serve(path)
        except OSError:  # the client went away, or took too long
            self.close_connection = True
        finally:
            self.server.log.write(
                self.client_address[0], self.command, path, self._status, self._sent
            )

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class
        """Nothing: the access log has it."""

    def _serve(self, path: str) -> None:
        fault = self.server.faults.match(path)
        if fault is not None and fault.delay_s:
            time.sleep(fault.delay_s)
        if fault is not None and fault.status is not None:
            self._error(fault.status, "a fault that was asked for")
            return
        try:
            answer = self.server.routes.answer(path, self.headers.get("Accept", ""))
            if isinstance(answer.body, Path):
                with answer.body.open("rb") as file:
                    self._send_file(answer, answer.body, file, fault)
            else:
                self._send(answer, len(answer.body), fault, body=answer.body)
        except (NotFound, FileNotFoundError) as error:
            self._error(404, str(error))
        except (LabError, ValueError) as error:
            self._error(502, str(error))
        except OSError:
            raise
        except Exception as error:
            traceback.print_exc()
            self._error(500, f"{type(error).__name__}: {error}")

    def _error(self, status: int, text: str) -> None:
        body = f"{status} {text}\n".encode()
        self._head(
            status, {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        )
        self._write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self._status = status
        reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Status"
        self.send_response(status, reason)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, data: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(data)
            self._sent += len(data)

    def _send_file(self, answer: Answer, path: Path, file: BinaryIO, fault: Fault | None) -> None:
        state = path.stat()
        tag = f'"{state.st_size:x}-{state.st_mtime_ns:x}"'
        modified = email.utils.formatdate(state.st_mtime, usegmt=True)
        headers = {"ETag": tag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
        if self._unchanged(tag, state.st_mtime):
            self._head(304, headers)
            return
        answer = Answer(answer.body, answer.content_type, headers)
        self._send(answer, state.st_size, fault, file=file)

    def _unchanged(self, tag: str, modified: float) -> bool:
        if self.headers.get("If-None-Match"):
            return tag in self.headers["If-None-Match"]
        since = self.headers.get("If-Modified-Since")
        if not since:
            return False
        with suppress(TypeError, ValueError):
            return int(modified) <= email.utils.parsedate_to_datetime(since).timestamp()
        return False

    def _range(self, size: int) -> tuple[int, int] | None:
        """(first, last) of a single byte range; None: the whole. Raises ValueError."""
        header = self.headers.get("Range", "")
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
        if not match or match[0] == "bytes=-":
            return None
        if not match[1]:
            length = min(int(match[2]), size)
            if length == 0:
                raise ValueError(header)
            return size - length, size - 1
        first, last = int(match[1]), min(int(match[2]) if match[2] else size - 1, size - 1)
        if first > last:
            raise ValueError(header)
        return first, last

    def _send(
        self,
        answer: Answer,
        size: int,
        fault: Fault | None,
        *,
        body: bytes = b"",
        file: BinaryIO | None = None,
    ) -> None:
        headers = {"Content-Type": answer.content_type, **answer.headers}
        try:
            part = self._range(size) if file is not None else None
        except ValueError:
            self._head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        first, last = part or (0, size - 1)
        length = last - first + 1
        if part:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._head(206 if part else answer.status, {**headers, "Content-Length": str(length)})
        if self.command == "HEAD":
            return
        if fault is not None and (fault.truncate is not None or fault.corrupt):
            data = body or _read(file, first, length)
            self._spoil(data, fault)
        elif file is None:
            self._write(body)
        else:
            self._copy(file, first, length)

    def _copy(self, file: BinaryIO, first: int, length: int) -> None:
        sent = self.connection.sendfile(file, first, length) if length else 0
        self._sent += sent
        if sent < length:  # the file shrank: the client must not wait for the rest
            self.close_connection = True

    def _spoil(self, data: bytes, fault: Fault) -> None:
        if fault.corrupt and data:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
        if fault.truncate is not None:
            data = data[: fault.truncate]
            self.close_connection = True
        self._write(data)


def _read(file: BinaryIO | None, first: int, length: int) -> bytes:
    if file is None:
        return b""
    file.seek(first)
    return file.read(length)
