"""Runs over SSH on real hosts: users, keys, troubles of one host that are not the others'."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.labfixture import LabHostFactory, TestLab

pytestmark = pytest.mark.lab

PROVISION = Path(sys.executable).with_name("provision")


class Ended:
    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.err = done.stderr
        self.events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
        self.tasks = [event for event in self.events if event["type"] == "task"]

    def of(self, host: str) -> list[tuple[str, str]]:
        return [(task["task"], task["status"]) for task in self.tasks if task["host"] == host]

    def message(self, host: str) -> str:
        return " ".join(str(t.get("msg", "")) for t in self.tasks if t["host"] == host)


def apply(
    project: Path, playbook: str, *inventories: Path | str, args: tuple[str, ...] = ()
) -> Ended:
    path = project / "play.yml"
    path.write_text(playbook)
    argv: list[str] = [str(PROVISION), "apply", str(path), "--json", *args]
    for inventory in inventories:
        argv += ["-i", str(inventory)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1, 3, 4, 130), done.stderr
    return Ended(done)


def as_user(lab: TestLab, project: Path, user: str, **more: str) -> Path:
    """An inventory with the lab's first host, logged in as `user`."""
    host = lab.hosts[0]
    lines = [
        f"{host.name} ansible_host={host.address} ansible_user={user}"
        f" ansible_ssh_private_key_file={lab.key} provision_known_hosts={lab.known_hosts} "
        + " ".join(f"{key}={value}" for key, value in more.items())
    ]
    path = project / "user.ini"
    path.write_text("\n".join(lines) + "\n")
    return path


WHO = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - {name: who, command: id -un, register: who, changed_when: false}
    - {name: say, debug: {msg: "{{ who.stdout }}"}}
    - {name: other, command: id -un, become_user: ops, register: other, changed_when: false}
    - {name: say other, debug: {msg: "{{ other.stdout }}"}}
    - {name: mine, command: id -un, become: false, register: mine, changed_when: false}
    - {name: say mine, debug: {msg: "{{ mine.stdout }}"}}
"""


def test_sudo_without_a_password(lab: TestLab, tmp_path: Path) -> None:
    ended = apply(tmp_path, WHO, as_user(lab, tmp_path, "ops"))
    host = lab.hosts[0].name
    assert ended.code == 0
    said = [t["msg"] for t in ended.tasks if t["task"].startswith("say")]
    assert said == ["root", "ops", "ops"]
    assert [status for _, status in ended.of(host)] == ["ok"] * 6


def test_sudo_with_a_password_from_a_file(lab: TestLab, tmp_path: Path) -> None:
    secret = tmp_path / "sudo"
    secret.write_text("lab\n")
    args = ("--become-password-file", str(secret))
    ended = apply(tmp_path, WHO, as_user(lab, tmp_path, "lab"), args=args)
    assert ended.code == 0
    said = [t["msg"] for t in ended.tasks if t["task"].startswith("say")]
    assert said == ["root", "ops", "lab"]


def test_a_wrong_sudo_password_is_said_at_once(lab: TestLab, tmp_path: Path) -> None:
    secret = tmp_path / "sudo"
    secret.write_text("not-the-password\n")
    args = ("--become-password-file", str(secret))
    ended = apply(tmp_path, WHO, as_user(lab, tmp_path, "lab"), args=args)
    assert ended.code == 1
    assert "wrong sudo password" in ended.message(lab.hosts[0].name)
    assert "not-the-password" not in json.dumps(ended.events)


def test_sudo_that_wants_a_password_nobody_gave(lab: TestLab, tmp_path: Path) -> None:
    ended = apply(tmp_path, WHO, as_user(lab, tmp_path, "lab"))
    assert ended.code == 1
    assert "sudo wants a password" in ended.message(lab.hosts[0].name)


def test_an_unknown_host_key_is_refused_with_its_fingerprint(lab: TestLab, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    host = lab.hosts[0]
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        f"{host.name} ansible_host={host.address} ansible_user=root"
        f" ansible_ssh_private_key_file={lab.key} provision_known_hosts={empty}\n"
    )
    ended = apply(tmp_path, "- hosts: all\n  tasks: [ping: ]\n", inventory)
    assert ended.code == 4
    assert "SHA256:" in json.dumps(ended.tasks)
    assert [status for _, status in ended.of(host.name)] == ["unreachable"]


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


def test_one_host_in_trouble_does_not_hold_up_the_others(lab: TestLab, tmp_path: Path) -> None:
    with silent_server() as port:
        extra = tmp_path / "extra.ini"
        extra.write_text(
            f"hangs ansible_host=127.0.0.1 ansible_port={port}\n"
            "refuses ansible_host=127.0.0.1 ansible_port=1\n"
        )
        playbook = "- hosts: all\n  tasks: [{name: go, command: 'true', changed_when: false}]\n"
        ended = apply(tmp_path, playbook, lab.inventory, extra, args=("-T", "2"))
    assert ended.code == 4
    for host in lab.hosts:
        assert ended.of(host.name) == [("go", "ok")]
    order = [task["host"] for task in ended.tasks]
    assert order.index("hangs") > max(order.index(host.name) for host in lab.hosts)
    assert [status for _, status in ended.of("hangs")] == ["unreachable"]
    assert [status for _, status in ended.of("refuses")] == ["unreachable"]
    assert ended.events[-1]["type"] == "summary"
    assert ended.events[-1]["hosts"]["hangs"]["unreachable"] == 1


def test_a_connection_that_breaks_in_a_task_is_that_hosts_alone(
    lab: TestLab, tmp_path: Path
) -> None:
    victim = lab.hosts[1].name
    playbook = f"""
- hosts: all
  gather_facts: false
  tasks:
    - {{name: before, command: "true", changed_when: false}}
    - name: cut
      shell: "kill -9 $(awk '{{print $4}}' /proc/$PPID/stat)"
      when: inventory_hostname == '{victim}'
    - {{name: after, command: "true", changed_when: false}}
"""
    ended = apply(tmp_path, playbook, lab.inventory)
    assert ended.code == 4
    assert ended.of(victim)[-1][1] == "unreachable"
    for host in lab.hosts:
        if host.name != victim:
            assert ended.of(host.name)[-1] == ("after", "ok")


def test_a_task_deadline_ends_the_program(lab: TestLab, tmp_path: Path) -> None:
    playbook = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: forever, command: sleep 98765, timeout: 1}
"""
    ended = apply(tmp_path, playbook, lab.inventory, args=("-l", lab.hosts[0].name))
    assert ended.code == 1
    assert "did not end within 1 s" in ended.message(lab.hosts[0].name)
    assert lab.run(lab.hosts[0].name, "pgrep -fx 'sleep 98765'", check=False).returncode == 1


def _start(lab: TestLab, project: Path, seconds: str) -> subprocess.Popen[str]:
    path = project / "play.yml"
    path.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - {{name: first, command: sleep {seconds}}}\n"
        "    - {name: second, command: touch /tmp/second-task}\n"
    )
    host = lab.hosts[0].name
    lab.run(host, "rm -f /tmp/second-task")
    argv = [str(PROVISION), "apply", str(path), "--json", "-i", str(lab.inventory), "-l", host]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        if lab.run(host, f"pgrep -fx 'sleep {seconds}'", check=False).returncode == 0:
            return process
        time.sleep(0.05)
    raise AssertionError("the first task did not start")


def test_ctrl_c_lets_the_task_end_and_starts_no_other(lab: TestLab, tmp_path: Path) -> None:
    process = _start(lab, tmp_path, "3.21")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    tasks = [json.loads(line) for line in out.splitlines() if '"type":"task"' in line]
    assert [(t["task"], t["status"]) for t in tasks] == [("first", "changed")]
    assert process.returncode == 130
    assert lab.run(lab.hosts[0].name, "test -e /tmp/second-task", check=False).returncode == 1


def test_a_second_ctrl_c_cuts_and_leaves_nothing_running(lab: TestLab, tmp_path: Path) -> None:
    process = _start(lab, tmp_path, "654.3")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    _is_gone(lab, "sleep 654.3")


def _is_gone(lab: TestLab, what: str) -> None:
    for _ in range(100):
        if lab.run(lab.hosts[0].name, f"pgrep -fx '{what}'", check=False).returncode == 1:
            return
        time.sleep(0.1)
    raise AssertionError(f"{what} still runs")


def test_nothing_runs_on_after_the_controller_was_killed(lab: TestLab, tmp_path: Path) -> None:
    process = _start(lab, tmp_path, "543.2")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _is_gone(lab, "sleep 543.2")
    assert lab.run(lab.hosts[0].name, "test -e /tmp/second-task", check=False).returncode == 1


def test_a_host_without_python_says_so_and_raw_works(
    lab_host: LabHostFactory, tmp_path: Path
) -> None:
    bare, host = lab_host(python=False)
    ended = apply(tmp_path, "- hosts: all\n  tasks: [ping: ]\n", bare.inventory)
    assert ended.code == 4
    assert "no Python on the host" in ended.message(host.name)
    raw = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: bare, raw: "uname -s && id -un", register: r}
    - {name: say, debug: {msg: "{{ r.stdout_lines }}"}}
"""
    ended = apply(tmp_path, raw, bare.inventory)
    assert ended.code == 0
    assert ended.of(host.name) == [("bare", "changed"), ("say", "ok")]
