"""user and group on real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost

pytestmark = pytest.mark.lab

USER, GROUP = "prv-alice", "prv-gpu"
#: crypt(3) of a password nobody has
HASH = "$5$saltsalt$LZ0vJVYJ0xTC2Z0x7GcT5pZ1VlSHp0f0cUTP9h4b9S3"


@pytest.fixture
def host(real: RealHost) -> Iterator[ActionHost]:
    made = real()
    yield made
    made.run("user", name=USER, state="absent", remove=True, force=True)
    made.run("group", name=GROUP, state="absent")
    made.run("group", name=USER, state="absent")


def passwd(host: ActionHost) -> list[str]:
    line = host.run("command", argv=["getent", "passwd", USER]).data["stdout"]
    return str(line).split(":")


def shadow(host: ActionHost) -> list[str]:
    line = host.run("command", argv=["getent", "shadow", USER]).data["stdout"]
    return str(line).split(":")


def groups_of(host: ActionHost) -> set[str]:
    return set(host.run("command", argv=["id", "-nG", USER]).data["stdout"].split())


def test_a_system_user_without_home(host: ActionHost) -> None:
    wanted = {"system": True, "shell": "/usr/sbin/nologin", "home": "/srv/x", "create_home": False}
    diff = converges(host, "user", name=USER, **wanted)
    assert diff["state"] == ("absent", "present")
    entry = passwd(host)
    assert int(entry[2]) < 1000
    assert entry[5:] == ["/srv/x", "/usr/sbin/nologin"]
    assert host.run("command", argv=["test", "-e", "/srv/x"]).status == "failed"


def test_a_user_with_everything(host: ActionHost) -> None:
    converges(host, "group", name=GROUP, gid=43210)
    wanted: dict[str, Any] = {
        "uid": 43211,
        "group": GROUP,
        "groups": ["video", "audio"],
        "comment": "Alice A.",
        "shell": "/bin/bash",
        "password": HASH,
        "expires": 4102444800,
        "password_expire_max": 90,
    }
    diff = converges(host, "user", name=USER, **wanted)
    assert diff["group"] == (None, GROUP)
    assert diff["password"] == ("(not shown)", "(not shown)")
    assert passwd(host)[2:] == ["43211", "43210", "Alice A.", f"/home/{USER}", "/bin/bash"]
    assert groups_of(host) == {GROUP, "video", "audio"}
    line = shadow(host)
    assert (line[1], line[4], line[7]) == (HASH, "90", "47482")
    owner = host.run("command", argv=["stat", "-c", "%U:%G", f"/home/{USER}"]).data["stdout"]
    assert owner == f"{USER}:{GROUP}"


def test_groups_are_replaced_or_added_to(host: ActionHost) -> None:
    host.run("user", name=USER, groups="audio")
    assert converges(host, "user", name=USER, groups=["video"], append=True)["groups"] == (
        ["audio"],
        ["audio", "video"],
    )
    assert host.run("user", name=USER, groups=["audio"], append=True).status == "ok"
    assert converges(host, "user", name=USER, groups=["video"])["groups"][1] == ["video"]
    assert converges(host, "user", name=USER, groups=[])["groups"] == (["video"], [])


def test_a_password_is_set_locked_and_left_alone(host: ActionHost) -> None:
    host.run("user", name=USER)
    converges(host, "user", name=USER, password=HASH)
    converges(host, "user", name=USER, password_lock=True)
    assert shadow(host)[1] == "!" + HASH
    assert host.run("user", name=USER, password=HASH).status == "ok"
    converges(host, "user", name=USER, password_lock=False)
    other = host.run("user", name=USER, password="*", update_password="on_create")
    assert other.status == "ok"
    assert shadow(host)[1] == HASH


def test_the_home_directory_moves(host: ActionHost) -> None:
    host.run("user", name=USER)
    host.run("command", argv=["touch", f"/home/{USER}/kept"])
    converges(host, "user", name=USER, home="/srv/prv-moved", move_home=True)
    assert host.run("command", argv=["ls", "/srv/prv-moved"]).data["stdout"] == "kept"


def test_a_missing_home_directory_is_made(host: ActionHost) -> None:
    host.run("user", name=USER, create_home=False)
    assert converges(host, "user", name=USER)["home_exists"] == (False, True)
    seen = host.run("command", argv=["stat", "-c", "%U", f"/home/{USER}/.bashrc"])
    assert seen.data["stdout"] == USER


def test_an_ssh_key_is_made_once(host: ActionHost) -> None:
    converges(host, "user", name=USER, generate_ssh_key=True, ssh_key_type="ed25519")
    outcome = host.run("user", name=USER, generate_ssh_key=True, ssh_key_type="ed25519")
    key = f"/home/{USER}/.ssh/id_ed25519"
    assert outcome.data["ssh_key_file"] == key
    told = host.run("command", argv=["ssh-keygen", "-l", "-f", key]).data["stdout"]
    assert outcome.data["ssh_fingerprint"] == told


def test_a_removed_user_takes_its_home(host: ActionHost) -> None:
    host.run("user", name=USER)
    assert converges(host, "user", name=USER, state="absent", remove=True)["state"] == (
        "present",
        "absent",
    )
    assert host.run("command", argv=["test", "-e", f"/home/{USER}"]).status == "failed"


def test_a_missing_group_is_named(host: ActionHost) -> None:
    outcome = host.run("user", name=USER, groups=["prv-nowhere"])
    assert (outcome.status, outcome.msg) == ("failed", "Group prv-nowhere does not exist")
    predicted = host.run("user", name=USER, groups=["prv-nowhere"], check=True)
    assert predicted.status == "changed"
    assert "prv-nowhere" in predicted.data["warnings"][0]


def test_a_group_changes_its_number(host: ActionHost) -> None:
    converges(host, "group", name=GROUP, system=True)
    converges(host, "group", name=GROUP, gid=43299)
    converges(host, "group", name=GROUP, state="absent")


@pytest.mark.parametrize("name", ["", "-r", "a:b", "a\nb", "../x"])
def test_names_that_could_not_be_are_refused(host: ActionHost, name: str) -> None:
    with pytest.raises(PlaybookError, match="cannot be"):
        host.run("user", name=name)
