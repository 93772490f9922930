"""Fixtures of the action tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from provision.lab.remote import ssh_arguments
from provision.transport import payload

from tests.actions.harness import ActionHost
from tests.actions.walled import walled
from tests.labfixture import LabHostFactory

__all__ = ["RealHost", "walled"]

RealHost = Callable[..., ActionHost]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[ActionHost]:
    """This machine as a host; `tmp_path/project` holds the project's files."""
    project = tmp_path / "project"
    project.mkdir()
    host = ActionHost(project)
    yield host
    host.close()


@pytest.fixture
def real(lab_host: LabHostFactory, tmp_path: Path) -> Iterator[RealHost]:
    """`real(release="bookworm")` gives a lab host with an agent, reached through OpenSSH."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    made: list[ActionHost] = []

    def make(*, release: str = "bookworm", login: str = "root") -> ActionHost:
        lab, host = lab_host(release=release)
        line = payload.command_line()
        argv = ssh_arguments(lab.handle, host.name, login=login, command=line)
        made.append(ActionHost(project, argv=argv))
        return made[-1]

    yield make
    for host in made:
        host.close()
