"""What happens to a file when writing it goes wrong: there is the old content or the new."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from provision.actions.base import Outcome
from provision.errors import ChannelLost
from provision.transport import payload
from provision.transport.link import Link, Step

from tests.actions.harness import ActionHost, PipeChannel

OLD = b"old content\n"
NEW = os.urandom(4 << 20)


class Source(io.RawIOBase):
    """Content that calls `then` when half of it was read."""

    def __init__(self, data: bytes, then: Callable[[], object]) -> None:
        self.data = io.BytesIO(data)
        self.half = len(data) // 2
        self.then = then

    def read(self, size: int = -1) -> bytes:
        if self.data.tell() >= self.half and self.half:
            self.half = 0
            self.then()
        return self.data.read(size)


class Host:
    """An agent whose content the test controls."""

    def __init__(self, user: int | None = None) -> None:
        self.channel = PipeChannel.__new__(PipeChannel)
        pipe = subprocess.PIPE
        argv = payload.command(["/usr/bin/python3"])
        self.channel.process = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, user=user, group=user, cwd="/"
        )
        self.link = Link(self.channel, "x", ["content"])

    def copy(
        self,
        path: Path,
        data: bytes,
        then: Callable[[], object] = lambda: None,
        check: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        args = {"dest": str(path), "sha256": digest, "size": len(data), **more}
        step = Step(0, "content", args, check=check)
        said = list(self.link.run([step], blobs=lambda _: Source(data, then)))  # type: ignore[arg-type,return-value]
        return next(each for each in said if each["type"] == "result")

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.channel.process.send_signal(number)
        self.channel.process.wait()


@pytest.fixture
def hosts() -> Iterator[Callable[..., Host]]:
    made: list[Host] = []

    def make(user: int | None = None) -> Host:
        made.append(Host(user))
        return made[-1]

    yield make
    for host in made:
        try:
            host.link.close()
        except BrokenPipeError:
            host.channel.process.wait()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_an_agent_that_is_killed_leaves_the_old_content(
    hosts: Callable[..., Host], tmp_path: Path
) -> None:
    path = tmp_path / "f"
    path.write_bytes(OLD)
    victim = hosts()
    with pytest.raises((ChannelLost, BrokenPipeError)):
        victim.copy(path, NEW, victim.kill)
    assert path.read_bytes() == OLD
    assert hosts().copy(path, NEW)["status"] == "changed"
    assert path.read_bytes() == NEW
    assert os.listdir(tmp_path) == ["f"]


def test_an_agent_that_is_ended_leaves_nothing_beside(
    hosts: Callable[..., Host], tmp_path: Path
) -> None:
    path = tmp_path / "f"
    path.write_bytes(OLD)
    victim = hosts()
    with pytest.raises((ChannelLost, BrokenPipeError)):
        victim.copy(path, NEW, lambda: victim.kill(signal.SIGTERM))
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["f"]


def test_the_second_of_two_writers_is_told(hosts: Callable[..., Host], tmp_path: Path) -> None:
    path = tmp_path / "f"
    reached, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        go_on.wait(20)

    first, results = hosts(), []
    thread = threading.Thread(target=lambda: results.append(first.copy(path, NEW, wait)))
    thread.start()
    assert reached.wait(20)
    second = hosts().copy(path, OLD)
    go_on.set()
    thread.join()
    assert second["status"] == "failed"
    assert second["msg"] == f"{path} is being written by someone else"
    assert results[0]["status"] == "changed"
    assert path.read_bytes() == NEW


def test_damaged_content_is_not_put_in_place(hosts: Callable[..., Host], tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(OLD)
    host = hosts()
    digest = hashlib.sha256(NEW).hexdigest()
    args = {"dest": str(path), "sha256": digest, "size": len(NEW)}
    said = list(
        host.link.run([Step(0, "content", args)], blobs=lambda _: io.BytesIO(NEW[:-1] + b"!"))
    )
    assert said[0]["status"] == "failed"
    assert "is damaged" in said[0]["msg"]
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["f"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=64k", "none", str(place)],
        capture_output=True, check=False,
    )  # fmt: skip
    if not made or made.returncode:
        pytest.skip("cannot mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@needs_root
def test_a_full_disk_leaves_the_old_content(hosts: Callable[..., Host], small: Path) -> None:
    path = small / "f"
    path.write_bytes(OLD)
    host = hosts()
    result = host.copy(path, NEW)
    assert result["status"] == "failed"
    assert result["msg"] == f"cannot write {path}: No space left on device"
    assert path.read_bytes() == OLD
    assert os.listdir(small) == ["f"]
    # and the rest of what was on its way does not get into the next file
    assert host.copy(path, b"next")["status"] == "changed"
    assert path.read_bytes() == b"next"


@needs_root
def test_a_full_disk_while_editing(here: ActionHost, small: Path) -> None:
    path = small / "f"
    path.write_text("x" * 40_000 + "\n")
    outcome = here.run("lineinfile", path=str(path), line="one more")
    assert outcome.status == "failed"
    assert outcome.msg == f"cannot write {path}: No space left on device"
    assert path.stat().st_size == 40_001
    assert os.listdir(small) == ["f"]


@needs_root
def test_what_others_planted_in_the_way_is_not_written_to(
    hosts: Callable[..., Host], tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    planted = shared / ".f.provision-tmp"

    def theirs() -> None:
        planted.write_text("theirs")
        os.chown(planted, 65534, 65534)

    def link() -> None:
        planted.symlink_to(precious)

    def hard_link() -> None:
        planted.hardlink_to(precious)

    for plant in (link, hard_link, theirs):
        plant()
        assert hosts().copy(shared / "f", NEW)["status"] == "changed"
        assert (shared / "f").read_bytes() == NEW
        assert (shared / "f").stat().st_uid == 0
        assert precious.read_text() == "precious"
        assert os.listdir(shared) == ["f"]
        (shared / "f").unlink()


@needs_root
def test_permission_denied_names_the_path(hosts: Callable[..., Host], tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and str(parent) != "/":
            parent.chmod(parent.stat().st_mode | 0o011)
    place = tmp_path / "d"
    place.mkdir()
    result = hosts(65534).copy(place / "f", OLD)
    assert result["status"] == "failed"
    assert result["msg"] == f"cannot write {place}/f: Permission denied"


@needs_root
def test_a_file_that_cannot_be_replaced_is_overwritten_when_asked(
    hosts: Callable[..., Host], tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and str(parent) != "/":
            parent.chmod(parent.stat().st_mode | 0o011)
    path = tmp_path / "f"
    path.write_bytes(OLD)
    path.chmod(0o666)
    host = hosts(65534)
    assert host.copy(path, b"new")["status"] == "failed"
    inode = path.stat().st_ino
    assert host.copy(path, b"new", unsafe_writes=True)["status"] == "changed"
    assert (path.read_bytes(), path.stat().st_ino) == (b"new", inode)


def test_owner_attributes_and_access_lists_stay(here: ActionHost, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(OLD)
    path.chmod(0o640)
    try:
        os.setxattr(path, "user.note", b"keep")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    outcome: Outcome = here.run("copy", content="new", dest=str(path))
    assert outcome.status == "changed"
    assert os.getxattr(path, "user.note") == b"keep"


def test_a_directory_of_a_thousand_files(here: ActionHost, tmp_path: Path) -> None:
    source = here.project / "files" / "many"
    source.mkdir(parents=True)
    for number in range(1000):
        (source / f"{number:04}").write_text(f"content {number % 700}\n" * 50)
    args = {"src": "many/", "dest": str(tmp_path / "to"), "mode": "0640"}
    checked = here.run("copy", check=True, **args)  # type: ignore[arg-type]
    outcome = here.run("copy", **args)  # type: ignore[arg-type]
    assert (checked.status, outcome.status) == ("changed", "changed")
    assert {p.name: p.read_text() for p in (tmp_path / "to").iterdir()} == {
        p.name: p.read_text() for p in source.iterdir()
    }
    before = here.link.round_trips
    assert here.run("copy", **args).status == "ok"  # type: ignore[arg-type]
    assert here.link.round_trips == before + 1
