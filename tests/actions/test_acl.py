"""acl on a lab host, with setfacl and getfacl themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost

TOP = "/srv/prvacl"


@pytest.fixture
def host(real: RealHost) -> Iterator[ActionHost]:
    made = real()
    made.run("shell", cmd=f"mkdir -p {TOP}/d && touch {TOP}/f {TOP}/d/g")
    yield made
    made.run("shell", cmd=f"rm -rf {TOP}")


@pytest.mark.lab
def test_entries(host: ActionHost) -> None:
    task: dict[str, Any] = {"path": f"{TOP}/f", "entity": "nobody", "etype": "user"}
    diff = converges(host, "acl", **task, permissions="rw", state="present")
    assert list(diff) == ["user:nobody:rw"]
    outcome = host.run("acl", path=f"{TOP}/f")
    assert outcome.status == "ok"
    assert "user:nobody:rw-" in outcome.data["acl"]
    converges(host, "acl", **task, permissions="r", state="present")
    converges(host, "acl", **task, state="absent")
    assert "user:nobody:r--" not in host.run("acl", path=f"{TOP}/f").data["acl"]
    converges(host, "acl", path=TOP, entry="default:group:users:rx", state="present")
    converges(host, "acl", path=TOP, entry="g:users:rX", state="present", recursive=True)
    assert "group:users:r--" in host.run("acl", path=f"{TOP}/d/g").data["acl"]


@pytest.mark.lab
def test_a_path_that_is_not_there(host: ActionHost) -> None:
    task: dict[str, Any] = {"path": f"{TOP}/x", "entry": "u:nobody:r", "state": "present"}
    assert host.run("acl", **task).status == "failed"
    assert host.run("acl", **{**task, "check": True}).status == "unknown"


def test_what_makes_no_sense(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="etype:entity"):
        here.run("acl", path="/x", entry="alice", state="present")
    with pytest.raises(PlaybookError, match="'permissions' is needed"):
        here.run("acl", path="/x", etype="user", entity="alice", state="present")
