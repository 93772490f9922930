"""Fixtures of the action tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions.harness import ActionHost


@pytest.fixture
def here(tmp_path: Path) -> Iterator[ActionHost]:
    """This machine as a host; `tmp_path/project` holds the project's files."""
    project = tmp_path / "project"
    project.mkdir()
    host = ActionHost(project)
    yield host
    host.close()
