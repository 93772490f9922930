"""shell, on this machine."""

from __future__ import annotations

from pathlib import Path

from tests.actions.harness import ActionHost


def test_shell_runs_a_line_in_a_shell(here: ActionHost, tmp_path: Path) -> None:
    outcome = here.run(
        "shell", cmd="read x; echo $x | tr a-z A-Z; pwd", stdin="hi", chdir=str(tmp_path)
    )
    assert outcome.status == "changed"
    assert outcome.data["stdout_lines"] == ["HI", str(tmp_path)]
    assert outcome.data["cmd"] == "read x; echo $x | tr a-z A-Z; pwd"


def test_shell_uses_another_shell(here: ActionHost) -> None:
    outcome = here.run("shell", cmd="echo ${BASH_VERSION:+bash}", executable="/bin/bash")
    assert outcome.data["stdout"] == "bash"


def test_shell_with_creates(here: ActionHost, tmp_path: Path) -> None:
    line = f"touch {tmp_path}/mark"
    assert here.run("shell", cmd=line, creates=f"{tmp_path}/ma*", check=True).status == "changed"
    assert here.run("shell", cmd=line, creates=f"{tmp_path}/ma*").status == "changed"
    assert here.run("shell", cmd=line, creates=f"{tmp_path}/ma*").status == "ok"


def test_shell_is_unknown_in_check_mode(here: ActionHost) -> None:
    assert here.run("shell", cmd="exit 1", check=True).status == "unknown"
