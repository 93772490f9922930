"""The cache of fetched files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from provision.lab.mirror.files import FileCache


def _hundred(target: Path) -> None:
    target.write_bytes(b"x" * 100)


def test_many_ask_and_one_downloads(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    count: list[int] = []
    started = threading.Event()

    def download(target: Path) -> None:
        count.append(1)
        started.wait(5)
        target.write_text("content")

    threads = [threading.Thread(target=cache.get, args=("a/b", download)) for _ in range(5)]
    for thread in threads:
        thread.start()
    started.set()
    for thread in threads:
        thread.join()
    assert len(count) == 1
    assert cache.get("a/b", download).read_text() == "content"


def test_a_failed_download_leaves_nothing(tmp_path: Path) -> None:
    def download(target: Path) -> None:
        target.write_text("half")
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        FileCache(tmp_path).get("a", download)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_oldest_files_go_first(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, limit_bytes=250)
    for number, name in enumerate(("a", "b", "c")):
        path = cache.get(name, _hundred)
        os.utime(path, (number, number))
    cache.get("d", _hundred)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "d"]


def test_a_key_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="evil"):
        FileCache(tmp_path / "cache").get("../evil", lambda target: None)
