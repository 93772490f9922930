"""Accepted deviations: what they take out, when they come back, what is wrong with a file."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.drift.support import Project

TODAY = datetime.now().astimezone().date()
TOMORROW = (TODAY + timedelta(days=1)).isoformat()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    assert made.run("apply").code == 0
    for host in made.hosts:
        made.file(host, "limits").write_text("a=2\n")
        made.file(host, "limits").chmod(0o600)
    return made


def entry(**given: str) -> str:
    fields = {"hosts": "all", "task": "limits*", "reason": "a test", "until": TOMORROW, "by": "jo"}
    lines = [f"{key}: {value}" for key, value in {**fields, **given}.items() if value]
    return "- " + "\n  ".join(lines) + "\n"


def _task(events: list[dict[str, Any]], host: str, task: str) -> dict[str, Any]:
    return next(e for e in events if e.get("host") == host and e.get("task") == task)


def test_what_is_accepted_is_no_drift(project: Project) -> None:
    project.accept(entry())
    code, events = project.events()
    assert code == 0
    told = _task(events, "a", "limits file")
    assert (told["verdict"], told["status"]) == ("accepted", "skipped")
    assert told["msg"] == f"accepted until {TOMORROW} by jo: a test"
    assert told["accepted"][0]["keys"] == ["content", "mode"]
    assert told["accepted"][0]["where"].endswith("accepted-drift.yml:1:3")
    summary = events[-1]
    assert summary["exit_code"] == 0
    assert summary["hosts"]["a"]["changed"] == 0


def test_only_for_its_hosts(project: Project) -> None:
    project.accept(entry(hosts="odd"))
    code, found = project.verdicts()
    assert code == 3
    assert (found["a limits file"], found["b limits file"]) == ("accepted", "drifted")


def test_only_for_its_keys(project: Project) -> None:
    project.accept(entry(keys="[mo*]"))
    code, events = project.events()
    told = _task(events, "a", "limits file")
    assert (code, told["verdict"]) == (3, "drifted")
    assert [part["key"] for part in told["diff"]] == ["content"]
    assert [part["key"] for part in told["accepted"][0]["diff"]] == ["mode"]


def test_by_action_and_items_of_a_loop(project: Project) -> None:
    for host in project.hosts:
        project.file(host, "limits").unlink()
        project.file(host, "one").unlink()
        project.file(host, "two").unlink()
    project.accept(entry(task="", action="copy", keys='["one *", state, content, mode]'))
    code, found = project.verdicts("-l", "a")
    assert (code, found["a limits file"], found["a many"]) == (0, "accepted", "accepted")
    project.accept(entry(task="many", keys='["one *"]') + entry())
    code, events = project.events("-l", "a")
    told = _task(events, "a", "many")
    assert (code, told["verdict"]) == (3, "drifted")
    assert [item["status"] for item in told["items"]] == ["skipped", "changed"]


def test_expired_ones_come_back_with_a_note(project: Project) -> None:
    project.accept(entry(until=YESTERDAY, hosts="a"))
    code, events = project.events()
    assert code == 3
    notes = [e for e in events if e["type"] == "notice" and "limits file" in e["msg"]]
    assert [note["host"] for note in notes] == ["a"]
    assert f"was accepted until {YESTERDAY} by jo (a test)" in notes[0]["msg"]
    assert "accepted-drift.yml:1:3" in notes[0]["msg"]
    assert _task(events, "a", "limits file")["verdict"] == "drifted"


def test_a_file_may_be_named(project: Project) -> None:
    project.accept(entry())
    other = project.path / "other.yml"
    other.write_text("")
    assert project.verdicts("--accepted", str(other))[0] == 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (entry(until="soon"), ":4:10: 'until' is a day, not 'soon'"),
        (entry(by=""), ":1:3: an accepted deviation needs 'by'"),
        (entry(task=""), ":1:3: an accepted deviation names a task or an action"),
        (entry() + "  keyz: x\n", ":6:3: an accepted deviation has no 'keyz'"),
        (entry(keys="{a: b}"), "'keys' is a glob or a list of globs"),
        ("hosts: all\n", ":1:1: accepted deviations are a list"),
        ("- all\n", ":1:3: an accepted deviation is a mapping"),
        (entry(hosts='"~("'), "accepted-drift.yml:1:10"),
    ],
)
def test_mistakes_are_shown_where_they_are(project: Project, text: str, error: str) -> None:
    project.accept(text)
    done = project.run("drift")
    assert (done.code, done.out) == (2, "")
    place, _, what = error.partition(" ")
    assert place.strip(":") in done.err
    assert what in done.err
