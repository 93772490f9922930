"""The mirror over HTTP: channels, installers, ranges, and what must not get out."""

from __future__ import annotations

import http.client
import json
import re
import time
from urllib.parse import urlsplit

import pytest

from .conftest import Served, put

PACKAGE = "/conda/conda-forge/noarch/texts-1.0-0.conda"


def ask(
    mirror: Served, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """(status, headers with small names, body) of a path that is sent as it is."""
    connection = http.client.HTTPConnection(urlsplit(mirror.url).netloc, timeout=10)
    try:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, path, headers=named)
        reply = connection.getresponse()
        body = reply.read()
        return reply.status, {key.lower(): value for key, value in reply.getheaders()}, body
    finally:
        connection.close()


@pytest.mark.parametrize("channel", ["main", "conda-forge", "pkgs/main", "t/a-token/conda-forge"])
def test_the_channel_under_each_of_its_names(mirror: Served, channel: str) -> None:
    status, _, body = ask(mirror, f"/conda/{channel}/noarch/repodata.json")
    assert status == 200
    assert "texts-1.0-0.conda" in json.loads(body)["packages.conda"]
    assert ask(mirror, f"/conda/{channel}/noarch/repodata.json.zst")[0] == 200


def test_a_channel_laid_beside_is_served_too(mirror: Served) -> None:
    put(mirror.state, "channels/mine/noarch/repodata.json", "{}")
    assert ask(mirror, "/conda/mine/noarch/repodata.json")[2] == b"{}"


def test_only_the_vendor_s_channels_have_terms(mirror: Served) -> None:
    assert json.loads(ask(mirror, "/conda/pkgs/main/tos.json")[2])["version"]
    assert ask(mirror, "/conda/conda-forge/tos.json")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/conda/main/../built.json",
        "/conda/main/%2e%2e/built.json",
        "/conda/main/noarch/../../built.json",
        "/conda/../../../../../../etc/passwd",
        "/miniconda/..%2f..%2fbuilt.json",
        "/miniconda//etc/passwd",
        "/debian/../../etc/passwd",
        "/debian/pool/../../../etc/passwd",
        "/pypi/files/six/..%2f..%2fx",
    ],
)
def test_nothing_outside_is_served(mirror: Served, path: str) -> None:
    assert ask(mirror, path)[0] in (404, 502)


def test_the_installers_page_has_hashes(mirror: Served) -> None:
    page = ask(mirror, "/miniconda/")[2].decode()
    assert re.search(r'<a href="Miniconda3-[^"]+\.sh">.*<td>(ab){32}</td>', page)
    name = "Miniconda3-py311_26.7.1-1-Linux-x86_64.sh"
    assert ask(mirror, f"/miniconda/{name}.sha256")[2].split()[1] == name.encode()


def test_latest_is_the_newest(mirror: Served) -> None:
    _, _, body = ask(mirror, "/miniconda/Miniconda3-latest-Linux-x86_64.sh")
    assert body == b"#!/bin/sh\n"
    assert ask(mirror, "/miniconda/Miniconda3-latest-Linux-x86_64.sh.sha256")[0] == 200


def test_ranges(mirror: Served) -> None:
    whole = ask(mirror, PACKAGE)[2]
    size = len(whole)
    for asked, first, last in [
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, size - 1),
        ("bytes=-5", size - 5, size - 1),
        ("bytes=5-999999999", 5, size - 1),
    ]:
        status, headers, body = ask(mirror, PACKAGE, Range=asked)
        assert (status, body) == (206, whole[first : last + 1])
        assert headers["content-range"] == f"bytes {first}-{last}/{size}"
    status, headers, _ = ask(mirror, PACKAGE, Range=f"bytes={size}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{size}")
    assert ask(mirror, PACKAGE, Range="bytes=-")[0] == 200


def test_an_unchanged_file_is_not_sent_again(mirror: Served) -> None:
    _, headers, _ = ask(mirror, PACKAGE)
    assert ask(mirror, PACKAGE, If_None_Match=headers["etag"])[0] == 304
    assert ask(mirror, PACKAGE, If_Modified_Since=headers["last-modified"])[0] == 304
    assert ask(mirror, PACKAGE, If_None_Match='"other"')[0] == 200


def test_head_has_the_length_and_no_body(mirror: Served) -> None:
    size = len(ask(mirror, PACKAGE)[2])
    status, headers, body = ask(mirror, PACKAGE, "HEAD")
    assert (status, headers["content-length"], body) == (200, str(size), b"")


def test_one_connection_serves_many_requests(mirror: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(mirror.url).netloc, timeout=10)
    connection.request("GET", "/status")
    connection.getresponse().read()
    socket = connection.sock
    for path in (PACKAGE, "/no/such/thing", "/status"):
        connection.request("GET", path)
        connection.getresponse().read()
    assert connection.sock is socket
    connection.close()


def test_every_request_is_logged(mirror: Served) -> None:
    size = len(ask(mirror, PACKAGE + "?query=1")[2])
    ask(mirror, "/no/such/thing")
    deadline = time.monotonic() + 10
    while len(mirror.log) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)  # a line is written when its answer has gone out
    first, second = mirror.log
    assert (first["path"], first["status"], first["bytes"]) == (PACKAGE, 200, size)
    assert first["client"] == "127.0.0.1"
    assert (second["path"], second["status"]) == ("/no/such/thing", 404)


class TestFaults:
    def test_a_status_a_limited_number_of_times(self, mirror: Served) -> None:
        mirror.fault(path_regex=r"\.conda$", status=500, count=2)
        assert [ask(mirror, PACKAGE)[0] for _ in range(3)] == [500, 500, 200]
        assert ask(mirror, "/status")[0] == 200

    def test_a_new_rule_counts_anew(self, mirror: Served) -> None:
        for _ in range(2):
            mirror.fault(path_regex="status", status=503, count=1)
            assert [ask(mirror, "/status")[0] for _ in range(2)] == [503, 200]

    def test_truncated(self, mirror: Served) -> None:
        mirror.fault(path_regex=r"\.conda$", truncate=100)
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(mirror, PACKAGE)
        assert len(caught.value.partial) == 100

    def test_one_byte_changed(self, mirror: Served) -> None:
        whole = ask(mirror, PACKAGE)[2]
        mirror.fault(path_regex=r"\.conda$", corrupt=True)
        spoilt = ask(mirror, PACKAGE)[2]
        assert len(spoilt) == len(whole)
        assert sum(a != b for a, b in zip(spoilt, whole, strict=True)) == 1

    def test_small_answers_made_on_the_spot_too(self, mirror: Served) -> None:
        mirror.fault(path_regex="status", corrupt=True)
        assert ask(mirror, "/status")[2] != b'{"ok": true}\n'

    @pytest.mark.parametrize(
        "text", ["not json", "[]", '[{"status": 500}]', '[{"path_regex": "("}]']
    )
    def test_a_broken_file_has_no_faults(self, mirror: Served, text: str) -> None:
        (mirror.state / "faults.json").write_text(text)
        assert ask(mirror, "/status")[0] == 200
