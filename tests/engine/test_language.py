"""The playbook language, case by case: cases/*.yml hold playbooks and what must be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.support import run_playbook

CASES = Path(__file__).parent / "cases"


def _cases() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.yml")):
        for case in yaml.safe_load(path.read_text()):
            found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    return found


@pytest.mark.parametrize("case", _cases())
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    for name, text in (case.get("files") or {}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    expected = case["expect"]
    hosts = case.get("hosts") or list(expected)
    options: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in (case.get("options") or {}).items()
    }
    ran = run_playbook(
        tmp_path,
        case["playbook"],
        hosts=hosts,
        inventory=case.get("inventory", ""),
        extra=case.get("extra"),
        **options,
    )
    assert {host: ran.lines(host) for host in expected} == expected
    assert ran.summary.exit_code == case.get("exit", 0)
