"""Every file in cases/: a template, an expression or a condition, and what comes of it.

Values were recorded from ansible-core 2.19.14; where a case differs from it on purpose, it
says why in `differs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from provision.errors import ProvisionError
from provision.templating import Scope, Templar
from provision.yamlsource import load_file

from tests.templating.support import plain

CASES = Path(__file__).parent / "cases"
KINDS = ("template", "expression", "condition")


def _cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yml")):
        for case in load_file(path):
            yield pytest.param(case, id=f"{path.stem}:{case.mark.line}")


@pytest.fixture(scope="module")
def templar() -> Templar:
    return Templar()


def _outcome(case: Any, templar: Templar) -> object:
    scope = Scope([case.get("vars") or {}], templar=templar)
    if "condition" in case:
        return templar.condition(case["condition"], scope)
    if "expression" in case:
        return templar.evaluate(case["expression"], scope)
    return templar.render(case["template"], scope)


@pytest.mark.parametrize("case", list(_cases()))
def test_case(case: Any, templar: Templar) -> None:
    known = {*KINDS, "vars", "value", "error", "differs"}
    assert set(case) <= known
    assert len([kind for kind in KINDS if kind in case]) == 1
    if "error" in case:
        with pytest.raises(ProvisionError) as caught:
            _outcome(case, templar)
        assert case["error"] in str(caught.value)
        return
    got = plain(_outcome(case, templar))
    # By repr: 1, 1.0 and True are equal but not the same to a playbook.
    assert repr(got) == repr(plain(case["value"]))
