"""expect, with programs that ask on their terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.actions.harness import ActionHost


@pytest.fixture
def asks(tmp_path: Path) -> str:
    path = tmp_path / "asks"
    path.write_text(
        "#!/bin/bash\nread -p 'Name? ' name </dev/tty\nread -s -p 'Password: ' word </dev/tty\n"
        'echo; echo "hello $name, ${#word} letters"\nexit ${1:-0}\n'
    )
    path.chmod(0o755)
    return str(path)


ANSWERS: dict[str, Any] = {"Name\\?": "alice", "(?i)password": "geheim"}


def test_questions_are_answered(here: ActionHost, asks: str) -> None:
    outcome = here.run("expect", command=asks, responses=ANSWERS)
    assert (outcome.status, outcome.data["rc"]) == ("changed", 0)
    assert outcome.data["stdout"] == "Name? Password: \nhello alice, 6 letters"


def test_one_question_several_times(here: ActionHost, asks: str) -> None:
    answers = {"(Name\\?|Password:)": ["bob", "xy"]}
    outcome = here.run("expect", command=asks, responses=answers)
    assert outcome.data["stdout"].endswith("hello bob, 2 letters")
    outcome = here.run("expect", command=asks, responses={"(Name\\?|Password:)": ["bob"]})
    assert outcome.status == "failed"
    assert "No remaining responses" in outcome.msg


def test_failures(here: ActionHost, asks: str) -> None:
    outcome = here.run("expect", command=f"{asks} 3", responses=ANSWERS)
    assert (outcome.status, outcome.data["rc"]) == ("failed", 3)
    assert outcome.msg == "non-zero return code"
    outcome = here.run("expect", command=asks, responses={"Never": "x"}, timeout=0)
    assert outcome.msg == "command exceeded timeout"
    outcome = here.run("expect", command="/none/such", responses={})
    assert outcome.data["rc"] == 127


def test_what_is_there_already(here: ActionHost, asks: str) -> None:
    outcome = here.run("expect", command=asks, responses=ANSWERS, creates=asks)
    assert outcome.status == "ok"
    outcome = here.run("expect", command=asks, responses=ANSWERS, removes="/none", check=True)
    assert outcome.status == "ok"
    assert here.run("expect", command=asks, responses=ANSWERS, check=True).status == "unknown"
