"""The mirror as a detached process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.errors import LabError
from provision.lab.mirror import Mirror
from provision.lab.mirror.builds import Built, recipe_hash


@pytest.fixture
def cached(small_build: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that holds the small channel as this recipe's build; the lab's folder."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / f"mirror-{recipe_hash()}").symlink_to(small_build.folder)
    monkeypatch.setenv("PROVISION_CACHE", str(cache))
    folder = tmp_path / "lab"
    yield folder
    Mirror().stop(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_start_says_where_everything_is_and_stop_ends_it(cached: Path) -> None:
    state = Mirror().start(cached, "127.0.0.1", free_port())
    with urllib.request.urlopen(f"{state['channel_url']}/noarch/repodata.json") as reply:
        assert reply.status == 200
    (installer,) = state["installers"]
    assert installer["version"] == "26.7.1"
    assert installer["sha256"] == "ab" * 32
    assert json.loads((cached / "mirror.json").read_text()) == state
    pid = int((cached / "mirror.pid").read_text())
    assert b"provision.lab.mirror" in Path(f"/proc/{pid}/cmdline").read_bytes()
    Mirror().stop(cached)
    assert not (cached / "mirror.pid").exists()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{state['url']}/status")


def test_descriptors_of_the_starter_are_not_held_open(cached: Path, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        Mirror().start(cached, "127.0.0.1", free_port())
        pid = int((cached / "mirror.pid").read_text())
        held = [path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir()]
        assert "lock" not in held


def test_starting_twice_keeps_the_first(cached: Path) -> None:
    first = Mirror().start(cached, "127.0.0.1", free_port())
    assert Mirror().start(cached, "127.0.0.1", free_port()) == first


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(cached: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        cached.mkdir()
        (cached / "mirror.pid").write_text(f"{bystander.pid}\n")
        state = {"pid": bystander.pid, "started_at": "1", "url": "http://127.0.0.1:1"}
        (cached / "mirror.json").write_text(json.dumps(state))
        Mirror().stop(cached)
        assert bystander.poll() is None
        assert not (cached / "mirror.pid").exists()
    finally:
        assert bystander.stdin is not None
        bystander.stdin.close()
        bystander.wait()


def test_stopping_what_never_ran_is_no_error(tmp_path: Path) -> None:
    Mirror().stop(tmp_path)


def test_a_taken_port_is_said(cached: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match="the mirror does not start") as caught:
            Mirror().start(cached, "127.0.0.1", port)
    assert f"127.0.0.1:{port}" in caught.value.why
    assert not (cached / "mirror.pid").exists()


def test_the_command_line_knows_no_other_words() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "provision.lab.mirror", "sell"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "invalid choice: 'sell'" in done.stderr
