"""drift --fix: what has drifted and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.drift.support import Project

PLAYBOOK = """
- name: site
  hosts: all
  gather_facts: false
  vars: {base: "{{ playbook_dir }}/root/{{ inventory_hostname }}"}
  tasks:
    - {name: settings, copy: {dest: "{{ base }}/settings", content: "a=1\\n", mode: "0640"},
       register: settings, notify: again}
    - {name: command, command: "touch {{ base }}/ran"}
    - {name: after, copy: {dest: "{{ base }}/after", content: "{{ settings.dest }}\\n"},
       notify: other}
    - {name: only when changed, file: {path: "{{ base }}/conditional", state: touch},
       when: settings is changed}
  handlers:
    - {name: again, file: {path: "{{ base }}/handled", state: touch}}
    - {name: other, file: {path: "{{ base }}/other", state: touch}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, ["a", "b"], PLAYBOOK)
    assert made.run("apply").code == 0
    for host in made.hosts:
        for name in ("ran", "handled", "other", "conditional"):
            made.file(host, name).unlink()
    return made


def test_applies_what_has_drifted_and_nothing_else(project: Project) -> None:
    project.file("a", "after").write_text("other\n")
    done = project.run("drift", "--fix", "--yes")
    assert done.code == 0, done.out + done.err
    assert "to fix: 1 task on 1 host\n  a  after: content" in done.err
    assert project.file("a", "after").read_text() == f"{project.file('a', 'settings')}\n"
    assert project.file("a", "other").exists()  # its handler ran
    for name in ("ran", "handled", "conditional"):
        assert not project.file("a", name).exists()
    assert not project.file("b", "other").exists()
    assert project.verdicts()[1] == {"a command": "unknown", "b command": "unknown"}


def test_without_a_terminal_it_must_be_told_yes(project: Project) -> None:
    project.file("a", "after").write_text("other\n")
    done = project.run("drift", "--fix")
    assert (done.code, done.out) == (2, "")
    assert "--yes" in done.err
    assert project.file("a", "after").read_text() == "other\n"


def test_nothing_drifted_nothing_applied(project: Project) -> None:
    done = project.run("drift", "--fix", "--yes")
    assert done.code == 0
    assert "to fix" not in done.err


def test_what_is_accepted_stays(project: Project) -> None:
    until = (datetime.now().astimezone() + timedelta(days=2)).date().isoformat()
    lines = ["- hosts: all", "task: settings", "keys: mode", "reason: x", f"until: {until}"]
    project.accept("\n  ".join([*lines, "by: jo"]) + "\n")
    settings, after = project.file("a", "settings"), project.file("a", "after")
    settings.chmod(0o600)
    after.write_text("other\n")
    done = project.run("drift", "--fix", "--yes")
    assert done.code == 0, done.out + done.err
    assert settings.stat().st_mode & 0o777 == 0o600
    assert not project.file("a", "handled").exists()
    assert after.read_text() != "other\n"

    settings.write_text("a=2\n")  # now a part of the same task is accepted and a part is not
    done = project.run("drift", "--fix", "--yes")
    assert done.code == 3
    assert "not fixed: settings on a" in done.err
    assert settings.read_text() == "a=2\n"


def test_a_fix_that_fails_says_so(project: Project) -> None:
    after = project.file("a", "after")
    after.unlink()
    project.file("a", "after").mkdir()
    (project.file("a", "after") / "x").write_text("")
    assert project.run("drift", "--fix", "--yes").code == 1
