"""reboot and wait_for_connection: hosts that go away and come back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from provision.lab import Lab, UpRequest

from tests.engine.support import run_playbook
from tests.labfixture import TestLab

_AGENT = "  - {name: %s, shell: echo $PPID, register: %s, changed_when: false}\n"


def test_a_new_connection_is_made(tmp_path: Path) -> None:
    text = "- hosts: a\n  gather_facts: false\n  tasks:\n" + _AGENT % ("one", "one")
    text += "  - {name: wait, wait_for_connection: }\n" + _AGENT % ("two", "two")
    text += "  - {name: other, assert: {that: one.stdout != two.stdout}}\n"
    ran = run_playbook(tmp_path, text)
    assert [result.status for result in ran.results] == ["ok", "ok", "ok", "ok"]


def test_a_host_that_needs_a_while(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nif [ -e {tmp_path}/up ]; then exec {sys.executable} "$@"; fi\n'
        f"touch {tmp_path}/up\nexit 9\n"
    )
    python.chmod(0o755)
    text = """
        - hosts: a
          gather_facts: false
          tasks:
            - name: wait
              wait_for_connection: {sleep: 0.1, timeout: 20}
    """
    host = f"a ansible_connection=local ansible_python_interpreter={python}"
    ran = run_playbook(tmp_path, text, inventory=host)
    assert ran.lines("a") == ["wait: ok"]
    assert (tmp_path / "up").exists()


def test_a_host_that_never_answers_is_a_failure_to_be_rescued(tmp_path: Path) -> None:
    text = """
        - hosts: a
          gather_facts: false
          tasks:
            - block:
                - name: wait
                  wait_for_connection: {sleep: 0.1, timeout: 0}
              rescue:
                - debug: {msg: gone}
    """
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such luck >&2\nexit 9\n")
    python.chmod(0o755)
    host = f"a ansible_connection=local ansible_python_interpreter={python}"
    ran = run_playbook(tmp_path, text, inventory=host)
    waited, rescued = ran.results
    assert waited.status == "failed"
    assert "timed out waiting for the host to answer" in waited.msg
    assert rescued.status == "ok"


def test_a_check_does_not_wait(tmp_path: Path) -> None:
    text = "- hosts: a\n  gather_facts: false\n  tasks:\n  - wait_for_connection: {delay: 900}\n"
    assert [r.status for r in run_playbook(tmp_path, text, check=True).results] == ["ok"]


def test_the_controller_is_not_rebooted(tmp_path: Path) -> None:
    text = "- hosts: a\n  gather_facts: false\n  tasks:\n  - {name: go, reboot: }\n"
    (line,) = run_playbook(tmp_path, text).lines("a")
    assert line == "go: failed: reboot: this would reboot the controller"


@pytest.fixture
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestLab]:
    """A host that nobody else uses."""
    handle = Lab(tmp_path_factory.mktemp("lab") / "lab")
    yield TestLab(handle, handle.up(UpRequest(hosts=1)))
    handle.down()


def _apply(lab: TestLab, path: Path, *options: str) -> list[dict[str, Any]]:
    argv = [sys.executable, "-m", "provision", "apply", "--json", "-i", str(lab.inventory)]
    done = subprocess.run([*argv, str(path), *options], capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [event for event in events if event["type"] == "task"]


@pytest.mark.lab
def test_a_reboot_on_a_real_host(own_lab: TestLab, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    play.write_text(
        "- hosts: gpu01\n  gather_facts: false\n  tasks:\n"
        "  - reboot: {test_command: systemctl is-active ssh, reboot_timeout: 120}\n"
        "  - command: cat /proc/sys/kernel/random/boot_id\n"
        "  - reboot: {reboot_command: /bin/false}\n    ignore_errors: true\n"
    )
    before = own_lab.run("gpu01", "cat /proc/sys/kernel/random/boot_id").stdout.strip()
    foreseen, *_ = _apply(own_lab, play, "--check")
    assert foreseen["status"] == "changed"
    rebooted, told, refused = _apply(own_lab, play)
    assert rebooted["status"] == "changed"
    (entry,) = rebooted["diff"]
    assert entry["before"] == before
    assert (
        entry["after"] == own_lab.run("gpu01", "cat /proc/sys/kernel/random/boot_id").stdout.strip()
    )
    assert told["status"] == "changed"
    assert refused["status"] == "failed"
    assert refused["msg"].startswith("Reboot command failed")
