"""Verdicts and exit codes as a user of `provision drift` meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.drift.classify import Verdict, exit_code, keys_of, verdict_of
from provision.engine.events import ItemResult, TaskResult

from tests.drift.support import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    assert made.run("apply").code == 0
    return made


def test_in_sync_ends_with_0(project: Project) -> None:
    assert project.verdicts() == (0, {})


def test_what_differs_is_one_thing_for_each_host_and_task(project: Project) -> None:
    project.file("a", "limits").write_text("a=2\n")
    project.file("a", "limits").chmod(0o600)
    project.file("b", "two").unlink()
    code, found = project.verdicts()
    assert code == 3
    assert found == {"a limits file": "drifted", "b many": "drifted", "a again": "follows"}


def test_a_handler_is_no_thing_of_its_own(project: Project) -> None:
    project.file("a", "limits").write_text("a=2\n")
    text = project.run("drift").out
    assert "a has drifted: 1 thing" in text
    assert "again" not in text


def test_drift_changes_nothing(project: Project) -> None:
    file = project.file("a", "limits")
    file.write_text("a=2\n")
    project.file("b", "one").unlink()
    before = {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in project.path.rglob("root/**/*")}
    project.verdicts()
    after = {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in project.path.rglob("root/**/*")}
    assert before == after


def test_unreachable_counts_more_than_drift(project: Project) -> None:
    hosts = project.path / "hosts.ini"
    hosts.write_text(
        "a ansible_connection=local\n"
        "b ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args=''\n"
    )
    project.file("a", "limits").unlink()
    code, found = project.verdicts()
    assert code == 4
    assert found["b connect"] == "unreachable"
    assert found["a limits file"] == "drifted"


def test_a_failure_counts_most(project: Project) -> None:
    project.file("a", "folder").rmdir()
    project.file("a", "folder").write_text("a file where a directory has to be")
    code, found = project.verdicts()
    assert code == 1
    assert found == {"a folder": "failed"}


def test_a_command_is_unknown_and_no_drift(tmp_path: Path) -> None:
    play = "- hosts: all\n  gather_facts: false\n  tasks: [{name: look, command: uname -r}]\n"
    project = Project(tmp_path, ["a"], play)
    assert project.verdicts() == (0, {"a look": "unknown"})


@pytest.mark.parametrize(
    ("engine", "drifted", "code"),
    [(0, 0, 0), (3, 1, 3), (3, 0, 0), (1, 5, 1), (4, 5, 4), (130, 5, 130)],
)
def test_exit_codes(engine: int, drifted: int, code: int) -> None:
    assert exit_code(engine, drifted) == code


def test_looking_is_not_being_in_sync() -> None:
    assert verdict_of(TaskResult(action="stat", status="ok")) is Verdict.NONE
    assert verdict_of(TaskResult(action="ansible.builtin.debug", status="ok")) is Verdict.NONE
    assert verdict_of(TaskResult(action="copy", status="ok")) is Verdict.IN_SYNC
    assert verdict_of(TaskResult(action="assert", status="failed")) is Verdict.FAILED


def test_keys_of_a_loop_stand_behind_their_items() -> None:
    items = [
        ItemResult("one", "changed", diff=[{"key": "mode"}, {"key": "content"}]),
        ItemResult("two", "ok"),
        ItemResult("three", "changed"),
    ]
    result = TaskResult(status="changed", items=items)
    assert keys_of(result) == ("one mode", "one content", "three")
