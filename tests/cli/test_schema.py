from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.cli.inprocess import provision

ROOT = Path(__file__).parents[2]


def _schema(kind: str) -> Draft202012Validator:
    done = provision("schema", kind)
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _accepts(validator: Draft202012Validator, text: str) -> bool:
    return bool(validator.is_valid(yaml.safe_load(text)))


@pytest.fixture(scope="module")
def playbook() -> Draft202012Validator:
    return _schema("playbook")


GOOD = [
    "- import_playbook: other.yml\n",
    "- hosts: all\n  roles: [common, {role: gpu, tags: x, port: 3}]\n",
    "- hosts: [a, b]\n  serial: [1, '50%']\n  vars: {x: 1}\n  tasks:\n  - ping:\n",
    "- hosts: all\n  tasks:\n  - command: ls\n    when: [a, 'b == 1']\n    with_items: [1]\n",
    "- hosts: all\n  tasks:\n  - ansible.builtin.file: {path: /x, state: directory, mode: 0755}\n",
    "- hosts: all\n  tasks:\n  - file: {path: /x, state: '{{ wanted }}'}\n    become: yes\n",
    "- hosts: all\n  tasks:\n  - block: [{debug: {msg: [1, 2]}}]\n    rescue: [{fail: }]\n",
    "- hosts: all\n  tasks:\n  - set_fact: {any: thing}\n  - include_tasks: x\n  - meta: noop\n",
    "- hosts: all\n  handlers:\n  - listen: x\n    systemd: {name: x, state: restarted}\n",
]

BAD = [
    "- hosts: all\n  task: []\n",
    "- tasks: []\n",
    "- hosts: all\n  tasks:\n  - comand: ls\n",
    "- hosts: all\n  tasks:\n  - file: {path: /x, state: direktory}\n",
    "- hosts: all\n  tasks:\n  - file: {path: /x, mod: '0644'}\n",
    "- hosts: all\n  tasks:\n  - block: []\n    register: x\n",
    "- hosts: all\n  tasks:\n  - debug: {msg: x}\n    loop_control: {label_: x}\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_playbooks_that_are_right(playbook: Draft202012Validator, text: str) -> None:
    assert _accepts(playbook, text)


@pytest.mark.parametrize("text", BAD)
def test_playbooks_with_a_slip(playbook: Draft202012Validator, text: str) -> None:
    assert not _accepts(playbook, text)


def test_our_own_playbooks_are_right(playbook: Draft202012Validator) -> None:
    paths = sorted((ROOT / "playbooks").glob("*.yml"))
    for path in paths:
        errors = list(playbook.iter_errors(yaml.safe_load(path.read_text())))
        assert not errors, f"{path}: {errors[0]}"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("all: {hosts: {a: , b: {ansible_port: 22}}, vars: {x: 1}, children: {g: }}", True),
        ("all: {host: {a: }}", False),
        ("g: {children: {h: {hosts: {'n[1:3]': }}}}", True),
        ("g: {children: [h]}", False),
        ("all: {hosts: {a: {ansible_become: maybe}}}", False),
    ],
)
def test_inventories(text: str, right: bool) -> None:
    assert _accepts(_schema("inventory"), text) is right


@pytest.mark.parametrize("kind", ["events", "lock"])
def test_the_others_are_schemas(kind: str) -> None:
    _schema(kind)


def test_actions_are_listed_with_what_they_do() -> None:
    lines = provision("schema", "--actions").out.splitlines()
    listed: dict[str, Any] = dict(line.split(None, 1) for line in lines)
    assert listed["command"] == "Run a program without a shell."
    assert list(listed) == sorted(listed)


def test_a_kind_must_be_named() -> None:
    done = provision("schema")
    assert done.code == 2
    assert "name one of events, inventory, lock, playbook, or --actions" in done.err
