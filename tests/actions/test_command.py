"""command and ping, on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


def test_ping_answers(here: ActionHost) -> None:
    outcome = here.run("ping")
    assert (outcome.status, outcome.data["ping"]) == ("ok", "pong")


def test_command_reports_output_and_rc(here: ActionHost) -> None:
    outcome = here.run("command", argv=["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert outcome.status == "failed"
    assert (outcome.data["rc"], outcome.data["stdout"], outcome.data["stderr"]) == (3, "out", "err")


def test_command_is_unknown_in_check_mode(here: ActionHost, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    outcome = here.run("command", check=True, cmd=f"touch {mark}")
    assert outcome.status == "unknown"
    assert not mark.exists()


def test_command_with_creates_runs_once(here: ActionHost, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert here.run("command", cmd=f"touch {mark}", creates=str(mark)).status == "changed"
    assert here.run("command", cmd=f"touch {mark}", creates=str(mark)).status == "ok"


def test_command_cannot_have_both_forms(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="either 'cmd' or 'argv'"):
        here.run("command", cmd="true", argv=["true"])


def test_a_missing_program_is_named(here: ActionHost) -> None:
    outcome = here.run("command", cmd="no-such-program-here")
    assert outcome.status == "failed"
    assert "no-such-program-here" in outcome.msg
