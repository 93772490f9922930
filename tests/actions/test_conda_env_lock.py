"""conda_env with a lock: nothing is solved, and a stale one is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from provision.conda import resolve as resolving
from provision.conda.envfile import read_environment
from provision.conda.forms import form_text, read_locks
from provision.conda.lockfile import LockFile, lock_path
from provision.conda.locking import Locking, make_locks
from provision.conda.platforms import Platform
from provision.errors import EnvironmentFileError

from tests.actions.conftest import here
from tests.actions.test_conda_env import PIP, Case, case, channel, solved, wheels

__all__ = ["case", "channel", "here", "solved", "wheels"]  # fixtures

OLD = Platform("linux-64", glibc="2.17", kernel="3.10")


def locked(case: Case, cache: Path) -> Path:
    """Locks the case's file as `env lock` does."""
    file = case.host.project / "demo.yml"
    how = Locking([OLD], index_url=case.index.url, cache=cache)
    whole = make_locks(read_environment(file), file, how)
    lock_path(file).write_text(whole.to_yaml())
    return lock_path(file)


def test_the_lock_beside_the_file_is_taken(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.write(PIP)
    whole = read_locks(locked(case, tmp_path / "cache"))

    def refuse(*_: object) -> None:
        raise AssertionError("solved")

    monkeypatch.setattr(resolving, "solve_conda", refuse)
    done = case.run()
    assert done.status == "changed", done.msg
    assert done.data["generation"] == whole.locks[0].generation("demo")
    again = case.run()
    assert (again.status, again.diff) == ("ok", [])


def test_a_stale_lock_is_an_error_with_the_change(case: Case, tmp_path: Path) -> None:
    locked(case, tmp_path / "cache")
    case.write("  - data=2.0\n")
    with pytest.raises(EnvironmentFileError, match=r"demo\.lock\.yml is stale") as caught:
        case.run()
    assert caught.value.why == "data=2.0 is new\ndata=1.0 is gone"
    assert caught.value.hint.startswith("provision env lock ")
    assert case.run(lock="none").status == "changed"
    assert (case.prefix / "share/data.txt").read_text() == "2.0"


@pytest.mark.parametrize("form", ["provision", "explicit"])
def test_a_lock_alone_is_enough(case: Case, tmp_path: Path, form: str) -> None:
    case.write(PIP)
    path = locked(case, tmp_path / "cache")
    text = form_text(read_locks(path), form)
    path.unlink()
    (case.host.project / "other.txt").write_text(text)
    done = case.host.run(
        "conda_env", lock="other.txt", conda=str(case.conda.prefix), index_url=case.index.url
    )
    assert done.status == "changed", done.msg
    assert case.conda.env("other").resolve().name == done.data["generation"]
    other = case.host.run(
        "conda_env", file="other.txt", name="third", conda=str(case.conda.prefix),
        index_url=case.index.url,
    )  # fmt: skip
    assert other.data["lock"] == done.data["lock"]


def test_what_is_no_lock_is_refused(case: Case) -> None:
    with pytest.raises(EnvironmentFileError, match="is no lock"):
        case.host.run("conda_env", lock="demo.yml", conda=str(case.conda.prefix))


def test_a_host_of_another_platform_is_told(case: Case, tmp_path: Path) -> None:
    path = locked(case, tmp_path / "cache")
    whole = read_locks(path)
    moved = LockFile(whole.asked, (replace(whole.locks[0], platform="linux-aarch64"),))
    path.write_text(moved.to_yaml())
    with pytest.raises(EnvironmentFileError, match="nothing for linux-64") as caught:
        case.run()
    assert "lock again with --platform linux-64" in caught.value.hint
