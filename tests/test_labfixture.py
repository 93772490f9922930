"""Where no lab can boot, that is said: as a skip with the reason, and in CI as a failure."""

from __future__ import annotations

import pytest

from tests import labfixture


def test_tests_are_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labfixture, "_reason", lambda: "a lab needs root")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no lab can boot: a lab needs root"):
        labfixture.demand_lab()


def test_in_ci_they_fail_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labfixture, "_reason", lambda: "a lab needs root")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no lab can boot: a lab needs root"):
        labfixture.demand_lab()


def test_nothing_happens_where_one_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labfixture, "_reason", lambda: None)
    monkeypatch.setenv("CI", "true")
    labfixture.demand_lab()
