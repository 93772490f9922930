"""Drift runs on this machine under several host names, through the command line."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cli.inprocess import Output, provision

__all__ = ["PLAYBOOK", "Project"]

#: Two files each host has of its own, a loop, and a handler.
PLAYBOOK = """
- name: site
  hosts: all
  gather_facts: false
  vars: {base: "{{ playbook_dir }}/root/{{ inventory_hostname }}"}
  tasks:
    - {name: limits file, copy: {dest: "{{ base }}/limits", content: "a=1\\n", mode: "0640"},
       notify: again}
    - {name: folder, file: {path: "{{ base }}/folder", state: directory, mode: "0755"}}
    - name: many
      copy: {dest: "{{ base }}/{{ item }}", content: "x\\n", mode: "0644"}
      loop: [one, two]
    - {name: say, debug: {msg: hello}}
  handlers:
    - {name: again, file: {path: "{{ base }}/handled", state: touch}}
"""


class Project:
    """A directory with a playbook and an inventory; every host's files lie in root/HOST."""

    def __init__(self, path: Path, hosts: Sequence[str] = ("a", "b"), playbook: str = PLAYBOOK):
        self.path = path
        self.hosts = hosts
        (path / "play.yml").write_text(textwrap.dedent(playbook))
        lines = "\n".join(f"{host} ansible_connection=local" for host in hosts)
        (path / "hosts.ini").write_text(f"[all]\n{lines}\n[odd]\n{hosts[0]}\n")
        for host in hosts:
            (path / "root" / host).mkdir(parents=True)

    def run(self, command: str, *args: str) -> Output:
        book, hosts = str(self.path / "play.yml"), str(self.path / "hosts.ini")
        return provision(command, book, "-i", hosts, *args)

    def events(self, *args: str) -> tuple[int, list[dict[str, Any]]]:
        done = self.run("drift", "--json", *args)
        assert not done.err, done.err
        return done.code, [json.loads(line) for line in done.out.splitlines()]

    def verdicts(self, *args: str) -> tuple[int, dict[str, str]]:
        """The exit code, and the verdicts by `HOST TASK` of everything but what is in sync."""
        code, events = self.events(*args)
        tasks = [event for event in events if event["type"] == "task"]
        quiet = ("", "in sync")
        told = {f"{t['host']} {t['task']}": str(t.get("verdict", "")) for t in tasks}
        return code, {name: verdict for name, verdict in told.items() if verdict not in quiet}

    def file(self, host: str, name: str) -> Path:
        return self.path / "root" / host / name

    def accept(self, text: str) -> None:
        (self.path / "accepted-drift.yml").write_text(textwrap.dedent(text))
