"""Whatever becomes of the output, the run it tells of goes on to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "{{ 'x' * 100000 }}"}
    - debug: {msg: "{{ 'x' * 100000 }}"}
    - copy: {dest: "{{ playbook_dir }}/reached", content: "yes"}
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "hosts").write_text("a ansible_connection=local\n")
    words = ["apply", str(tmp_path / "play.yml"), "-i", str(tmp_path / "hosts")]
    return [sys.executable, "-m", "provision", *words]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_goes_away_does_not_stop_the_run(
    command: list[str], more: list[str], tmp_path: Path
) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*command, *more], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
    assert (tmp_path / "reached").read_text() == "yes"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_is_said_when_the_run_is_over(
    command: list[str], more: list[str], tmp_path: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, *more], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: the results could not be written\n"
        "  why: No space left on device\n"
        "  hint: the run itself went on to its end\n"
    )
    assert (tmp_path / "reached").read_text() == "yes"
