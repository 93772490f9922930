"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.labfixture import lab, lab_host, labs, pytest_runtest_setup

__all__ = ["lab", "lab_host", "labs", "own_history", "pytest_runtest_setup"]


@pytest.fixture(scope="session", autouse=True)
def own_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of tests are no part of the user's history."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("history") / "history.sqlite3"
        patch.setenv("PROVISION_HISTORY", str(path))
        yield
