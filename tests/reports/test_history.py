"""The history as its users meet it: through runs, kills, full disks and other runs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from provision.errors import ProvisionError
from provision.reports.history import History
from provision.reports.history.migrations import MIGRATIONS
from provision.reports.history.store import open_store

from tests.cli.inprocess import provision
from tests.drift.support import Project

PROVISION = Path(sys.executable).with_name("provision")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "state" / "history.sqlite3"
    monkeypatch.setenv("PROVISION_HISTORY", str(found))
    return found


@pytest.fixture
def project(tmp_path: Path, path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


def since(project: Project, host: str = "a") -> str:
    _, events = project.events()
    task = next(e for e in events if e.get("host") == host and e.get("task") == "limits file")
    return str(task.get("since", ""))


def told(*args: str) -> Any:
    done = provision("history", *args, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


# -- what is kept -------------------------------------------------------------------------


def test_every_run_is_there_with_its_circumstances(project: Project, path: Path) -> None:
    project.run("apply", "-e", "password=hunter2 colour=red")
    project.file("a", "limits").write_text("a=2\n")
    project.run("plan")
    project.run("drift", "-l", "a")
    drift, plan, apply = told("list")
    assert [run["mode"] for run in (drift, plan, apply)] == ["drift", "plan", "apply"]
    assert [run["exit_code"] for run in (drift, plan, apply)] == [3, 3, 0]
    assert apply["arguments"]["extra_vars"] == ["password=*** colour=red"]
    assert drift["arguments"]["limit"] == "a"
    assert drift["playbooks"][0]["path"] == str(project.path / "play.yml")
    assert len(drift["playbooks"][0]["sha256"]) == 64
    assert drift["totals"]["drifted"] == 1
    assert b"hunter2" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    shown = provision("history", "show", "last").out
    assert "exit 3" in shown
    assert "~ a  limits file  drifted" in shown
    assert "content: a=2 → a=1" in shown


def test_only_what_is_not_plain_is_kept_for_each_task(project: Project, path: Path) -> None:
    project.run("apply")
    project.run("drift")
    with closing(sqlite3.connect(path)) as store:
        rows = store.execute("SELECT run, count(*) FROM cells GROUP BY run").fetchall()
        hosts = store.execute("SELECT marks FROM hosts WHERE run = 2").fetchall()
    assert rows == [(1, 8)]
    assert hosts == [("...:",), ("...:",)]


def test_git_commit_and_dirtiness(project: Project) -> None:
    def git(*args: str) -> str:
        argv = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *args]
        done = subprocess.run(argv, cwd=project.path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", "play.yml", "hosts.ini")
    git("commit", "-q", "-m", "x")
    (project.path / ".gitignore").write_text("*\n")
    project.run("drift")
    state = told("list")[0]["git"]
    assert state == {"dirty": False, "commit": git("rev-parse", "HEAD"), "branch": "main"}
    (project.path / "play.yml").write_text((project.path / "play.yml").read_text() + "\n")
    project.run("drift")
    assert told("list")[0]["git"]["dirty"] is True


def test_no_history_leaves_nothing(project: Project, path: Path) -> None:
    project.run("drift", "--no-history")
    assert not path.exists()
    done = provision("history", "list")
    assert done.code == 2
    assert "there is no history yet" in done.err


# -- since when ---------------------------------------------------------------------------


def test_since_the_first_run_that_saw_it_without_interruption(project: Project) -> None:
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    first = since(project)
    project.run("drift", "-l", "b")  # did not look
    project.run("drift", "-t", "other")  # did not look either
    _age()
    assert since(project) == first
    text = project.file("a", "limits").read_text()
    project.file("a", "limits").write_text("a=1\n")
    project.run("drift")  # saw that it was right again
    project.file("a", "limits").write_text(text)
    assert since(project) > first


def test_an_apply_ends_what_it_puts_right(project: Project) -> None:
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    first = since(project)
    _age()
    project.run("apply", "--check")
    assert since(project) == first
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    assert since(project) > first


def test_each_key_has_its_own_day(project: Project) -> None:
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    project.run("drift")
    _age()
    project.file("a", "limits").chmod(0o600)
    project.run("drift")
    drifts = {drift["key"]: drift["first_run"] for drift in told("trend", "a")["drifts"]}
    assert drifts == {"content": 2, "mode": 3}


def _age() -> None:
    """Times of `since` are whole seconds."""
    time.sleep(1.1)


def test_trend_and_compare(project: Project) -> None:
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    project.file("b", "one").unlink()
    project.run("drift")
    project.file("a", "limits").write_text("a=1\n")
    project.file("b", "two").unlink()
    project.run("drift")
    found = told("compare", "last-1", "last")
    assert [(d["host"], d["task"], d["keys"]) for d in found["over"]] == [
        ("a", "limits file", ["content"])
    ]
    assert [d["keys"] for d in found["new"]] == [["one missing", "two missing"]]
    text = provision("history", "compare", "last", "last").out
    assert "still:\n  b  many: one missing, two missing" in text
    lines = provision("history", "trend", "a").out
    assert "limits file: content" in lines
    assert "(run 2) to " in lines
    assert "to now" not in lines
    assert "did you mean" in provision("history", "trend", "aa").err


def test_pruning_keeps_since_when(project: Project) -> None:
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    first = since(project)
    for _ in range(3):
        project.run("drift")
    assert provision("history", "prune", "--keep", "1").out == "4 runs removed\n"
    assert [run["number"] for run in told("list")] == [5]
    _age()
    assert since(project) == first
    assert provision("history", "prune", "--older", "1d").out == "0 runs removed\n"
    assert provision("history", "prune").code == 2
    assert provision("history", "prune", "--older", "soon").code == 2


# -- troubles -----------------------------------------------------------------------------

SLOW = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: made, file: {path: "{{ playbook_dir }}/root/made", state: touch}}
    - meta: flush_handlers
    - {name: wait, command: sleep 60}
"""


def test_killed_in_the_middle(project: Project, path: Path) -> None:
    project.run("drift")
    (project.path / "play.yml").write_text(SLOW)
    argv = _argv(project, "apply")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True) as running:
        try:
            _wait_for(lambda: [r["state"] for r in told("list")] == ["running", "done"])
            _wait_for(lambda: "made" in provision("history", "show", "2").out)
        finally:
            os.killpg(running.pid, signal.SIGKILL)
    last, before = told("list")
    assert (last["state"], last["exit_code"]) == ("broke off", None)
    assert before["exit_code"] == 3
    assert provision("history", "list").out.splitlines()[1].rstrip().endswith("broke off")
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert project.run("apply", "--syntax-check").code == 0
    assert provision("history", "prune", "--keep", "0").out == "2 runs removed\n"


def _argv(project: Project, command: str) -> list[str]:
    book, hosts = project.path / "play.yml", project.path / "hosts.ini"
    return [str(PROVISION), command, str(book), "-i", str(hosts)]


def _wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_two_at_once_lose_nothing(project: Project) -> None:
    project.run("apply")
    project.file("a", "limits").write_text("a=2\n")
    argv = _argv(project, "drift")
    both = [subprocess.Popen(argv, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [run.wait(60) for run in both] == [3] * 4
    runs = told("list")
    assert len(runs) == 5
    assert [run["totals"]["drifted"] for run in runs[:4]] == [1] * 4
    assert len(told("trend", "a")["drifts"]) == 1


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(argv, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_only_the_run(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    with _small_disk(disk, "2m"):
        monkeypatch.setenv("PROVISION_HISTORY", str(disk / "history.sqlite3"))
        project.run("apply")
        project.file("a", "limits").write_text("a=2\n")
        project.run("drift")
        before = told("show", "2")
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(b"x" * (4 << 20))
        done = project.run("drift")
        assert done.code == 3
        assert "a has drifted" in done.out
        assert "warning: this run is not in the history" in done.err
        assert "full" in done.err
        (disk / "filler").unlink()
        assert told("show", "2") == before
        assert project.run("drift").err == ""
        assert told("list")[0]["totals"]["drifted"] == 1


def test_a_disk_that_fills_in_the_middle(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every size of what is left, so that it fails at every place."""
    disk = tmp_path / "disk"
    with _small_disk(disk, "2m"):
        path = disk / "history.sqlite3"
        monkeypatch.setenv("PROVISION_HISTORY", str(path))
        project.run("apply")
        project.file("a", "limits").write_text("a=2\n" * 4000)
        project.run("drift")
        before = told("show", "2")
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
        for left in range(0, 160, 20):
            (disk / "filler").write_bytes(b"x" * (free - left * 1024))
            assert project.run("drift").code == 3
            (disk / "filler").unlink()
            with closing(sqlite3.connect(path)) as store:
                assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert told("show", "2") == before
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
        assert told("list")[0]["totals"]["drifted"] == 1


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 40])
def test_what_is_no_history_is_left_alone(project: Project, path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    done = project.run("apply")
    assert done.code == 0
    if content:
        assert "warning: this run is not in the history" in done.err
        assert path.read_bytes() == content
    else:
        assert done.err == ""


def test_another_programs_database_is_refused(project: Project, path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE bookmarks (url)")
        store.commit()
    assert "another program's database" in project.run("apply").err
    assert provision("history", "list").code == 2


# -- formats ------------------------------------------------------------------------------


def test_an_older_file_is_brought_up_to_date(project: Project, path: Path) -> None:
    project.run("apply")
    with closing(sqlite3.connect(path)) as store:  # back to the first format
        for name in ("hosts_by_host", "drifts_by_host", "runs_by_start"):
            store.execute(f"DROP INDEX {name}")
        store.execute("PRAGMA user_version = 1")
    project.run("drift")
    assert [run["mode"] for run in told("list")] == ["drift", "apply"]
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        indexes = {row[0] for row in store.execute("SELECT name FROM sqlite_master")}
    assert "hosts_by_host" in indexes


def test_a_newer_file_is_left_alone(project: Project, path: Path) -> None:
    project.run("apply")
    with closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA user_version = 99")
    done = project.run("drift")
    assert "written by a newer provision (format 99)" in done.err
    with pytest.raises(ProvisionError, match="newer provision"):
        History(path).runs()


def test_every_step_alone_makes_what_the_next_expects(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "steps.sqlite3")) as store:
        for script in MIGRATIONS:
            store.executescript(script)
    with closing(open_store(tmp_path / "whole.sqlite3", write=True)) as store:
        assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)
