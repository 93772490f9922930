"""What hosts tell of how something drifted."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from provision.agent import evidencelogs
from provision.agent.mods import evidence
from provision.engine.events import ItemResult, TaskResult
from provision.engine.evidence import subject_of

from tests.actions.labhost import LabActionHost
from tests.drift.support import Project
from tests.labfixture import LabHostFactory


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    assert made.run("apply").code == 0
    return made


def _evidence(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {f"{e['host']} {e['task']}": e["found"] for e in events if e["type"] == "evidence"}


def _round_trips(events: list[dict[str, Any]]) -> dict[str, int]:
    return {e["host"]: e["round_trips"] for e in events if e["type"] == "host"}


def test_each_drifted_thing_has_some_for_one_round_trip_more(project: Project) -> None:
    _, events = project.events()
    assert _evidence(events) == {}
    before = _round_trips(events)
    project.file("a", "limits").write_text("a=2\n")
    project.file("a", "two").unlink()
    _, events = project.events()
    found = _evidence(events)
    assert set(found) == {"a limits file", "a many"}
    limits = found["a limits file"][0]
    assert limits["about"] == str(project.file("a", "limits"))
    assert limits["text"].startswith("file, mode 0640, owned by ")
    assert abs(limits["at"] - project.file("a", "limits").stat().st_ctime) < 0.01
    assert "is not there" in found["a many"][0]["text"]
    # the handler's, too
    assert _round_trips(events) == {"a": before["a"] + 2, "b": before["b"]}
    project.run("apply")
    project.file("a", "two").unlink()
    _, events = project.events()
    assert _round_trips(events) == {"a": before["a"] + 1, "b": before["b"]}


def test_only_drift_asks(project: Project) -> None:
    project.file("a", "limits").write_text("a=2\n")
    for command in ("plan", "apply"):
        assert '"type":"evidence"' not in project.run(command, "--json").out


def test_what_is_hidden_is_not_looked_at(tmp_path: Path) -> None:
    play = """
    - hosts: all
      gather_facts: false
      tasks:
        - copy: {dest: "{{ playbook_dir }}/secret", content: x}
          no_log: true
    """
    project = Project(tmp_path, ["a"], play)
    code, events = project.events()
    assert (code, _evidence(events)) == (3, {})


def test_subjects_come_from_what_the_tasks_did() -> None:
    diff = [{"key": "conda:numpy"}, {"key": "pip:magika"}, {"key": "owner"}]
    result = TaskResult(action="conda_env", diff=diff, data={"path": "/opt/envs/x"})
    assert subject_of(result) == {
        "prefixes": ["/opt/envs/x"],
        "conda": ["conda:numpy", "pip:magika"],
    }
    items = [
        ItemResult("a", "changed", result={"path": "/a", "dest": "/a"}),
        ItemResult("b", "ok", result={"path": "/b"}),
    ]
    assert subject_of(TaskResult(action="file", items=items)) == {"paths": ["/a"]}
    assert subject_of(TaskResult(action="systemd", data={"name": "cron"})) == {"units": ["cron"]}
    assert subject_of(TaskResult(action="debug")) == {}


# -- logs ---------------------------------------------------------------------------------

_DPKG = """\
2026-01-02 10:11:12 startup archives unpack
2026-01-02 10:11:12 upgrade curl:amd64 7.88.1-10 7.88.1-11
2026-01-02 10:11:13 status installed curl:amd64 7.88.1-11
"""
_APT = """\

Start-Date: 2026-01-02  10:11:10
Commandline: apt install curl
Requested-By: alice (1000)
Upgrade: curl:amd64 (7.88.1-10, 7.88.1-11)
End-Date: 2026-01-02  10:11:14
"""


def test_package_logs(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    (tmp_path / "dpkg.log").write_text("2026-01-03 10:00:00 remove nano:amd64 7.2 <none>\n")
    (tmp_path / "dpkg.log.2.gz").write_bytes(gzip.compress(_DPKG.encode()))
    (tmp_path / "apt" / "history.log").write_text(_APT)
    log = evidencelogs.package_log(str(tmp_path))
    last, run = log.of("curl")
    assert last["text"] == "upgrade 7.88.1-10 to 7.88.1-11 (dpkg)"
    assert run["text"] == "apt install curl, asked for by alice (1000)"
    assert 0 < last["at"] - run["at"] < 3
    assert log.of("nano")[0]["text"] == "remove 7.2 (dpkg)"
    assert log.of("vim") == []


def test_conda_history_masks_tokens(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text(
        "==> 2026-01-02 10:11:12 <==\n# cmd: conda create x\n+a-1-0\n"
        "==> 2026-01-03 10:11:12 <==\n"
        "# cmd: conda install -c https://me:pw@example.org/t/abc-123/chan/ six\n"
    )
    (found,) = evidencelogs.conda_history(str(path))
    assert found["text"] == "conda install -c https://example.org/t/***/chan/ six"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="wtmp has another layout")
def test_sessions_from_wtmp(tmp_path: Path) -> None:
    def record(kind: int, user: bytes, at: int) -> bytes:
        head = kind.to_bytes(2, "little") + bytes(6) + b"pts/0".ljust(32, b"\0") + bytes(4)
        body = head + user.ljust(32, b"\0") + b"10.1.2.3".ljust(256, b"\0") + bytes(8)
        return (body + at.to_bytes(4, "little")).ljust(384, b"\0")

    path = tmp_path / "wtmp"
    path.write_bytes(record(7, b"old", 100) + record(7, b"alice", 5000) + record(8, b"", 5100))
    assert evidencelogs.logins(4000, str(path)) == [
        {"kind": "login", "about": "alice", "text": "session on pts/0 from 10.1.2.3", "at": 5000.0}
    ]


def test_the_nearest_logins_and_no_others() -> None:
    events = [
        {"kind": "login", "about": f"u{number}", "text": "x", "at": 1000.0 * number}
        for number in range(10)
    ]
    found = evidence._around(events, [5500.0])
    assert [event["about"] for event in found] == ["u5", "u4", "u3"][: len(found)]
    assert evidence._around(events, [99999.0]) == []


# -- a real host --------------------------------------------------------------------------

_UNIT = "drift-evidence.service"


@pytest.mark.lab
def test_on_a_real_host(lab_host: LabHostFactory, tmp_path: Path) -> None:
    lab, host = lab_host()
    there = LabActionHost(lab, host.name, tmp_path)
    unit = f"/etc/systemd/system/{_UNIT}"
    try:
        there.sh(f"printf '[Service]\\nExecStart=/bin/sleep 600\\n' >{unit}; mkdir -p {unit}.d")
        there.sh(f"printf '[Service]\\nNice=5\\n' >{unit}.d/own.conf")
        there.sh(f"systemctl daemon-reload; systemctl start {_UNIT}; systemctl stop {_UNIT}")
        subjects = [{"units": [_UNIT]}, {"paths": ["/bin/ls", "/usr/bin/ls", "/etc/none/such"]}]
        found = _ask(there, subjects)
        told = {f"{one['kind']} {one['about']}": one["text"] for one in found[0]}
        assert f"unit {unit}" in told
        assert f"unit {unit}.d/own.conf" in told
        journal = [one["text"] for one in found[0] if one["kind"] == "journal"]
        assert any(text.startswith("Stopped") for text in journal)
        assert any(one["kind"] == "login" and one["about"] == "root" for one in found[0])
        files = {one["about"]: one["text"] for one in found[1] if one["kind"] == "file"}
        assert "package coreutils" in files["/bin/ls"] + files["/usr/bin/ls"]
        assert "is not there" in files["/etc/none/such"]
    finally:
        there.sh(f"rm -rf {unit} {unit}.d; systemctl daemon-reload", check=False)
        there.close()


def _ask(there: LabActionHost, subjects: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    from provision.transport.link import Step

    said = list(there.link.run([Step(0, "evidence", {"subjects": subjects}, check=True)]))
    assert said[0]["status"] == "ok", said
    found: list[list[dict[str, Any]]] = said[0]["data"]["found"]
    return found
