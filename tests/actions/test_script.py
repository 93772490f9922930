"""script and getent, on this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


@pytest.fixture
def tool(here: ActionHost) -> str:
    folder = here.project / "files"
    folder.mkdir()
    (folder / "tool.sh").write_text(
        '#!/bin/sh\necho "$0"; pwd; for w in "$@"; do echo "<$w>"; done; stat -c %a "$0"\n'
    )
    (folder / "prog.py").write_text("import sys\nprint(sys.argv[1:], sys.flags.isolated)\n")
    return "tool.sh"


def test_a_script_runs_and_leaves_nothing(here: ActionHost, tool: str, tmp_path: Path) -> None:
    outcome = here.run("script", cmd=f"{tool} a 'b  c' ';x'", chdir=str(tmp_path))
    assert outcome.status == "changed", outcome.msg
    place, folder, *words, mode = outcome.data["stdout_lines"]
    assert (folder, words, mode) == (str(tmp_path), ["<a>", "<b  c>", "<;x>"], "700")
    assert not Path(place).parent.exists()


def test_a_script_with_its_interpreter(here: ActionHost, tool: str) -> None:
    outcome = here.run("script", cmd="prog.py x", executable="python3 -I")
    assert outcome.data["stdout"] == "['x'] 1"


def test_a_script_with_creates(here: ActionHost, tool: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert here.run("script", cmd=tool, creates=str(mark), check=True).status == "changed"
    mark.touch()
    assert here.run("script", cmd=tool, creates=str(mark)).status == "ok"
    assert here.run("script", cmd=tool, check=True).status == "unknown"


def test_a_script_that_fails_leaves_nothing(here: ActionHost, tool: str) -> None:
    script = here.project / "files" / "bad.sh"
    script.write_text('#!/bin/sh\necho "$0"; exit 4\n')
    outcome = here.run("script", cmd="bad.sh")
    assert (outcome.status, outcome.data["rc"]) == ("failed", 4)
    assert not Path(outcome.data["stdout"]).parent.exists()
    assert stat.S_IMODE(script.stat().st_mode) & 0o100 == 0  # ours need not be executable


def test_a_missing_script_is_named(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match=r"nothing\.sh"):
        here.run("script", cmd="nothing.sh")


def test_getent(here: ActionHost) -> None:
    outcome = here.run("getent", database="passwd", key="root")
    assert outcome.facts["getent_passwd"]["root"][1:3] == ["0", "0"]
    assert "root" in here.run("getent", database="group").facts["getent_group"]


def test_getent_of_what_is_not_there(here: ActionHost) -> None:
    outcome = here.run("getent", database="passwd", key="prv-nobody")
    assert outcome.status == "failed"
    fine = here.run("getent", database="passwd", key="prv-nobody", fail_key=False)
    assert fine.facts["getent_passwd"] == {"prv-nobody": None}
    assert "unknown database" in here.run("getent", database="nonsense").msg
