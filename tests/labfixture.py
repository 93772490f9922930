"""Fixtures for tests on real hosts.

    @pytest.mark.lab
    def test_it(lab: TestLab) -> None:
        host = lab.hosts[0]
        assert lab.run(host.name, ["hostname"]).stdout == "gpu01\n"

One lab of three bookworm hosts serves the whole session; nobody resets it between tests, so
leave no traces that others would trip over. `lab_host` hands out hosts of other kinds and
takes turns among several of one kind.

$PROVISION_TEST_LAB names a directory whose lab is used, and left running, instead of one
made for the session. Where no lab can boot, tests marked `lab` are skipped with the reason;
with CI=true they fail.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from provision.lab import Lab, LabHost, LabState, UpRequest, unavailable_reason
from provision.lab.remote import ssh_arguments

__all__ = [
    "LabHostFactory",
    "TestLab",
    "demand_lab",
    "lab",
    "lab_host",
    "labs",
    "pytest_runtest_setup",
]

_reason = cache(unavailable_reason)

LabHostFactory = Callable[..., tuple["TestLab", LabHost]]


@dataclass(frozen=True, slots=True)
class TestLab:
    """A running lab. `inventory`, `key` and `known_hosts` are the files `lab up` wrote."""

    __test__ = False

    handle: Lab
    state: LabState

    @property
    def hosts(self) -> tuple[LabHost, ...]:
        return self.state.hosts

    @property
    def inventory(self) -> Path:
        return self.handle.layout.inventory

    @property
    def key(self) -> Path:
        return self.handle.layout.key

    @property
    def known_hosts(self) -> Path:
        return self.handle.layout.known_hosts

    def run(
        self,
        host: str,
        command: str | Sequence[str],
        *,
        login: str = "root",
        stdin: str = "",
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a shell line, or a list of words, through OpenSSH: a second opinion on what
        the code under test did."""
        line = command if isinstance(command, str) else shlex.join(command)
        done = subprocess.run(
            ssh_arguments(self.handle, host, login=login, command=line),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{host}: {line!r} ended with {done.returncode}: {done.stderr}")
        return done


def demand_lab() -> None:
    if reason := _reason():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no lab can boot: {reason}", pytrace=False)
        pytest.skip(f"no lab can boot: {reason}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lab"):
        demand_lab()


class _Labs:
    """The session's labs, one for each kind of host, booted when first asked for."""

    def __init__(self) -> None:
        shared = os.environ.get("PROVISION_TEST_LAB")
        self._keep = bool(shared)
        self._base = Path(shared) if shared else Path(tempfile.mkdtemp(prefix="provision-lab-"))
        self._up: dict[tuple[str, bool], TestLab] = {}
        self._turn = 0

    def get(self, release: str = "bookworm", *, python: bool = True) -> TestLab:
        demand_lab()
        kind = (release, python)
        if kind not in self._up:
            usual = kind == ("bookworm", True)
            suffix = "" if usual else f"-{release}{'' if python else '-nopython'}"
            directory = self._base if self._keep else self._base / "lab"
            handle = Lab(directory.with_name(directory.name + suffix))
            hosts = 3 if usual else 1
            request = UpRequest(
                hosts=hosts, releases=(release,), without_python=0 if python else hosts
            )
            self._up[kind] = TestLab(handle, handle.up(request))
        return self._up[kind]

    def next_host(
        self, *, release: str = "bookworm", python: bool = True
    ) -> tuple[TestLab, LabHost]:
        chosen = self.get(release, python=python)
        self._turn += 1
        return chosen, chosen.hosts[self._turn % len(chosen.hosts)]

    def close(self) -> None:
        if self._keep:
            return
        for made in self._up.values():
            made.handle.down()
        shutil.rmtree(self._base, ignore_errors=True)


@pytest.fixture(scope="session")
def labs() -> Iterator[_Labs]:
    """All labs of the session; tests want `lab` or `lab_host`."""
    made = _Labs()
    yield made
    made.close()


@pytest.fixture(scope="session")
def lab(labs: _Labs) -> TestLab:
    """Three bookworm hosts with Python, shared by all tests."""
    return labs.get()


@pytest.fixture(scope="session")
def lab_host(labs: _Labs) -> LabHostFactory:
    """`lab_host(release="bookworm", python=True)` gives (lab, host), another one each time
    where the lab has several of that kind."""
    return labs.next_host
