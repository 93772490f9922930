"""`provision ssh` as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.labfixture import TestLab

INVENTORY = """
all:
  hosts:
    plain: {}
    here: {ansible_connection: local}
    full:
      site: lab
      ansible_host: "{{ inventory_hostname }}.{{ site }}"
      ansible_port: 2222
      ansible_user: ops
      ansible_ssh_private_key_file: /keys/one
      provision_known_hosts: /etc/with space/known
      ansible_ssh_common_args: -J jump -o 'ProxyCommand=a b'
      ansible_timeout: 7
"""

# Stands in for ssh and prints what it was started with.
RECORDER = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


def provision_ssh(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "SHELL": "/bin/sh"}
    return subprocess.run(
        [sys.executable, "-m", "provision", "ssh", *words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "ssh").write_text(RECORDER)
    (tmp_path / "ssh").chmod(0o755)
    return tmp_path


def arguments(directory: Path, *words: str) -> list[str]:
    done = provision_ssh(directory, "-i", str(directory / "hosts.yml"), *words)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[str] = json.loads(done.stdout)
    return found


def test_a_host_without_settings(directory: Path) -> None:
    assert arguments(directory, "plain") == ["--", "plain"]


def test_everything_the_inventory_knows_is_passed_on(directory: Path) -> None:
    known = 'UserKnownHostsFile="/etc/with space/known" ~/.ssh/known_hosts ~/.ssh/known_hosts2'
    assert arguments(directory, "full", "--", "ls", "-l") == [
        "-l", "ops", "-p", "2222", "-i", "/keys/one", "-o", "IdentitiesOnly=yes", "-o", known,
        "-o", "ConnectTimeout=7", "-J", "jump", "-o", "ProxyCommand=a b",
        "--", "full.lab", "ls", "-l",
    ]  # fmt: skip


def test_the_command_line_wins(directory: Path) -> None:
    given = ["--user", "me", "--private-key", "/k", "--accept-new-host-keys", "full", "uptime"]
    found = arguments(directory, *given)
    assert found[:6] == ["-l", "me", "-p", "2222", "-i", "/k"]
    assert "StrictHostKeyChecking=accept-new" in found
    assert found[-1] == "uptime"


def test_a_local_host_gets_a_shell(directory: Path) -> None:
    inventory = str(directory / "hosts.yml")
    done = provision_ssh(directory, "-i", inventory, "here", "--", "echo", "it is $0")
    assert done.stdout == "it is /bin/sh\n"


def test_an_unknown_host(directory: Path) -> None:
    done = provision_ssh(directory, "-i", str(directory / "hosts.yml"), "plane")
    assert done.returncode == 2
    assert done.stderr == (
        "error: no host 'plane' in the inventory\n  hint: did you mean 'plain'?\n"
    )


@pytest.mark.lab
def test_a_real_login(lab: TestLab) -> None:
    host = lab.hosts[0].name
    done = subprocess.run(
        [sys.executable, "-m", "provision", "ssh", "-i", lab.inventory, host, "hostname; exit 5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (f"{host}\n", 5)
