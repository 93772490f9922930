from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from provision.engine import events
from provision.engine.events import Event, HostDone, Summary, TaskResult
from provision.reports.jsonlines import JsonLines
from provision.reports.schema import events_schema

from tests.cli.inprocess import provision
from tests.labfixture import TestLab

INTERNAL = {"pattern", "place", "plays", "result"}  # for sinks of the same process
VALIDATOR = Draft202012Validator(events_schema())

PLAY = """
- name: everything an event can say
  hosts: all
  gather_facts: false
  tasks:
    - name: a file
      copy: {dest: "{{ base }}/{{ inventory_hostname }}", content: "{{ inventory_hostname }}"}
      notify: handled
    - name: items
      file: {path: "{{ base }}/{{ inventory_hostname }}-{{ item }}", state: touch}
      loop: [x, y]
    - name: never
      command: "false"
      when: false
    - name: tolerated
      command: "false"
      ignore_errors: true
    - name: again
      command: "true"
      register: tried
      until: tried.rc == 0
    - name: lost
      shell: "echo out; echo err >&2; exit 3"
      when: inventory_hostname == last_host
  handlers:
    - name: handled
      debug: {msg: "handled"}
"""


def _check(lines: list[str]) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in lines]
    for entry in said:
        error = next(iter(VALIDATOR.iter_errors(entry)), None)
        assert error is None, f"{entry}: {error}"
    return said


def _run(tmp_path: Path, inventory: str, last: str, *more: str) -> list[dict[str, Any]]:
    book = tmp_path / "play.yml"
    book.write_text(PLAY)
    extra = ["-e", f"last_host={last}", "-e", f"base={tmp_path}"]
    done = provision("apply", str(book), "-i", inventory, "--json", *extra, *more)
    assert done.code == 1
    return _check(done.out.splitlines())


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(events_schema())


def test_a_real_run_keeps_the_contract(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.ini"
    hosts.write_text("a ansible_connection=local\nb ansible_connection=local\n")
    said = _run(tmp_path, str(hosts), "b", "-v")
    assert [entry["type"] for entry in said[:2]] == ["version", "run"]
    assert said[-1]["type"] == "summary"
    assert {entry["type"] for entry in said} >= {"task", "play", "host", "start"}
    failed = [e for e in said if e["type"] == "task" and e["status"] == "failed"]
    assert {(e["host"], e["task"], e["ignored"]) for e in failed} == {
        ("a", "tolerated", True),
        ("b", "tolerated", True),
        ("b", "lost", False),
    }
    zeros = {"unreachable": 0, "unknown": 0}
    counts = said[-1]["hosts"]["b"]
    assert counts == {"ok": 1, "changed": 3, "skipped": 1, "failed": 1, **zeros}
    assert said[-1]["exit_code"] == 1


@pytest.mark.lab
def test_a_run_on_real_hosts_keeps_the_contract(lab: TestLab, tmp_path: Path) -> None:
    last = lab.hosts[-1].name
    said = _run(tmp_path, str(lab.inventory), last, "-e", "base=/tmp")
    try:
        assert {e["host"] for e in said if e["type"] == "task"} == {h.name for h in lab.hosts}
    finally:
        for host in lab.hosts:
            lab.run(host.name, f"rm -f /tmp/{host.name} /tmp/{host.name}-[xy]")


def test_the_schema_knows_every_field_of_every_event() -> None:
    kinds = {kind["properties"]["type"]["const"]: kind for kind in events_schema()["oneOf"]}
    classes = [
        cls
        for cls in vars(events).values()
        if isinstance(cls, type) and issubclass(cls, Event) and cls.type and not cls.internal
    ]
    assert {cls.type for cls in classes} == set(kinds)
    for cls in classes:
        fields = {field.name for field in dataclasses.fields(cls)} - INTERNAL
        assert fields | {"type"} == set(kinds[cls.type]["properties"])


def test_an_event_of_nothing_but_defaults_keeps_the_contract() -> None:
    for event in (TaskResult(), HostDone(host="a"), Summary()):
        out = io.StringIO()
        JsonLines(out)(event)
        _check(out.getvalue().splitlines())


def test_values_json_does_not_know_become_text() -> None:
    out = io.StringIO()
    JsonLines(out)(
        TaskResult(host="a", data={"nan": float("nan"), "path": Path("/x"), "deep": [float("inf")]})
    )
    (said,) = _check(out.getvalue().splitlines())
    assert said["data"] == {"nan": "nan", "path": "/x", "deep": ["inf"]}


def test_what_only_shows_life_is_left_out_unless_asked_for() -> None:
    told = [events.Progress(host="a", done=1), events.TaskStarted(host="a", task="x")]
    for verbosity, kinds in ((0, []), (1, ["progress", "start"])):
        out = io.StringIO()
        sink = JsonLines(out, verbosity=verbosity)
        for event in told:
            sink(event)
        assert [entry["type"] for entry in _check(out.getvalue().splitlines())] == kinds
