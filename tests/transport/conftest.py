"""Fixtures: servers to connect to, connectors that leave nothing behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from provision.transport.ssh import SshConnector

from tests.transport.sshd import Sshd, sshd_binary

MakeSshd = Callable[..., Sshd]
MakeConnector = Callable[..., SshConnector]


def _demand_sshd() -> None:
    if sshd_binary() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no sshd on this machine (Debian package openssh-server)", pytrace=False)
        pytest.skip("no sshd on this machine (Debian package openssh-server)")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for tests that do not change it."""
    _demand_sshd()
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeSshd]:
    """`make_sshd(config="", kinds=("ed25519",))`: a server of the test's own."""
    _demand_sshd()
    servers: list[Sshd] = []

    def make(config: str = "", kinds: tuple[str, ...] = ("ed25519",)) -> Sshd:
        server = Sshd(tmp_path_factory.mktemp("sshd"), config, kinds)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def make_connector(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeConnector]:
    """`make_connector(**options)`; afterwards no thread of ours may be left."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made: list[SshConnector] = []

    def make(**options: object) -> SshConnector:
        made.append(SshConnector(**options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for connector in made:
        connector.close()
    assert_no_threads()


@pytest.fixture
def connector(make_connector: MakeConnector) -> SshConnector:
    """With default options and without an agent."""
    return make_connector()


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with an empty .ssh."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    return home


def assert_no_threads() -> None:
    """No thread of an SSH session or tunnel lives on."""
    deadline = time.monotonic() + 10
    while left := [t for t in threading.enumerate() if t.name.startswith(("ssh ", "tunnel"))]:
        if time.monotonic() > deadline:
            raise AssertionError(f"threads left: {left}")
        left[0].join(0.5)
