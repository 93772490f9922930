"""What differences show, and what they must not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.engine.support import run_playbook

COPY = """
- hosts: all
  tasks:
    - name: put
      copy: {{dest: "{{{{ playbook_dir }}}}/there", content: "key=s3cr3t-value\\n", mode: "{mode}"}}
"""


def test_the_content_of_an_ordinary_file_is_shown(tmp_path: Path) -> None:
    ran = run_playbook(tmp_path, COPY.format(mode="0644"))
    shown = {entry["key"]: entry["after"] for entry in ran.result("a", "put").diff}
    assert shown["content"] == "key=s3cr3t-value\n"


def test_the_content_of_a_file_only_its_owner_reads_is_not(tmp_path: Path) -> None:
    for check in (True, False):
        ran = run_playbook(tmp_path, COPY.format(mode="0600"), check=check)
        result = ran.result("a", "put")
        assert result.status == "changed"
        assert "s3cr3t" not in json.dumps(result.to_json())
        shown = {entry["key"]: entry for entry in result.diff}
        assert shown["content"]["after"] == "(not shown: mode 0600)"
    (tmp_path / "there").write_text("older s3cr3t\n")
    result = run_playbook(tmp_path, COPY.format(mode="0600")).result("a", "put")
    assert "s3cr3t" not in json.dumps(result.to_json())
    assert result.diff[0]["before"] == "(not shown: mode 0600)"
