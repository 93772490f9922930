from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reports.scripted import CASES, play_case


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_console_says_exactly_this(path: Path) -> None:
    said = play_case(path)
    expected = path.with_suffix(".txt")
    if os.environ.get("PROVISION_WRITE_CASES"):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")


def test_every_text_has_its_case() -> None:
    stray = {p.stem for p in CASES.glob("*.txt")} - {p.stem for p in CASES.glob("*.yml")}
    assert not stray
