"""Outputs, locks and names."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import yaml
from provision.errors import InputError
from provision.lab import LabLayout, default_directory
from provision.lab.commands import Commands
from provision.lab.files import locked, write_atomic
from provision.lab.model import LabHost, LabState
from provision.lab.mounts import settle_lower
from provision.lab.outputs import inventory_data, write_outputs
from provision.lab.recipe import recipe_for
from provision.lab.seed import ensure_key, seed_sources

HOSTS = (
    LabHost("gpu01", 1, "bookworm", True, ("10.88.0.11",)),
    LabHost("gpu02", 2, "trixie", False, ("10.88.0.12", "10.88.0.13")),
)
STATE = LabState("10.88.0.0/21", HOSTS, mirror_port=8088)


def test_names_follow_from_the_directory_alone(tmp_path: Path) -> None:
    one, same, other = (
        LabLayout.at(path) for path in (tmp_path / "a", tmp_path / "x/../a", tmp_path / "b")
    )
    assert one == same
    assert one.lab_id != other.lab_id
    assert len(one.veth(200)) <= 15
    assert len(one.bridge) <= 15


@pytest.mark.parametrize("name", ["with,comma", "with:colon", 'with"quote'])
def test_a_directory_that_mount_options_cannot_carry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="a lab cannot live in"):
        LabLayout.at(tmp_path / name)


def test_the_default_directory_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROVISION_LAB_DIR", str(tmp_path))
    assert default_directory() == tmp_path
    monkeypatch.delenv("PROVISION_LAB_DIR")
    expected = "/var/lib/provision/lab" if os.geteuid() == 0 else "provision/lab"
    assert str(default_directory()).endswith(expected)


def test_the_inventory_has_groups_by_release_and_kind(tmp_path: Path) -> None:
    groups = inventory_data(LabLayout.at(tmp_path), STATE)["all"]["children"]
    assert groups["lab"]["hosts"] == {
        "gpu01": {"ansible_host": "10.88.0.11"},
        "gpu02-001": {"ansible_host": "10.88.0.12"},
        "gpu02-002": {"ansible_host": "10.88.0.13"},
    }
    assert groups["lab"]["vars"] == {
        "ansible_user": "root",
        "ansible_port": 22,
        "ansible_ssh_private_key_file": str(tmp_path / "key"),
        "provision_known_hosts": str(tmp_path / "known_hosts"),
        "lab_mirror": "http://10.88.0.1:8088",
        "miniconda_mirror": "http://10.88.0.1:8088/miniconda",
        "conda_channel_alias": "http://10.88.0.1:8088/conda",
        "pip_index_url": "http://10.88.0.1:8088/pypi/simple/",
    }
    assert list(groups["release_bookworm"]["hosts"]) == ["gpu01"]
    assert list(groups["release_trixie"]["hosts"]) == ["gpu02-001", "gpu02-002"]
    assert list(groups["nopython"]["hosts"]) == ["gpu02-001", "gpu02-002"]


def test_known_hosts_hold_each_name_with_the_hosts_own_key(tmp_path: Path) -> None:
    layout = LabLayout.at(tmp_path)
    for host in HOSTS:
        keys = layout.root(host.name) / "etc/ssh"
        keys.mkdir(parents=True)
        for kind in ("ed25519", "ecdsa"):
            (keys / f"ssh_host_{kind}_key.pub").write_text(f"{kind} KEY-{host.name} comment\n")
    write_outputs(layout, STATE)
    assert layout.known_hosts.read_text().splitlines() == [
        "gpu01,10.88.0.11 ed25519 KEY-gpu01",
        "gpu01,10.88.0.11 ecdsa KEY-gpu01",
        "gpu02-001,10.88.0.12 ed25519 KEY-gpu02",
        "gpu02-001,10.88.0.12 ecdsa KEY-gpu02",
        "gpu02-002,10.88.0.13 ed25519 KEY-gpu02",
        "gpu02-002,10.88.0.13 ecdsa KEY-gpu02",
    ]
    loaded = yaml.safe_load(layout.inventory.read_text())
    assert loaded == inventory_data(layout, STATE)
    config = layout.ssh_config.read_text()
    assert "Host gpu02-002\n  HostName 10.88.0.13\n" in config
    assert "StrictHostKeyChecking yes" in config


def test_apt_and_pip_point_to_the_mirror(tmp_path: Path) -> None:
    (tmp_path / "etc/apt/apt.conf.d").mkdir(parents=True)
    seed_sources(tmp_path, STATE, "trixie")
    sources = (tmp_path / "etc/apt/sources.list").read_text().splitlines()
    assert sources == [
        "deb http://10.88.0.1:8088/debian/ trixie main",
        "deb http://10.88.0.1:8088/debian/ trixie-updates main",
        "deb http://10.88.0.1:8088/debian-security/ trixie-security main",
    ]
    pip = (tmp_path / "etc/pip.conf").read_text()
    assert pip == (
        "[global]\nindex-url = http://10.88.0.1:8088/pypi/simple/\ntrusted-host = 10.88.0.1\n"
    )


def test_a_recipe_is_named_after_its_content() -> None:
    names = {
        recipe_for(release, python=python).name
        for release in ("bookworm", "trixie")
        for python in (True, False)
    }
    assert len(names) == 4
    assert recipe_for("trixie", python=True) == recipe_for("trixie", python=True)
    assert "python3" not in recipe_for("trixie", python=False).packages


def test_a_host_stays_on_the_root_it_was_made_on(tmp_path: Path) -> None:
    old, new = tmp_path / "rootfs-old", tmp_path / "rootfs-new"
    host = tmp_path / "gpu01"
    old.mkdir()
    assert settle_lower(host, old) == old
    (host / "upper").mkdir()
    assert settle_lower(host, new) == old
    old.rmdir()
    assert settle_lower(host, new) == new
    assert not (host / "upper").exists()


def test_writing_replaces_or_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "new \udcff")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_is_exclusive_and_survives_its_file_being_removed(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    order: list[str] = []
    asked = threading.Event()

    def second() -> None:
        with locked(path, waiting=asked.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(path):
        thread.start()
        assert asked.wait(10)
        order.append("first")
        path.unlink()
    thread.join(10)
    assert order == ["first", "second"]
    assert path.exists()


def test_the_labs_key_is_made_once_and_private(tmp_path: Path) -> None:
    layout = LabLayout.at(tmp_path)
    ensure_key(layout, Commands())
    key = layout.key.read_text()
    assert layout.key.stat().st_mode & 0o777 == 0o600
    (tmp_path / "key.pub").unlink()  # as a kill between the two halves leaves it
    ensure_key(layout, Commands())
    assert layout.key.read_text() != key
    assert (tmp_path / "key.pub").read_text().startswith("ssh-ed25519 ")
