"""Builds are cached, staged, locked, and not removed under a server."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from provision.errors import LabError
from provision.lab.mirror import builds
from provision.lab.mirror.builds import Built, build, in_use, recipe_hash

Progress = Callable[[str], None]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the channels that were built; the real builder is replaced by a small one."""
    calls: list[str] = []

    def channel(target: Path, work: Path, downloads: Path, progress: Progress) -> None:
        calls.append(target.name)
        target.mkdir()
        (target / "noarch").mkdir()

    class Installers:
        def __init__(self, channel: Path, work: Path) -> None:
            pass

        def build(self, versions: tuple[str, ...], target: Path) -> None:
            target.mkdir()

    monkeypatch.setattr("provision.lab.mirror.channel.build_channel", channel)
    monkeypatch.setattr("provision.lab.mirror.installer.Installers", Installers)
    return calls


def test_a_second_build_is_the_first_one(made: list[str], tmp_path: Path) -> None:
    first = build(tmp_path)
    assert first.channel.is_dir()
    assert build(tmp_path) == first
    assert len(made) == 1
    assert first.folder.name == f"mirror-{recipe_hash()}"
    assert not list(tmp_path.glob(".mirror-*"))


def test_two_builders_at_once_build_once(made: list[str], tmp_path: Path) -> None:
    threads = [threading.Thread(target=build, args=(tmp_path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_failed_build_leaves_nothing_with_the_name(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LabError("no network")

    monkeypatch.setattr("provision.lab.mirror.channel.build_channel", fails)
    with pytest.raises(LabError, match="no network"):
        build(tmp_path)
    assert not list(tmp_path.glob("*mirror-*"))


def test_what_a_killed_build_left_is_cleared(made: list[str], tmp_path: Path) -> None:
    (tmp_path / ".mirror-killed/channel").mkdir(parents=True)
    build(tmp_path)
    assert not (tmp_path / ".mirror-killed").exists()


def test_old_builds_go_unless_somebody_serves_them(made: list[str], tmp_path: Path) -> None:
    old = [tmp_path / f"mirror-{letter * 16}" for letter in "abc"]
    for folder in old:
        folder.mkdir()
        (folder / "built.json").write_text("{}\n")
    with in_use(Built(old[0])):
        new = build(tmp_path)
    kept = set(tmp_path.glob("mirror-????????????????"))
    assert {old[0], new.folder} <= kept
    assert len(kept) < 4


def test_serving_code_does_not_change_what_is_built(tmp_path: Path) -> None:
    room = tmp_path / "mirror"
    shutil.copytree(Path(builds.__file__).parent, room)
    before = recipe_hash(room)
    (room / "server.py").write_text("# other\n")
    assert recipe_hash(room) == before
    (room / "standin/cli.py").write_text("# other\n")
    assert recipe_hash(room) != before


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((LabError, OSError)):
        build(tmp_path / "file/below")
