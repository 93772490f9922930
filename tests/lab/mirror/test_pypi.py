"""The package index through the mirror, with a real pip client on both sides."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from provision.lab.mirror.pypi import (
    IndexFile,
    Project,
    normalize,
    parse_page,
    render_html,
    render_json,
)

from .conftest import Served
from .test_server import ask
from .test_wheels import make_wheel

FILES = (
    IndexFile(
        "hello-1.0-py3-none-any.whl",
        "http://up/files/hello-1.0-py3-none-any.whl",
        {"sha256": "ab" * 32},
        ">=3.8,<4",
        {"sha256": "cd" * 32},
    ),
    IndexFile(
        "hello-0.9.tar.gz", "http://up/simple/hello/hello-0.9.tar.gz", yanked='bad "release"'
    ),
    IndexFile("hello-0.8.tar.gz", "http://up/simple/hello/hello-0.8.tar.gz", yanked=True),
)


@pytest.mark.parametrize(
    ("name", "wanted"), [("Foo.Bar_baz", "foo-bar-baz"), ("a--b", "a-b"), ("six", "six")]
)
def test_names(name: str, wanted: str) -> None:
    assert normalize(name) == wanted


@pytest.mark.parametrize("render", [render_html, render_json])
def test_a_page_keeps_what_installers_need(render: object) -> None:
    as_json = render is render_json
    text = (render_json if as_json else render_html)(Project("hello", FILES)).decode()
    kind = "application/vnd.pypi.simple.v1+json" if as_json else "text/html"
    read = parse_page(text, kind, "http://mirror/pypi/simple/hello/")
    assert [item.filename for item in read] == [item.filename for item in FILES]
    assert read[0].url == "http://mirror/pypi/files/hello/hello-1.0-py3-none-any.whl"
    for item, wanted in zip(read, FILES, strict=True):
        assert item.hashes == wanted.hashes
        assert item.requires_python == wanted.requires_python
        assert item.metadata == wanted.metadata
        assert item.yanked == wanted.yanked


def test_a_page_with_a_base_and_an_old_metadata_attribute() -> None:
    text = (
        '<html><head><base href="https://files.example/x/"></head><body>'
        '<a href="a-1.0.tar.gz#md5=00" data-dist-info-metadata="true">a</a></body></html>'
    )
    (item,) = parse_page(text, "text/html", "https://index.example/simple/a/")
    assert item.url == "https://files.example/x/a-1.0.tar.gz"
    assert item.hashes == {"md5": "00"}
    assert item.metadata == {}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(address, folder) of an index that this machine's pip is configured with."""
    folder = tmp_path / "upstream"
    (folder / "simple/hello").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def configured(upstream: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The upstream's folder, with one wheel in it; pip's settings point there."""
    url, folder = upstream
    wheel = make_wheel(folder / "simple/hello")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "simple/hello/index.html").write_text(
        f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>'
    )
    for key in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    return folder


def _pip(mirror: Served, target: Path, *requirements: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-cache-dir", "--isolated", "--no-deps",
         "--disable-pip-version-check", "-i", f"{mirror.url}/pypi/simple/", "-t", str(target),
         *requirements],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_pip_installs_through_it_and_files_are_kept(
    mirror: Served, configured: Path, tmp_path: Path
) -> None:
    assert _pip(mirror, tmp_path / "one", "hello").stderr == ""
    assert (tmp_path / "one/hello/__init__.py").is_file()
    for wheel in configured.glob("simple/hello/*.whl"):
        wheel.unlink()
    assert _pip(mirror, tmp_path / "two", "hello==1.0").stderr == ""


def test_a_file_with_another_hash_is_not_passed_on(mirror: Served, configured: Path) -> None:
    (wheel,) = configured.glob("simple/hello/*.whl")
    wheel.write_bytes(b"something else")
    status, _, body = ask(mirror, f"/pypi/files/hello/{wheel.name}")
    assert status == 502
    assert b"arrived damaged" in body
    assert not list(mirror.state.parent.glob("cache/**/*.whl"))


def test_both_page_formats(mirror: Served, configured: Path) -> None:
    kind = "application/vnd.pypi.simple.v1+json"
    _, headers, body = ask(mirror, "/pypi/simple/Hello/", Accept=kind)
    assert headers["content-type"] == kind
    assert json.loads(body)["name"] == "hello"
    assert b"<a href=" in ask(mirror, "/pypi/simple/hello/")[2]


def test_a_wheel_s_metadata_is_passed_on_where_the_index_has_it(
    mirror: Served, configured: Path
) -> None:
    (wheel,) = configured.glob("simple/hello/*.whl")
    assert ask(mirror, f"/pypi/files/hello/{wheel.name}.metadata")[0] == 404
    text = b"Metadata-Version: 2.1\nName: hello\nVersion: 2.0\n"
    (wheel.parent / "hello-2.0-py3-none-any.whl.metadata").write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    (configured / "simple/other").mkdir()
    (configured / "simple/other/index.html").write_text(
        f'<a href="../hello/hello-2.0-py3-none-any.whl" data-core-metadata="sha256={digest}">x</a>'
    )
    answer = ask(mirror, "/pypi/files/other/hello-2.0-py3-none-any.whl.metadata")
    assert (answer[0], answer[2]) == (200, text)


def test_what_nobody_has(mirror: Served, configured: Path) -> None:
    assert ask(mirror, "/pypi/simple/no-such-thing/")[0] == 404
    assert ask(mirror, "/pypi/files/hello/hello-2.0-py3-none-any.whl")[0] == 404


def test_folders_that_pip_is_told_of(
    mirror: Served, configured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    make_wheel(links, "other_one")
    extra = tmp_path / "extra/third"
    extra.mkdir(parents=True)
    make_wheel(extra, "third")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "extra").as_uri())
    assert _pip(mirror, tmp_path / "target", "hello", "other-one", "third").stderr == ""
    assert (tmp_path / "target/other_one").is_dir()
    assert (tmp_path / "target/third").is_dir()


def test_an_index_that_is_down(
    mirror: Served, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    status, _, body = ask(mirror, "/pypi/simple/hello/")
    assert status == 502
    assert b"cannot be reached" in body
